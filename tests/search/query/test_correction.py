"""Spelling: distances by their definition, misspellings mended, right queries left alone."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.search.query.correction import CorrectionConfig, Corrector
from palate.search.query.edits import NearWords, damerau_levenshtein
from palate.search.results import Query

from ..recorded import small
from ..shelf import SHELF

TEXTS = [f"{title}. {text}" for title, text in SHELF.values()] * 3
WORDS = st.text("abcé", max_size=6)


def by_definition(a: str, b: str) -> int:
    """The restricted distance by its recursion, without a table."""
    if not a or not b:
        return len(a) + len(b)
    found = min(
        by_definition(a[:-1], b) + 1,
        by_definition(a, b[:-1]) + 1,
        by_definition(a[:-1], b[:-1]) + (a[-1] != b[-1]),
    )
    if len(a) > 1 and len(b) > 1 and (a[-1], a[-2]) == (b[-2], b[-1]):
        found = min(found, by_definition(a[:-2], b[:-2]) + 1)
    return found


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 3))
def test_distances(a: str, b: str, most: int) -> None:
    expected = by_definition(a, b)
    assert damerau_levenshtein(a, b) == damerau_levenshtein(b, a) == expected
    assert damerau_levenshtein(a, b, most) == min(expected, most + 1)


@given(st.lists(WORDS, unique=True, max_size=20), WORDS, st.integers(0, 2))
def test_near_words_are_all_found(words: list[str], typed: str, most: int) -> None:
    found = NearWords(words).near(typed, most)
    expected = {(w, damerau_levenshtein(typed, w)) for w in words}
    assert set(found) == {(w, d) for w, d in expected if d <= most}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("how do hoeny bees danec", "how do honey bees dance"),
        ("sourdugh bread", "sourdough bread"),
        ("Tunning a pianoo", "Tuning a piano"),
        ("ESPRESO BEANS", "ESPRESSO BEANS"),
        ("mars rovr!", "mars rover!"),
        ("the read planet's dust", "the read planet's dust"),  # read is five edits from nothing
    ],
)
def test_misspellings_are_mended(typed: str, meant: str) -> None:
    corrector = Corrector(TEXTS, ["read"])
    assert corrector.correct(typed).text == meant


@pytest.mark.parametrize(
    "typed",
    ["green tea", "SKU-48XK tea", "b0wline", "Wallander", "xy tae", "", "  ", "?!", "water of 80"],
)
def test_what_is_right_or_a_code_stays(typed: str) -> None:
    found = Corrector(TEXTS, ["Wallander", "tae"]).correct(typed)
    assert (found.text, found.changed) == (typed, ())


def test_common_words_that_no_document_has_stay() -> None:
    alone = CorrectionConfig(dictionary=None)
    assert Corrector(TEXTS, config=alone).correct("sourdough breed").text == "sourdough bread"
    assert Corrector(TEXTS).correct("sourdough breed").text == "sourdough breed"
    assert Corrector(TEXTS).correct("sourdough braed").text == "sourdough bread"


@given(st.text(max_size=40))
def test_any_text_can_be_looked_at(text: str) -> None:
    found = CORRECTOR.correct(text)
    if not found.changed:
        assert found.text == text


CORRECTOR = Corrector(TEXTS)
XOON = Query("1", "phases of the xoon")


def test_right_queries_are_not_damaged() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        words = TEXTS[random.integers(len(TEXTS))].split()
        start = random.integers(len(words))
        query = " ".join(words[start : start + 4])
        assert CORRECTOR.correct(query).text == query


@pytest.mark.parametrize("typed", ["brewing", "dances", "EMAs of tea", "well-brewed", "stringent"])
def test_right_words_that_the_documents_lack_stay(typed: str) -> None:
    texts = [*TEXTS, "the well is brewed, and strange bees dance"] * 2
    assert Corrector(texts).correct(typed).text == typed


def test_the_word_before_decides() -> None:
    texts = ["bread dough rises"] * 3 + ["wild goose rises"] * 9 + ["goose doudh"] * 0
    near = Corrector(["sour milk"] * 5 + ["four mills"] * 5)
    assert near.correct("sour milx").text == "sour milk"
    assert Corrector(texts).correct("bread douhg").text == "bread dough"


def test_the_query_stays_beside_its_correction() -> None:
    mended, right = CORRECTOR.rewrite([Query("1", "hoeny bees"), Query("2", "honey bees")])
    assert [one.text for one in mended.texts] == ["hoeny bees", "honey bees"]
    assert [one.text for one in right.texts] == ["honey bees"]


def test_a_model_arbitrates_between_near_spellings() -> None:
    texts = ["the moon", "the soon", "the noon"] * 5
    config = CorrectionConfig(margin=3, unknown=20)
    found = Corrector(texts, config=config, model=small()).rewrite(
        [Query("1", "phases of the xoon")]
    )
    spellings = {
        one.text for one in Corrector(texts, config=config).spellings("phases of the xoon")
    }
    assert spellings == {f"phases of the {word}" for word in ("moon", "soon", "noon", "xoon")}
    assert found[0].texts[1].text in spellings
    assert found[0].texts[1].text == "phases of the moon"


def test_large_vocabularies_take_milliseconds() -> None:
    random = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = {"".join(random.choice(letters, random.integers(4, 11))) for _ in range(30_000)}
    near = NearWords(sorted(words))
    near.near("warm", 2)
    started = time.perf_counter()
    near.near("trhoens", 2)
    assert time.perf_counter() - started < 1
