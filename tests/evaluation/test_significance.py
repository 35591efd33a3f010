"""Intervals and tests: against scipy, by hand, and by what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from palate.evaluation.significance import bootstrap_interval, holm, paired_test

LAWS = settings(deadline=None)
RANDOM = np.random.default_rng(0)
FINE = RANDOM.exponential(size=400)
COARSE = RANDOM.choice([0.0, 0.0, 0.0, 0.5, 1.0], size=400)  # few values, as of NDCG@10


@pytest.mark.parametrize("values", [FINE, COARSE], ids=["many values", "few values"])
def test_interval_against_scipy(values: np.ndarray) -> None:
    low, high = bootstrap_interval(values, resamples=20_000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert low == pytest.approx(theirs.low, abs=0.03 * width)
    assert high == pytest.approx(theirs.high, abs=0.03 * width)


@pytest.mark.parametrize("values", [FINE, COARSE], ids=["many values", "few values"])
def test_interval_is_seeded_and_nested(values: np.ndarray) -> None:
    interval = bootstrap_interval(values, seed=3)
    assert interval == bootstrap_interval(values, seed=3)
    assert interval != bootstrap_interval(values, seed=4)
    narrow = bootstrap_interval(values, seed=3, level=0.5)
    assert interval[0] < narrow[0] < values.mean() < narrow[1] < interval[1]


def test_interval_of_a_constant_is_a_point() -> None:
    assert bootstrap_interval(np.full(10, 0.25)) == (0.25, 0.25)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval(np.array([]))


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    samples = np.random.default_rng(5).binomial(1, 0.2, size=(300, 200)).astype(float)
    intervals = [bootstrap_interval(sample, resamples=1000) for sample in samples]
    covered = np.mean([low <= 0.2 <= high for low, high in intervals])
    assert 0.90 <= covered <= 0.985


def test_paired_test_against_scipy() -> None:
    a = FINE[:60]
    b = a + np.random.default_rng(2).normal(0.1, 0.4, 60)
    theirs = stats.permutation_test(
        (a - b,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        rng=np.random.default_rng(3),
    ).pvalue
    assert 0.005 < theirs < 0.5
    assert paired_test(a, b, permutations=20_000) == pytest.approx(theirs, rel=0.15)


def test_paired_test_of_three_users_knows_all_signs() -> None:
    """Of eight signs, two make as large a sum as all alike: p is a quarter."""
    p = paired_test(np.array([0.1, 0.2, 0.3]), np.zeros(3), permutations=40_000)
    assert p == pytest.approx(0.25, abs=0.01)


def test_paired_test_is_symmetric_seeded_and_never_zero() -> None:
    a, b = COARSE[:200], COARSE[200:]
    assert paired_test(a, b, seed=1) == paired_test(a, b, seed=1)
    assert paired_test(a, b) == paired_test(b, a)
    assert paired_test(a, a) == 1
    assert paired_test(a + 1, a, permutations=999) == 1 / 1000
    with pytest.raises(ValueError, match="same users"):
        paired_test(a, b[:-1])


def test_paired_test_holds_its_level() -> None:
    random = np.random.default_rng(6)
    ps = [
        paired_test(*random.exponential(size=(2, 50)), seed=seed, permutations=500)
        for seed in range(400)
    ]
    assert 0.02 <= np.mean(np.array(ps) <= 0.05) <= 0.08


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]).tolist() == [1, 1]
    assert holm([]).tolist() == []


@LAWS
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_holm_laws(ps: list[float], random) -> None:
    adjusted = holm(ps)
    assert (adjusted >= ps).all()
    assert (adjusted <= np.minimum(np.array(ps) * len(ps), 1)).all()  # never above Bonferroni
    order = np.argsort(ps, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    shuffle = random.sample(range(len(ps)), len(ps))
    assert holm([ps[i] for i in shuffle]) == pytest.approx(adjusted[shuffle])
