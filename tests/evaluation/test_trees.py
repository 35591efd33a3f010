"""Distances of trees by hand and against a second implementation; groups and paths by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.evaluation.trees import (
    Nested,
    alike,
    exact,
    grouping,
    path_similarity,
    size,
    tree_distance,
)


def leaf(label: str) -> Nested:
    return label, ()


GOLD: Nested = ("root", (("a", (leaf("b"), leaf("c"))), leaf("d")))
MOVED: Nested = ("root", (("a", (leaf("b"),)), ("d", (leaf("c"),))))


def by_definition(a: Nested, b: Nested) -> int:
    """The ordered distance by its recursion over forests, without any cleverness."""

    @cache
    def forest(x: tuple[Any, ...], y: tuple[Any, ...]) -> int:
        if not x and not y:
            return 0
        if not x:
            return sum(size(tree) for tree in y)
        if not y:
            return sum(size(tree) for tree in x)
        (u, below_u), (v, below_v) = x[-1], y[-1]
        return min(
            forest(x[:-1] + below_u, y) + 1,
            forest(x, y[:-1] + below_v) + 1,
            forest(x[:-1], y[:-1]) + forest(below_u, below_v) + (u != v),
        )

    return forest((a,), (b,))


TREES = st.recursive(
    st.sampled_from("abc").map(leaf),
    lambda below: st.tuples(st.sampled_from("abc"), st.lists(below, max_size=3).map(tuple)),
    max_leaves=6,
)


def test_the_same_headings_in_another_shape() -> None:
    found = tree_distance(GOLD, MOVED)
    assert (found.raw, found.normalised) == (2, pytest.approx(0.2))


@pytest.mark.parametrize("ordered", [True, False])
def test_identical_and_lonely_trees(ordered: bool) -> None:
    assert tree_distance(GOLD, GOLD, ordered=ordered).raw == 0
    assert tree_distance(GOLD, leaf("root"), ordered=ordered).raw == 4
    assert tree_distance(leaf("x"), leaf("y"), ordered=ordered).normalised == 0.5


def test_order_of_siblings_counts_only_if_asked() -> None:
    turned: Nested = ("root", (leaf("d"), ("a", (leaf("c"), leaf("b")))))
    assert tree_distance(GOLD, turned, ordered=False).raw == 0
    assert tree_distance(GOLD, turned).raw > 0


@given(TREES, TREES)
def test_ordered_distance_is_its_definition(a: Nested, b: Nested) -> None:
    assert tree_distance(a, b).raw == by_definition(a, b)


@given(TREES, TREES)
def test_laws_of_distances(a: Nested, b: Nested) -> None:
    for ordered in (True, False):
        there = tree_distance(a, b, ordered=ordered)
        assert there.raw == tree_distance(b, a, ordered=ordered).raw
        assert 0 <= there.normalised <= 1
        assert there.raw >= abs(size(a) - size(b))


@given(TREES, TREES, TREES)
def test_triangle_with_exact_labels(a: Nested, b: Nested, c: Nested) -> None:
    assert tree_distance(a, c).raw <= tree_distance(a, b).raw + tree_distance(b, c).raw


def test_similar_labels_cost_nothing() -> None:
    vectors = {"graphs": [1.0, 0.1], "graph": [1.0, 0.0], "text": [0.0, 1.0]}
    similar = alike(
        lambda texts: np.array([vectors[text] for text in texts]), leaf("graphs"), leaf("graph"),
        leaf("text"),
    )  # fmt: skip
    assert tree_distance(leaf("graphs"), leaf("graph"), similar).raw == 0
    assert tree_distance(leaf("graphs"), leaf("text"), similar).raw == 1
    assert similar("Graph", "graph") == 1


def test_groups_have_no_names() -> None:
    same = grouping(["a", "a", "b", "b"], [7, 7, 3, 3])
    assert (same.ari, same.v_measure) == (pytest.approx(1), pytest.approx(1))
    one = grouping(["a", "a", "b", "b"], [0, 0, 0, 0])
    assert (one.ari, one.completeness, one.homogeneity) == (0, 1, 0)
    split = grouping(["a", "a", "b", "b"], [0, 1, 2, 3])
    assert (split.homogeneity, split.completeness) == (pytest.approx(1), pytest.approx(0.5))


def test_paths() -> None:
    gold = [("methods", "graphs")]
    assert path_similarity(gold, [("methods", "graphs")]) == 1
    assert path_similarity(gold, [("graphs",)]) == pytest.approx(1 / 2)  # one level is missing
    assert path_similarity(gold, [("data",), ("methods", "text")]) == pytest.approx(1 / 2)
    assert path_similarity(gold, []) == 0
    assert exact("A", "a") == 1
