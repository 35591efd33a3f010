"""Ranks and the metrics made from them: against a sort, against ranx, and by their laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from palate.data.cases import Histories
from palate.errors import ScoreError
from palate.evaluation.ranking import (
    NOTHING,
    auc,
    average_precision,
    hr,
    mrr,
    ndcg,
    precision,
    rank_targets,
    recall,
    standing,
    top_k,
)

LAWS = settings(deadline=None)
KS = (1, 2, 5, 10, 100)


@dataclass(frozen=True)
class World:
    """Scores with many ties, and histories that repeat items and may hold the target."""

    scores: np.ndarray
    targets: np.ndarray
    histories: list[list[int]]

    @property
    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        histories = Histories.of(self.histories)
        return histories.items, histories.offsets

    def order(self, user: int) -> list[int]:
        """What may be recommended, sorted: by score, then as the catalogue has it."""
        unseen = set(range(self.scores.shape[1])) - set(self.histories[user])
        possible = [item for item in unseen if self.scores[user, item] > -np.inf]
        return sorted(possible, key=lambda item: (-self.scores[user, item], item))

    def rank(self, user: int) -> int:
        """Place of the target among the unseen items, sorted, behind its equals."""
        target = int(self.targets[user])
        competing = set(range(self.scores.shape[1])) - set(self.histories[user]) | {target}
        key = {item: (-self.scores[user, item], item == target) for item in competing}
        return sorted(competing, key=key.__getitem__).index(target)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    users, items = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    value = st.sampled_from([-np.inf, -1.5, 0.0, 0.25, 1.0, 3.0, np.inf])
    item = st.integers(0, items - 1)
    scores = draw(st.lists(value, min_size=users * items, max_size=users * items))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return World(
        np.array(scores, dtype=dtype).reshape(users, items),
        np.array(draw(st.lists(item, min_size=users, max_size=users))),
        draw(st.lists(st.lists(item, max_size=2 * items), min_size=users, max_size=users)),
    )


def test_golden_ranks_and_metrics() -> None:
    scores = np.array([[0.1, 0.9, 0.5, 0.7], [0.3, 0.3, 0.3, 0.9]], dtype=np.float32)
    targets = np.array([2, 0])
    assert rank_targets(scores, targets).tolist() == [2, 3]  # 0.3 three times: the last of them
    seen = (np.array([1, 1, 3]), np.array([0, 2, 3]))  # [1, 1] and [3]
    ranks, candidates = standing(scores, targets, seen)
    assert ranks.tolist() == [1, 2]
    assert candidates.tolist() == [3, 3]
    assert hr(ranks, 2).tolist() == [1, 0]
    assert ndcg(ranks, 3).tolist() == pytest.approx([0.6309297535714575, 0.5])
    assert mrr(ranks).tolist() == pytest.approx([1 / 2, 1 / 3])
    assert mrr(ranks, 2).tolist() == [0.5, 0]
    assert recall(ranks, 2).tolist() == [1, 0]
    assert precision(ranks, 2).tolist() == [0.5, 0]
    assert average_precision(ranks, 3).tolist() == pytest.approx([1 / 2, 1 / 3])
    assert auc(ranks, candidates).tolist() == [0.5, 0]
    items, best = top_k(scores, 3, seen)
    assert items.tolist() == [[3, 2, 0], [0, 1, 2]]
    assert best == pytest.approx(np.array([[0.7, 0.5, 0.1], [0.3, 0.3, 0.3]]))


@LAWS
@given(worlds())
def test_rank_is_the_place_in_a_sorted_list(world: World) -> None:
    ranks, candidates = standing(world.scores, world.targets, world.seen)
    expected = [world.rank(user) for user in range(len(world.targets))]
    assert ranks.tolist() == expected
    assert rank_targets(world.scores, world.targets, world.seen).tolist() == expected
    for user, history in enumerate(world.histories):
        unseen = set(range(world.scores.shape[1])) - set(history)
        assert candidates[user] == len(unseen | {int(world.targets[user])})


@LAWS
@given(worlds(), st.integers(0, 15))
def test_top_k_is_the_head_of_a_sorted_list(world: World, k: int) -> None:
    before = world.scores.copy()
    items, best = top_k(world.scores, k, world.seen)
    assert items.shape == best.shape == (len(world.targets), k)
    for user in range(len(items)):
        order = world.order(user)[:k]
        assert items[user].tolist() == order + [NOTHING] * (k - len(order))
        expected = [world.scores[user, i] for i in order] + [-np.inf] * (k - len(order))
        assert best[user].tolist() == expected
        assert not set(items[user].tolist()) & set(world.histories[user])
    assert np.array_equal(world.scores, before)


@LAWS
@given(worlds())
def test_a_target_within_k_is_in_the_list(world: World) -> None:
    k = 3
    ranks = rank_targets(world.scores, world.targets, world.seen)
    items, _ = top_k(world.scores, k, world.seen)
    for user, target in enumerate(world.targets.tolist()):
        ruled_out = target in world.histories[user] or world.scores[user, target] == -np.inf
        if ranks[user] < k and not ruled_out:
            # Ties stand against the target in its rank, and count for nothing in the list.
            assert target in items[user, : ranks[user] + 1]


@LAWS
@given(worlds(), st.randoms(use_true_random=False))
def test_names_of_items_and_order_of_users_do_not_matter(world: World, random) -> None:
    ranks = rank_targets(world.scores, world.targets, world.seen)
    users, items = (random.sample(range(n), n) for n in world.scores.shape)
    new = np.argsort(items)  # new[i] is where item i went
    moved = World(
        world.scores[users][:, items],
        new[world.targets[users]],
        [[int(new[i]) for i in world.histories[user]] for user in users],
    )
    assert rank_targets(moved.scores, moved.targets, moved.seen).tolist() == ranks[users].tolist()


@LAWS
@given(worlds())
def test_only_the_order_of_scores_matters(world: World) -> None:
    ranks = rank_targets(world.scores, world.targets, world.seen)
    squeezed = np.arctan(world.scores) * 0.5 + 1
    assert rank_targets(squeezed, world.targets, world.seen).tolist() == ranks.tolist()


@LAWS
@given(worlds())
def test_constant_scores_come_last(world: World) -> None:
    constant = np.zeros_like(world.scores)
    ranks, candidates = standing(constant, world.targets, world.seen)
    assert ranks.tolist() == (candidates - 1).tolist()
    assert (auc(ranks, candidates) == (candidates == 1)).all()


@LAWS
@given(st.lists(st.integers(0, 200), min_size=1, max_size=30))
def test_metrics_grow_with_k_and_fall_with_rank(values: list[int]) -> None:
    ranks = np.sort(np.array(values))
    for metric in (hr, ndcg, mrr, recall, average_precision):
        table = np.array([metric(ranks, k) for k in KS])  # [k, u]
        assert (np.diff(table, axis=0) >= 0).all(), metric.__name__
        assert (np.diff(table, axis=1) <= 0).all(), metric.__name__
        assert ((table >= 0) & (table <= 1)).all(), metric.__name__
    hits = np.array([precision(ranks, k) * k for k in KS])
    assert (np.diff(hits, axis=0) >= 0).all()
    assert np.array_equal(mrr(ranks, 1000), mrr(ranks))


@LAWS
@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(1, 60))
def test_metrics_agree_where_one_item_is_relevant(values: list[int], k: int) -> None:
    ranks = np.array(values)
    assert np.array_equal(recall(ranks, k), hr(ranks, k))
    # 1 / 49 * 49 is not 1 in floating point.
    assert np.allclose(precision(ranks, k) * k, hr(ranks, k), rtol=1e-12, atol=0)
    assert np.array_equal(average_precision(ranks, k), mrr(ranks, k))
    assert (ndcg(ranks, k) >= mrr(ranks, k)).all()
    assert (ndcg(ranks, k) <= hr(ranks, k)).all()


def test_metrics_against_ranx() -> None:
    from ranx import Qrels, Run, evaluate

    random = np.random.default_rng(0)
    users, items = 40, 60
    scores = random.permuted(np.arange(users * items).reshape(users, items), axis=1) / 7.0
    targets = random.integers(0, items, users)
    histories = Histories.of([random.choice(items, 15, replace=False).tolist() for _ in targets])
    run = {}
    for user, history in enumerate(histories):
        left = set(range(items)) - (set(history.tolist()) - {int(targets[user])})
        run[f"{user:02}"] = {str(item): float(scores[user, item]) for item in left}
    relevant = Qrels({f"{user:02}": {str(item): 1} for user, item in enumerate(targets)})
    ranks = rank_targets(scores, targets, (histories.items, histories.offsets))
    ours = {
        "hit_rate": hr,
        "ndcg": ndcg,
        "mrr": mrr,
        "recall": recall,
        "precision": precision,
        "map": average_precision,
    }
    for k in (1, 5, 10, 20):
        names = [f"{name}@{k}" for name in ours]
        theirs = evaluate(relevant, Run(run), names, return_mean=False)
        for name, metric in ours.items():
            assert metric(ranks, k) == pytest.approx(theirs[f"{name}@{k}"]), f"{name}@{k}"
    assert 0 < hr(ranks, 10).mean() < 1


def test_auc_against_scipy() -> None:
    random = np.random.default_rng(1)
    scores, targets = random.standard_normal((20, 50)), random.integers(0, 50, 20)
    found = auc(*standing(scores, targets))
    for user, target in enumerate(targets):
        others = np.delete(scores[user], target)
        u = mannwhitneyu([scores[user, target]], others).statistic
        assert found[user] == pytest.approx(u / len(others))


def test_nan_scores_are_refused() -> None:
    scores = np.zeros((2, 5), dtype=np.float32)
    scores[1, 3] = np.nan
    with pytest.raises(ScoreError, match=r"item 3 .* row 1 is NaN"):
        rank_targets(scores, np.array([0, 0]))
    with pytest.raises(ScoreError, match="NaN"):
        top_k(scores, 2)


@pytest.mark.parametrize("shape", [(3, 5), (5,), (2, 5, 1)])
def test_scores_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ScoreError, match="shape"):
        rank_targets(np.zeros(shape), np.array([0, 0]))


def test_many_users_of_one_popular_list() -> None:
    """All users tie in the same places, and none may see another order than the catalogue's."""
    random = np.random.default_rng(2)
    counts = random.integers(0, 30, 500).astype(np.float32)
    items, best = top_k(np.tile(counts, (300, 1)), 50)
    assert (items == np.lexsort((np.arange(500), -counts))[:50]).all()
    assert (best == counts[items]).all()


@pytest.mark.parametrize("n_items", [255, 256, 65_535, 65_536, 70_000])
def test_counts_do_not_overflow(n_items: int) -> None:
    ranks, candidates = standing(np.zeros((1, n_items), dtype=np.float32), np.array([0]))
    assert ranks.tolist() == [n_items - 1]
    assert candidates.tolist() == [n_items]
