"""Coverage, novelty, diversity and popularity bias: by hand, and against loops over pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.cases import Histories
from palate.evaluation.beyond_accuracy import (
    coverage,
    diversity,
    novelty,
    popularity_bias,
    profile_popularity,
    self_information,
    users_per_item,
)

LAWS = settings(deadline=None)
TRAIN = Histories.of([[0, 1, 0], [0], [], [0, 1, 2, 2]])  # item 3 is cold


def test_users_per_item_counts_a_user_once() -> None:
    assert users_per_item(TRAIN, 4).tolist() == [3, 2, 1, 0]
    assert users_per_item(Histories.of([]), 3).tolist() == [0, 0, 0]


@LAWS
@given(st.lists(st.lists(st.integers(0, 5), max_size=300), max_size=8))
def test_users_per_item_against_sets(lists: list[list[int]]) -> None:
    expected = [sum(item in history for history in lists) for item in range(6)]
    assert users_per_item(Histories.of(lists), 6).tolist() == expected


def test_coverage() -> None:
    lists = np.array([[0, 1], [1, -1], [-1, -1]])
    assert coverage(lists, 4) == 0.5
    assert coverage(np.full((2, 3), -1), 4) == 0
    assert coverage(np.arange(4)[None], 4) == 1


def test_novelty_by_hand() -> None:
    popularity = np.array([8, 4, 1, 0])
    assert self_information(popularity, 8).tolist() == [0, 1, 3, 3]  # cold counts as one user
    lists = np.array([[0, 1], [2, 3], [1, -1], [-1, -1]])
    assert novelty(lists, popularity, 8).tolist() == [0.5, 3, 1, 0]


def test_popularity_bias_by_hand() -> None:
    popularity = users_per_item(TRAIN, 4)
    # Profiles: (3 + 2 + 3) / 3, 3, and (3 + 2 + 1 + 1) / 4; the empty one is left out.
    chosen = profile_popularity(popularity, TRAIN)
    assert chosen == pytest.approx((8 / 3 + 3 + 7 / 4) / 3)
    lists = np.array([[0, 1], [3, 2], [0, -1]])
    expected = np.array([2.5, 0.5, 3]) / chosen - 1
    assert popularity_bias(lists, popularity, chosen) == pytest.approx(expected)


def test_people_get_what_they_chose_no_bias() -> None:
    profiles = Histories.of([[0, 1], [1, 2], [2, 0]])
    popularity = users_per_item(profiles, 3)
    lists = profiles.padded(2, pad=-1)
    chosen = profile_popularity(popularity, profiles)
    assert popularity_bias(lists, popularity, chosen).mean() == pytest.approx(0)


def test_no_training_has_no_bias() -> None:
    nothing = Histories.of([[], []])
    popularity = users_per_item(nothing, 3)
    assert profile_popularity(popularity, nothing) == 0
    assert popularity_bias(np.array([[0, 1]]), popularity, 0.0).tolist() == [0]


def test_diversity_by_hand() -> None:
    features = np.array([[1, 0], [2, 0], [0, 5], [0, 0]])
    lists = np.array([[0, 1, -1], [0, 2, -1], [0, 1, 2], [0, 3, -1], [0, -1, -1], [-1, -1, -1]])
    expected = [0, 1, 2 / 3, 1, 0, 0]
    assert diversity(lists, features) == pytest.approx(expected)


@LAWS
@given(
    st.lists(st.lists(st.integers(0, 7), max_size=6, unique=True), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
)
def test_diversity_against_pairs(chosen: list[list[int]], seed: int) -> None:
    features = np.random.default_rng(seed).standard_normal((8, 3)).astype(np.float32)
    lists = Histories.of(chosen).padded(6, pad=-1)
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    for items, found in zip(chosen, diversity(lists, features), strict=True):
        apart = [1 - float(units[a] @ units[b]) for a, b in combinations(items, 2)]
        assert found == pytest.approx(np.mean(apart) if apart else 0, abs=1e-5)
