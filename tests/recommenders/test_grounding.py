"""Distances and statistics, against their formulas."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from palate.data.cases import Cases, Histories
from palate.evaluation.ranking import hr, ndcg, rank_targets
from palate.recommenders.grounding import GAMMAS, best_gamma, distances, injected, normalised

numbers = st.floats(0, 100, width=32)
matrices = arrays(np.float32, (3, 6), elements=numbers)


def test_distances_keep_their_digits_where_norms_are_large() -> None:
    """Vectors of norm 1,000 that differ by 0.01, as of titles that share all but one letter."""
    base = torch.randn(1, 576, generator=torch.Generator().manual_seed(0))
    base = 1000 * base / base.norm()
    steps = torch.zeros(3, 576)
    steps[1, 0], steps[2, 1] = 0.01, 0.02
    items = base + steps
    found = distances(items[:1], items)
    exact = (items[:1].double() - items.double()).norm(dim=-1).numpy()
    np.testing.assert_allclose(found[0], exact, atol=1e-6)


@given(matrices)
def test_normalised_rows_reach_from_nought_to_one(values: np.ndarray) -> None:
    for row, before in zip(normalised(values), values, strict=True):
        assert row.min() == 0
        assert row.max() == (1 if before.max() > before.min() else 0)


@given(matrices, matrices, st.sampled_from(GAMMAS["cf"]))
def test_the_nearest_stays_first_whatever_gamma(
    distance: np.ndarray, weights: np.ndarray, gamma: float
) -> None:
    nearest = distance == distance.min(-1, keepdims=True)
    found = injected(distance, weights, gamma)
    assert (found[nearest] == 0).all()
    targets = distance.argmin(-1)
    assert np.array_equal(
        hr(rank_targets(-injected(distance, weights, 0), targets), 1) >= 0,
        hr(rank_targets(-found, targets), 1) >= 0,
    )


@given(matrices, matrices)
def test_without_gamma_the_ranking_is_that_of_the_distances(
    distance: np.ndarray, weights: np.ndarray
) -> None:
    found = injected(distance, weights, 0.0)
    np.testing.assert_array_equal(found, normalised(distance))


def test_injection_by_hand() -> None:
    distance = np.array([[2.0, 4.0, 6.0]], dtype=np.float32)
    weights = np.array([0.0, 5.0, 10.0], dtype=np.float32)
    np.testing.assert_allclose(
        injected(distance, weights, 2.0), [[0, 0.5 / 1.5**2, 1 / 2**2]], rtol=1e-6
    )


def test_gamma_is_the_best_on_the_cases_and_the_smallest_of_equals() -> None:
    """The target is far by text and popular: statistics must count for much to bring it near."""
    distance = np.array([[0.0, 1.0, 2.0, 3.0, 4.0]], dtype=np.float32)
    weights = np.array([0, 0, 0, 0, 1], dtype=np.float32)
    cases = Cases(Histories.of([[0]]), np.array([4]))
    metric = partial(ndcg, k=10)
    found = best_gamma(distance, weights, cases, metric, GAMMAS["cf"])
    # Item 0 is seen; item 1 is at 1/4, so the target must come below it: 2 ** -gamma < 1 / 4.
    assert found == 3.0
    assert best_gamma(distance, np.zeros(5, np.float32), cases, metric, GAMMAS["cf"]) == 0.0
