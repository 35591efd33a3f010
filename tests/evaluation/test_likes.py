"""AUC, and two models compared over periods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from palate.evaluation.likes import auc, over_periods


@given(st.integers(0, 1000), st.integers(2, 40), st.booleans())
def test_the_area_is_the_share_of_pairs_in_order(seed: int, n: int, coarse: bool) -> None:
    random = np.random.default_rng(seed)
    answers, liked = random.random(n), random.random(n) < 0.5
    if coarse:
        answers = answers.round(1)
    ups, downs = answers[liked], answers[~liked]
    if not len(ups) or not len(downs):
        assert auc(answers, liked) == 0.5
        return
    found = mannwhitneyu(ups, downs).statistic / (len(ups) * len(downs))
    assert auc(answers, liked) == pytest.approx(found)


@given(st.integers(0, 1000))
def test_the_difference_is_that_of_the_averages_over_seeds_and_periods(seed: int) -> None:
    random = np.random.default_rng(seed)
    liked = [random.random(n) < 0.5 for n in (30, 50)]
    ours, theirs = ([random.random((2, len(one))).round(1) for one in liked] for _ in range(2))

    def mean(several: list[np.ndarray]) -> float:
        return float(
            np.mean([[auc(row, liked[t]) for row in rows] for t, rows in enumerate(several)])
        )

    found, (low, high), p = over_periods(ours, theirs, liked, resamples=50)
    assert found == pytest.approx(mean(ours) - mean(theirs))
    assert low <= high
    assert 0 < p <= 1
    values, _, _ = over_periods(ours, theirs, None, resamples=5)
    averages = [np.mean([one.mean() for one in several]) for several in (ours, theirs)]
    assert values == pytest.approx(averages[0] - averages[1])


def test_what_differs_is_told_from_what_does_not() -> None:
    random = np.random.default_rng(0)
    liked = [random.random(400) < 0.5 for _ in range(3)]
    good = [(one + random.normal(0, 1, 400))[None] for one in liked]
    noise = [random.normal(0, 1, (1, 400)) for _ in liked]
    other = [random.normal(0, 1, (1, 400)) for _ in liked]
    difference, (low, _), p = over_periods(good, noise, liked, resamples=200)
    assert difference > 0.1
    assert low > 0
    assert p < 0.05
    assert over_periods(noise, other, liked, resamples=200)[2] > 0.05
    same = over_periods(good, good, liked, resamples=20)
    assert same == (0.0, (0.0, 0.0), 1.0)
