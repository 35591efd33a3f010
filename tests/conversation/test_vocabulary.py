"""What is recognised in a catalogue, and common words that are titles too."""

from __future__ import annotations

import time

import polars as pl
import pytest

from palate.conversation.vocabulary import Vocabulary
from palate.data.catalogue import Catalogue


def named(vocabulary: Vocabulary, text: str, strict: bool = False) -> list[str]:
    """Titles that a text names, in order."""
    titles = vocabulary.catalogue.titles
    return [titles[i] for one in vocabulary.titles(text, strict) for i in one.items]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("something like Heat but funnier", ["Heat (1995)"]),
        ("like heat", ["Heat (1995)"]),
        ("LIKE HEAT PLEASE", ["Heat (1995)"]),
        ("similar to heat and alien", ["Heat (1995)", "Alien (1979)"]),
        ("Seen Alien, Aliens and Amadeus", ["Alien (1979)", "Aliens (1986)", "Amadeus (1984)"]),
        ("Heat", ["Heat (1995)"]),
        ("'heat' and “seven”", ["Heat (1995)", "Seven (Se7en) (1995)"]),
        ("Heat was great", ["Heat (1995)"]),
        ("the empire strikes back again", ["Empire Strikes Back, The (1980)"]),
        ("Empire Strikes Back, The (1980)", ["Empire Strikes Back, The (1980)"]),
        ("like godfather", ["Godfather, The (1972)"]),
        ("sex lies and videotape", ["Sex, Lies, and Videotape (1989)"]),
        ("amelie, the double life of veronique", [
            "Double vie de Véronique, La (Double Life of Veronique, The) (1991)"]),
        ("I want Toy Story", ["Toy Story (1995)"]),
        ("newer than Jaws", ["Jaws (1975)"]),
        ("like Kids", ["Kids (1995)"]),
    ],
)  # fmt: skip
def test_titles(text: str, titles: list[str], vocabulary: Vocabulary) -> None:
    assert named(vocabulary, text) == titles


@pytest.mark.parametrize(
    "text",
    [
        "Big and funny",  # the start of a sentence
        "Speed me up",
        "I would like something big",
        "I'd like heat",
        "not big explosions",
        "films for kids",
        "it was up to me. He said that",
        "heated, reheat, alienation",
        "crime and comedy",
        "I love it",
        "has Michael Bay done anything, or Adam Speed",  # part of a name
        "Heat 2, Alien IV",  # others, which are not here
        "other than the birds outside",
        "not the others",
    ],
)
def test_common_words_are_no_titles(text: str, vocabulary: Vocabulary) -> None:
    assert named(vocabulary, text) == []


def test_strict_reading_lets_no_title_pass(vocabulary: Vocabulary) -> None:
    assert named(vocabulary, "Heat is on. Speed is better") == []
    assert named(vocabulary, "Heat is on. Speed is better", strict=True) == [
        "Heat (1995)",
        "Speed (1994)",
    ]


def test_a_title_of_several_items_names_them_all() -> None:
    films = [("a", "Sabrina (1954)"), ("b", "Sabrina (1995)"), ("c", "Her (2013)"), ("d", "It")]
    small = Vocabulary(Catalogue(pl.DataFrame(films, schema=["item", "title"], orient="row")))
    assert [one.items for one in small.titles("like Sabrina")] == [(0, 1)]
    assert [one.items for one in small.titles("like Sabrina (1995)")] == [(1,)]
    assert [one.items for one in small.titles("I loved Her and It, it hurt her")] == [(2,), (3,)]
    assert small.titles("I told her that it is up") == []
    assert small.genres == ()
    assert [small.year_of(item) for item in range(4)] == [1954, 1995, 2013, None]


def test_what_follows_a_colon_may_be_left_out() -> None:
    titles = ["Star Wars: A New Hope (1977)", "Star Wars: Return (1983)", "Alien: Again", "Alien"]
    frame = pl.DataFrame({"item": list("abcd"), "title": titles})
    small = Vocabulary(Catalogue(frame))
    assert [one.items for one in small.titles("like star wars")] == [(0, 1)]
    assert [one.items for one in small.titles("like Alien")] == [(3,)]


def test_genres_and_what_people_call_them(vocabulary: Vocabulary) -> None:
    said = vocabulary.genre_words
    assert "unknown" not in vocabulary.genres
    for words, genre, firm in [
        ("comedy comedies", "Comedy", True),
        ("funny funnier hilarious", "Comedy", False),
        ("scary creepy", "Horror", False),
        ("animated cartoons", "Animation", True),
        ("kids family", "Children's", True),
        ("scifi", "Sci-Fi", True),
        ("romantic", "Romance", False),
        ("westerns", "Western", True),
    ]:
        for word in words.split():
            assert said[word].groups == ((genre,),), word
            assert said[word].firm is firm, word
    assert said["sci fi"].groups == (("Sci-Fi",),)
    assert said["film noir"].groups == (("Film-Noir",),)
    assert said["romcom"].groups == (("Romance",), ("Comedy",))


def test_a_word_counts_only_where_the_genre_is() -> None:
    frame = pl.DataFrame(
        {
            "item": ["a", "b", "c"],
            "title": ["A", "B", "C"],
            "categories": ["Guitars, New", "", None],
        }
    )
    small = Vocabulary(Catalogue(frame))
    assert small.genres == ("Guitars", "New")
    assert set(small.genre_words) == {"guitars", "guitar"}  # "new" is said of anything
    assert small.has_any_genre.tolist() == [True, False, False]


@pytest.mark.parametrize("column", ["year", "release_year"])
@pytest.mark.parametrize("values", [[1999, None], ["1999-03-31", ""]])
def test_years_stand_in_a_column_or_in_the_title(column: str, values: list) -> None:
    frame = pl.DataFrame({"item": ["a", "b"], "title": ["A (1990)", "B (1990)"], column: values})
    assert Vocabulary(Catalogue(frame)).years.tolist() == [1999, 1990]


def test_large_catalogues_stay_fast(films: Catalogue) -> None:
    copies = [
        films.frame.with_columns(
            pl.format("{}-{}", "item", pl.lit(n)).alias("item"),
            pl.format("Part {} {}", pl.lit(n), "title").alias("title"),
        )
        for n in range(60)
    ]
    large = Vocabulary(Catalogue(pl.concat([films.frame, *copies])))
    assert len(large) > 100_000
    before = time.process_time()
    assert named(large, "something like Heat, not from the nineties")[:1] == ["Heat (1995)"]
    assert time.process_time() - before < 0.05
