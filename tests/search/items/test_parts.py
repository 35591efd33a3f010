"""The parts of a search for items: documents, conditions, titles, taste."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.search.items.conditions import Conditions
from palate.search.items.documents import documents, index_of
from palate.search.items.taste import mixed, proportions, shares, taste_features
from palate.search.items.titles import Titles
from palate.search.lexical import BM25, BM25Config
from palate.search.results import Query

FILMS = Catalogue(
    pl.DataFrame(
        {
            "item": ["a", "b", "c", "d", "e"],
            "title": [
                "Amélie (2001)", "Big Heat, The (1953)", "Heat (1995)", "War, The (1994)", "It",
            ],
            "genres": [["Comedy", "Romance"], ["Crime", "Drama"], ["Crime"], ["War"], None],
            "stars": [4, 3, 5, 1, 2],
        }
    )
)  # fmt: skip
CONDITIONS = Conditions(FILMS)


def found(index: object, text: str) -> list[str]:
    return BM25(BM25Config(), index).retrieve([Query("q", text)], 10)[0].documents  # type: ignore[arg-type]


def test_items_are_documents() -> None:
    one = documents(FILMS)[0]
    assert (one.id, one.title, one.text) == ("a", "Amélie (2001)", "Comedy, Romance")


def test_an_index_follows_its_catalogue_and_is_left_alone_where_nothing_changed(
    tmp_path: Path,
) -> None:
    index = index_of(FILMS, tmp_path / "search")
    assert sorted(found(index, "crime")) == ["b", "c"]
    before = index.snapshot().generation
    assert index_of(FILMS, tmp_path / "search").snapshot().generation == before
    # One is gone, one is new, and one is described anew.
    frame = FILMS.frame.filter(pl.col("item") != "b")
    new = pl.DataFrame(
        {"item": ["f"], "title": ["Fargo (1996)"], "genres": [["Crime"]], "stars": [5]}
    )
    changed = frame.with_columns(
        title=pl.when(pl.col("item") == "c").then(pl.lit("Cold")).otherwise("title")
    )
    again = index_of(Catalogue(pl.concat([changed, new])), tmp_path / "search")
    assert sorted(found(again, "crime")) == ["c", "f"]
    assert found(again, "heat") == []
    assert again.snapshot().generation == before + 1


@pytest.mark.parametrize(
    ("written", "items"),
    [
        (["year>=1994"], "acd"),  # of the titles, where no column says it
        (["year>1994", "year<=2000"], "c"),
        (["genre=comedy|war"], "ad"),
        (["genres = Crime", "genre!=Drama"], "c"),
        (["genre=Comedy", "genre=War"], "ad"),
        (["STARS<3"], "de"),
        (["stars=5"], "c"),
        (["genre!=Crime"], "ade"),
    ],
)
def test_conditions(written: list[str], items: str) -> None:
    mask = Conditions(FILMS).mask(written)
    assert "".join(one for one, kept in zip(FILMS.items, mask, strict=True) if kept) == items


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("gnre=Drama", "no attribute 'gnre'; there are: genres, stars, year; did you mean genres"),
        ("comedy", "'comedy' is no condition: write NAME=VALUE"),
        ("year>=old", "'old' is no number"),
        ("genre>=3", "there are no numbers in it"),
    ],
)
def test_what_is_no_condition_is_told(written: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Conditions(FILMS).mask([written])


@given(st.text() | st.from_regex(r"(genre|year|stars) ?[<>=!]=?.*", fullmatch=True))
def test_whatever_is_written_is_a_condition_or_is_told_not_to_be(written: str) -> None:
    with suppress(ConfigError):
        assert CONDITIONS.mask([written]).shape == (len(FILMS),)


def test_titles_are_known_as_people_type_them() -> None:
    titles = Titles(FILMS.titles, ["War"])
    assert titles.named("amelie") == titles.named("Amélie (2001)") == [0]
    assert titles.named("the big heat") == titles.named("Big Heat, The") == [1]
    assert titles.named("HEAT") == [2]
    assert titles.named("it") == [4]
    assert titles.named("big") == titles.named("heat film") == titles.named("?!") == []
    assert titles.named("war") == []  # a genre: any film of it may be meant


Scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@given(Scores, st.floats(0.01, 100), st.floats(-100, 100))
def test_taste_and_relevance_are_the_same_in_any_unit(
    values: list[float], unit: float, zero: float
) -> None:
    scores = np.round(np.array(values), 2)
    told = shares(scores)
    assert ((told >= 0) & (told <= 1)).all()
    assert (np.diff(told[np.argsort(scores, kind="stable")]) >= 0).all()
    assert math.isclose(told.mean(), 0.5)
    np.testing.assert_allclose(shares(scores * 8 + 1), told)
    listed = np.sort(np.abs(scores))[::-1]
    relevance = proportions(listed)
    np.testing.assert_allclose(proportions(listed * unit), relevance, atol=1e-9)
    for one in (relevance, proportions(listed - 1e7), proportions(listed[::-1] + zero)):
        assert ((one >= 0) & (one <= 1)).all()
        assert (np.diff(one) <= 0).all()


@given(Scores, st.floats(0, 1), st.randoms())
def test_a_mixture_lies_between_its_parts(
    values: list[float], weight: float, chance: object
) -> None:
    relevance = proportions(np.sort(np.abs(values))[::-1])
    taste = shares(np.array([chance.random() for _ in values]))  # type: ignore[attr-defined]
    found = mixed(relevance, taste, weight)
    assert (found <= np.maximum(relevance, taste) + 1e-12).all()
    assert (found >= np.minimum(relevance, taste) - 1e-12).all()
    np.testing.assert_array_equal(mixed(relevance, taste, 0), relevance)


def test_taste_as_features_of_the_ranker() -> None:
    scores = {"u": np.array([3.0, 1.0, np.nan, 9.0, 5.0])}
    features = taste_features(scores, FILMS.items)
    mine, other = Query("q", "heat", "u"), Query("q", "heat")
    assert features["taste"](mine, "d") == features["taste_top"](mine, "d") == 1
    assert features["taste"](mine, "b") == 0
    assert features["taste_top"](mine, "a") == pytest.approx(1 / 3)
    for query, item in ((mine, "c"), (mine, "nowhere"), (other, "d")):
        assert math.isnan(features["taste"](query, item))
        assert math.isnan(features["taste_top"](query, item))
