"""Titles found in text, what of a history was named, and likeness to a reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.evaluation.text import (
    ABSENT,
    Titles,
    bleu,
    newest_distinct,
    recovery,
    rouge,
    true_shares,
)


@pytest.mark.parametrize(
    ("titles", "text", "named"),
    [
        (["Toy Story", "Toy Story 2"], "Toy Story 2", [1]),  # not the shorter one in it
        (["Toy Story", "Toy Story 2"], "Toy Story 2; Toy Story", [1, 0]),
        (["Heat"], "Heat, Heat and Heat", [0]),  # once
        (["Heat"], "Heated; Wheat; heatwave", []),
        (["Heat"], "HEAT!", [0]),
        (["Heat", "Seven"], "Seven; heat", [1, 0]),  # as they come
        (["What? (1972)", "M (1931)"], "m (1931), what? (1972)", [1, 0]),
        (["What? (1972)"], "Wha (1972)", []),  # a pattern would match
        (["M.*"], "MASH", []),
        (["A|B", "[abc]", "(", "\\d"], "b a 7", []),
        (["(", "$9.99"], "it costs $9.99 (", [1, 0]),
        (["...And Justice for All"], "see ...and justice for all", [0]),
        (["Star  Wars"], "Star\n Wars", [0]),
        (["A B", "B C D"], "A B C D", [1]),  # the longest, wherever it starts
        (["Solaris", "Heat", "Solaris"], "Solaris", [0]),  # two items, one title
        (["Straße"], "STRASSE", [0]),
        (["", " ", "Up"], "Up", [2]),
        (["Heat"], "", []),
    ],
)
def test_titles_in_text(titles: list[str], text: str, named: list[int]) -> None:
    assert Titles(titles).named(text) == named


def test_items_of_one_title_are_one() -> None:
    assert Titles(["Solaris", "Heat", "SOLARIS"]).same.tolist() == [0, 1, 0]


TITLE = st.text("ab(.*+?)[ ", min_size=1, max_size=8).filter(str.strip)


@given(st.lists(TITLE, min_size=1, max_size=6), st.text("ab(.*+?)[ ;", max_size=30))
def test_what_is_named_stands_in_the_text(titles: list[str], text: str) -> None:
    found = Titles(titles)
    named = found.named(text)
    assert len(named) == len(set(named))
    folded = " ".join(text.casefold().split())
    for item in named:
        assert " ".join(titles[item].casefold().split()) in folded


@given(st.lists(TITLE, min_size=1, max_size=6))
def test_a_title_alone_names_its_item(titles: list[str]) -> None:
    found = Titles(titles)
    for item, title in enumerate(titles):
        assert found.named(f"; {title};") == [found.same[item]]


def test_recovery_counts_each_true_item_once_where_it_came_last() -> None:
    found = recovery([[7, 1, 9], [], [5]], [[1, 2, 1, 7], [3, 4], []], length=3)
    assert found.items.tolist() == [[2, 1, 7], [ABSENT, 3, 4], [ABSENT] * 3]
    assert found.recovered.tolist() == [2, 0, 0]
    assert found.shares.tolist() == pytest.approx([2 / 3, 0, 0])
    assert found.distribution().tolist() == [2, 0, 1, 0]
    np.testing.assert_allclose(found.by_position(), [1 / 2, 1 / 2, 0])


def test_positions_that_nobody_has_are_nan() -> None:
    positions = recovery([[1]], [[1]], length=2).by_position()
    assert positions[0] == 1
    assert np.isnan(positions[1])


def test_recovery_by_popularity_is_of_true_items() -> None:
    popularity = np.array([0, 5, 5, 9])
    found = recovery([[3, 1], [0]], [[0, 1, 3], [2, 3]], length=3)
    rows = found.by_popularity(popularity)
    assert [(row["low"], row["high"], row["items"], row["share"]) for row in rows] == [
        (0, 0, 1, 0.0),
        (5, 5, 2, 0.5),
        (9, 9, 2, 0.5),
    ]
    assert recovery([], [], length=3).by_popularity(popularity) == []


def test_the_newest_distinct_items() -> None:
    assert newest_distinct([1, 2, 1, 3], 2) == [1, 3]
    assert newest_distinct([1, 2, 1, 3], 9) == [2, 1, 3]
    assert newest_distinct([], 3) == []


def test_shares_of_what_is_named() -> None:
    assert true_shares([[1, 2], [], [3]], [[2, 5], [1], [3]]).tolist() == [0.5, 0, 1]


def test_bleu_and_rouge_of_known_texts() -> None:
    texts, references = ["a b c d e f"], ["a b c d e f"]
    assert bleu(texts, references) == pytest.approx(100)
    assert rouge(texts, references) == pytest.approx({"rouge1": 1, "rouge2": 1, "rougeL": 1})
    found = rouge(["the cat sat", "x"], ["the cat", "y"])
    # Of three words two are right, and both that were wanted: F1 is 2 * (2/3 * 1) / (2/3 + 1).
    assert found["rouge1"] == pytest.approx(0.8 / 2)
    assert found["rouge2"] == pytest.approx((2 / 3) / 2)
    assert 0 < bleu(["a b c d x"], ["a b c d e"]) < 100
