"""Fusion: what parts say, and how far each is believed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from palate.data.cases import Cases, Histories, Split
from palate.errors import ConfigError
from palate.evaluation.ranking import ndcg, rank_targets
from palate.recommenders.base import FitContext
from palate.recommenders.conformance import cycle_split
from palate.recommenders.ease import EASE
from palate.recommenders.fusion import Fusion, features, learned_weights, ranks, strengths
from palate.recommenders.registry import configure

scores = arrays(np.float32, (3, 7), elements=st.floats(-50, 50, width=32))


def build(**more: Any) -> Fusion:
    config = configure("fusion", more)
    return Fusion(config)  # type: ignore[arg-type]


def quality(found: np.ndarray, cases: Cases) -> float:
    seen = (cases.histories.items, cases.histories.offsets)
    return float(ndcg(rank_targets(found, cases.targets, seen), 10).mean())


@given(scores)
def test_equals_share_the_worst_of_their_ranks(values: np.ndarray) -> None:
    for row, found in zip(values, ranks(values), strict=True):
        assert found.tolist() == [(row >= value).sum() for value in row]


@given(scores, st.sampled_from([0.5, 2, 16]), st.integers(-20, 20))
def test_scale_and_shift_of_a_part_do_not_matter(
    values: np.ndarray, scale: float, shift: int
) -> None:
    values = np.round(values)  # moved without rounding, so that equals stay the only equals
    moved = (values * np.float32(scale) + np.float32(shift)).astype(np.float32)
    torch.testing.assert_close(features(moved), features(values), atol=2e-3, rtol=2e-3)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=5))
def test_no_part_is_turned_against_itself(lengths: list[int]) -> None:
    weights = torch.randn(4, 2, generator=torch.Generator().manual_seed(0)) * 5
    assert (strengths(weights, np.array(lengths)) >= 0).all()


def test_one_part_keeps_its_order(ml100k_split: Split) -> None:
    fusion = build(parts="[ease]").fit(ml100k_split)
    alone = EASE().fit(ml100k_split)
    some = ml100k_split.test.take(np.arange(50))
    histories = some.histories
    seen = (histories.items, histories.offsets)
    found = rank_targets(fusion.score(histories), some.targets, seen)
    assert np.array_equal(found, rank_targets(alone.score(histories), some.targets, seen))


def test_the_part_that_is_right_is_believed() -> None:
    """Of two views, one is noise: the other gets the weight."""
    random = np.random.default_rng(0)
    users, items = 200, 30
    targets = random.integers(0, items, users)
    right = random.standard_normal((users, items)).astype(np.float32)
    right[np.arange(users), targets] += 2
    noise = random.standard_normal((users, items)).astype(np.float32)
    told = torch.cat([features(right), features(noise)], -1)
    cases = Cases(Histories.of([[]] * users), targets)
    weights = learned_weights(lambda _: told, cases, 4, shrink=1e-3)
    counts = strengths(weights, np.array([1]))[0]
    assert counts[:2].sum() > 5 * counts[2:].sum()


def test_long_and_short_histories_may_believe_others() -> None:
    """One view is right about short histories alone, the other about long ones."""
    random = np.random.default_rng(1)
    users, items = 400, 30
    long = np.arange(users) % 2 == 1
    targets = random.integers(0, 10, users)
    views = []
    for rows in (~long, long):
        view = random.standard_normal((users, items)).astype(np.float32)
        view[np.flatnonzero(rows), targets[rows]] += 3
        views.append(features(view))
    told = torch.cat(views, -1)
    histories = Histories.of([[29] * (40 if one else 1) for one in long])
    weights = learned_weights(lambda _: told, Cases(histories, targets), 4, shrink=1e-3)
    short, many = strengths(weights, np.array([1, 40]))
    assert short[:2].sum() > 3 * short[2:].sum()
    assert many[2:].sum() > 3 * many[:2].sum()


def test_on_movielens_the_whole_is_better_than_its_parts(ml100k_split: Split) -> None:
    fusion = build(parts="[ease, itemknn]").fit(ml100k_split)
    found = quality(fusion.score(ml100k_split.test.histories), ml100k_split.test)
    controls = {
        name: quality(score(ml100k_split.test.histories), ml100k_split.test)
        for name, score in fusion.controls().items()
    }
    assert set(controls) == {"ease alone", "itemknn alone", "reciprocal ranks"}
    assert controls["ease alone"] == pytest.approx(0.0728, abs=5e-5)
    assert found > max(controls["ease alone"], controls["itemknn alone"])
    again = build(parts="[ease, itemknn]").weigh(fusion.parts, ml100k_split)
    assert torch.equal(again.weights, fusion.weights)


def test_without_validation_the_mixture_is_even() -> None:
    split = cycle_split()
    empty = dataclasses.replace(split, validation=split.validation.take(np.arange(0)))
    fusion = build(parts="[ease, popularity]").fit(empty, FitContext())
    assert len(set(map(tuple, fusion.weights.tolist()))) == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"parts": "[ease, ease]"}, "name each part once"),
        ({"parts": "[ease]", "settings": "{sasrec: {width: 8}}"}, "no part of this fusion"),
        ({"parts": "[]"}, "parts"),
    ],
)
def test_what_cannot_be_fused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build(**more)


def test_a_wrong_setting_of_a_part_is_named() -> None:
    with pytest.raises(ConfigError, match="ease: no setting is called 'widht'"):
        build(parts="[ease]", settings="{ease: {widht: 8}}").fit(cycle_split())
