"""Medication metrics: by hand, against scikit-learn, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score

from palate.evaluation.decisions import THRESHOLDS, best_threshold, decide
from palate.evaluation.medication import (
    Judged,
    interaction_rate,
    overlap,
    pairs,
    prauc,
)

EDGE = np.zeros((3, 3), dtype=bool)
EDGE[1, 2] = EDGE[2, 1] = True


def sets(*lists: list[int], v: int = 3) -> np.ndarray:
    return np.array([[drug in one for drug in range(v)] for one in lists])


def test_a_set_beside_what_was_prescribed_by_hand():
    found = overlap(sets([1, 2]), sets([0, 1]))
    assert found["jaccard"][0] == pytest.approx(1 / 3)
    assert (found["precision"][0], found["recall"][0], found["f1"][0]) == (0.5, 0.5, 0.5)


def test_nothing_recommended_is_no_error():
    found = overlap(sets([]), sets([0, 1]))
    assert {name: values[0] for name, values in found.items()} == dict.fromkeys(found, 0.0)
    assert interaction_rate(sets([], [1]), EDGE) == 0.0


def test_interactions_are_pooled_over_patients():
    assert interaction_rate(sets([0, 1, 2]), EDGE) == pytest.approx(1 / 3)
    assert interaction_rate(sets([1, 2]), EDGE) == 1.0
    # One pair that interacts out of 3 + 1 + 0: not the mean of 1/3, 0 and nothing.
    assert interaction_rate(sets([0, 1, 2], [0, 1], [2]), EDGE) == pytest.approx(1 / 4)


def test_prauc_by_hand():
    scores = np.array([[0.9, 0.5, 0.1], [0.2, 0.2, 0.2]])
    found = prauc(scores, sets([0, 2], [1]))
    assert found[0] == pytest.approx((1 + 2 / 3) / 2)
    assert found[1] == pytest.approx(1 / 3)  # one step of the curve: all three at once


@given(
    arrays.arrays(float, (4, 7), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])),
    arrays.arrays(bool, (4, 7)),
)
def test_prauc_is_scikit_learns(scores, target):
    for found, one, told in zip(prauc(scores, target), scores, target, strict=True):
        if told.any():
            assert found == pytest.approx(average_precision_score(told, one))
        else:
            assert np.isnan(found)


@given(arrays.arrays(bool, (5, 6)), arrays.arrays(bool, (6, 6)))
def test_pairs_are_counted(chosen, graph):
    graph = np.triu(graph, 1)
    graph = graph | graph.T
    interacting, together = pairs(chosen, graph)
    for row, drugs in enumerate(map(np.flatnonzero, chosen)):
        both = [(i, j) for i in drugs for j in drugs if i < j]
        assert together[row] == len(both)
        assert interacting[row] == sum(graph[i, j] for i, j in both)


def judged() -> Judged:
    scores = np.array([[0.9, 0.5, 0.1], [0.8, 0.7, 0.6], [0.3, 0.2, 0.1]])
    target = sets([0, 2], [0], [])
    return Judged(scores, scores > 0.4, target, EDGE, np.array([True, False, False]))


def test_patients_who_were_given_nothing_are_left_out():
    found = judged()
    assert found.judgeable.tolist() == [True, True, False]
    assert {len(values) for values in found.per_patient.values()} == {2}
    metrics = found.metrics()
    assert metrics["jaccard"] == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert metrics["drugs"] == 2.5
    assert metrics["interaction_rate"] == pytest.approx(1 / 4)
    assert all(np.isfinite(value) for value in metrics.values())


def test_groups_share_the_patients_out():
    found = judged()
    groups = found.groups()
    assert groups["single"].tolist() == [True, False]
    assert groups["multi"].tolist() == [False, True]
    assert found.metrics(groups["multi"])["interaction_rate"] == pytest.approx(1 / 3)


def test_intervals_hold_the_value():
    draw = np.random.default_rng(0)
    scores, target = draw.random((60, 8)), draw.random((60, 8)) < 0.4
    graph = np.triu(draw.random((8, 8)) < 0.3, 1)
    found = Judged(scores, scores > 0.5, target, graph | graph.T, draw.random(60) < 0.5)
    metrics, intervals = found.metrics(), found.intervals()
    assert set(metrics) == set(intervals)
    for name, (low, high) in intervals.items():
        assert low < metrics[name] < high


def test_the_threshold_is_the_one_with_the_best_jaccard():
    scores = np.array([[0.30, 0.20, 0.10], [0.32, 0.18, 0.12]])
    target = sets([0], [0])
    assert best_threshold(scores, target) == pytest.approx(0.2)
    assert best_threshold(scores, np.zeros_like(target)) == 0.5
    assert THRESHOLDS.tolist() == sorted(set(THRESHOLDS.tolist()))
    assert (THRESHOLDS[0], THRESHOLDS[-1]) == (0.02, 0.98)


def test_a_threshold_is_found_for_a_penalty():
    scores = np.array([[0.9, 0.6, 0.55]])
    assert best_threshold(scores, sets([0, 1]), EDGE, 1.0) == pytest.approx(0.02)
    assert best_threshold(scores, sets([0, 1])) == pytest.approx(0.56)


def test_a_decision_without_penalty_is_the_threshold():
    draw = np.random.default_rng(0)
    scores = draw.random((20, 6))
    graph = np.ones((6, 6), dtype=bool)
    assert np.array_equal(decide(scores, 0.4, graph, 0.0), scores > 0.4)


def test_the_less_probable_of_two_that_interact_is_left_out():
    scores = np.array([[0.9, 0.6, 0.55]])
    assert decide(scores, 0.5, EDGE, 0.04).tolist() == [[True, True, True]]  # benefit .05
    assert decide(scores, 0.5, EDGE, 0.06).tolist() == [[True, True, False]]


@given(
    arrays.arrays(float, (3, 6), elements=st.floats(0, 1)),
    arrays.arrays(bool, (6, 6)),
    st.floats(0, 1),
)
def test_a_penalty_only_leaves_out_and_a_whole_one_leaves_no_interaction(scores, graph, penalty):
    graph = np.triu(graph, 1)
    graph = graph | graph.T
    plain = decide(scores, 0.3)
    assert not (decide(scores, 0.3, graph, penalty) & ~plain).any()
    assert interaction_rate(decide(scores, 0.3, graph, 1.0), graph) == 0.0
