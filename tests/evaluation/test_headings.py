"""Soft recall and entity recall, by hand, with what they are known to get wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.evaluation.headings import (
    entity_recall,
    heading_scores,
    named_by_rule,
    soft_cardinality,
)

WORDS = ["graph", "text", "user", "item", "cold", "start"]


def bag(texts: Sequence[str]) -> np.ndarray:
    """One axis per word."""
    words = sorted({word for text in texts for word in text.split()})
    return np.array([[text.split().count(word) for word in words] for text in texts], dtype=float)


def test_soft_cardinality_counts_what_is_different() -> None:
    same = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    assert soft_cardinality(same) == pytest.approx(2)
    half = np.array([[1.0, 0.0], [1.0, math.sqrt(3)]])  # cosine 1/2
    assert soft_cardinality(half) == pytest.approx(2 / 1.5)
    assert soft_cardinality(np.empty((0, 3))) == 0


def test_negative_cosines_do_not_explode() -> None:
    opposite = np.array([[1.0, 0.0], [-1.0, 1e-9]])  # unclipped: 1 + cos is about 0
    assert soft_cardinality(opposite) == pytest.approx(2)
    assert soft_cardinality(np.zeros((2, 2))) == pytest.approx(2)


def test_half_of_the_headings_is_half_the_recall() -> None:
    scores = heading_scores(["graph", "text"], ["graph"], bag)
    assert scores.soft_recall == pytest.approx(0.5)
    assert scores.soft_precision == pytest.approx(1)
    assert scores.f1 == pytest.approx(2 / 3)


def test_many_headings_buy_recall_and_lose_precision() -> None:
    scores = heading_scores(["graph", "text"], WORDS, bag)
    assert scores.soft_recall == pytest.approx(1)
    assert scores.soft_precision == pytest.approx(2 / 6)
    other = heading_scores(["graph", "text"], WORDS, bag, denominator="predicted")
    assert other.soft_recall == pytest.approx(2 / 6)


def test_identical_and_empty() -> None:
    same = heading_scores(["Graph", "text "], ["graph", "Text", "text"], bag)
    assert (same.soft_recall, same.f1) == (pytest.approx(1), pytest.approx(1))
    nothing = heading_scores(["graph"], [], bag)
    assert (nothing.soft_recall, nothing.soft_precision, nothing.f1) == (0, 0, 0)
    with pytest.raises(ConfigError, match="no heading"):
        heading_scores([], ["graph"], bag)


LABELS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=6
)


@given(LABELS, LABELS)
def test_recall_and_precision_swap_with_the_trees(a: list[str], b: list[str]) -> None:
    there, back = heading_scores(a, b, bag), heading_scores(b, a, bag)
    assert there.soft_recall == pytest.approx(back.soft_precision)
    assert there.f1 == pytest.approx(back.f1)
    assert heading_scores(a, a, bag).soft_recall == pytest.approx(1)


def test_entities_of_both_trees() -> None:
    gold = ["models like BERT", "data of Amazon", "open questions"]
    found = entity_recall(gold, ["uses of BERT"], named_by_rule)
    assert (found.recall, found.entities) == (0.5, 2)
    assert found.coverage == pytest.approx(2 / 3)


def test_no_entities_is_no_full_recall() -> None:
    found = entity_recall(["open questions"], ["anything"], named_by_rule)
    assert math.isnan(found.recall)
    assert (found.entities, found.coverage) == (0, 0)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Recommendation with BERT4Rec on Amazon Reviews", ["BERT4Rec", "Amazon Reviews"]),
        ("Graph Neural Networks", []),
        ("LLM as Feature Encoder", ["LLM"]),
        ("cold start", []),
    ],
)
def test_names_by_rule(heading: str, names: list[str]) -> None:
    assert named_by_rule(heading) == names
