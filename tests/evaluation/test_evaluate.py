"""The evaluator as a whole, its slices, and what the plainest baseline reaches on real data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories, Split
from palate.errors import ConfigError, DataError, ScoreError
from palate.evaluation.evaluate import Evaluation, evaluate, pooled
from palate.evaluation.ranking import rank_targets, top_k
from palate.evaluation.slices import quantile_buckets, slices_by

LAWS = settings(deadline=None)
USERS, ITEMS = 70, 40


class World:
    """Users with factors that their histories index, and one item that training never saw."""

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        lists = [random.integers(0, ITEMS - 1, n).tolist() for n in random.integers(0, 12, USERS)]
        self.cases = Cases(
            Histories.of(lists, [f"u{i}" for i in range(USERS)]), random.integers(0, ITEMS, USERS)
        )
        self.cases.targets[:3] = ITEMS - 1
        self.train = Histories.of(lists)
        self.features = random.random((ITEMS, 4))
        self.factors = random.standard_normal((ITEMS, 8)).astype(np.float32)

    def score(self, histories: Histories) -> np.ndarray:
        tastes = [self.factors[history].sum(axis=0) for history in histories]
        return np.array(tastes, dtype=np.float32).reshape(-1, 8) @ self.factors.T

    def evaluate(self, **changes) -> Evaluation:
        settings = {"train": self.train, "n_items": ITEMS, "features": self.features}
        return evaluate(self.score, self.cases, **(settings | changes))


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_batches_change_nothing(world: World) -> None:
    whole = world.evaluate(batch_size=1000)
    seen = (world.cases.histories.items, world.cases.histories.offsets)
    scores = world.score(world.cases.histories)
    assert whole.ranks.tolist() == rank_targets(scores, world.cases.targets, seen).tolist()
    assert whole.top_items.tolist() == top_k(scores, 50, seen)[0].tolist()
    done: list[int] = []
    parts = world.evaluate(batch_size=16, progress=done.append)
    assert done == [16, 16, 16, 16, 6]
    assert parts.ranks.tolist() == whole.ranks.tolist()
    assert parts.top_items.tolist() == whole.top_items.tolist()
    assert parts.metrics() == pytest.approx(whole.metrics())


def test_nothing_seen_is_recommended(world: World) -> None:
    found = world.evaluate()
    for history, items in zip(world.cases.histories, found.top_items, strict=True):
        left = items[items >= 0]
        assert not set(left.tolist()) & set(history.tolist())
        assert len(left) == len(set(left.tolist())) == ITEMS - len(set(history.tolist()))


def test_metrics_are_means_over_users(world: World) -> None:
    found = world.evaluate(ks=(10, 1, 5))
    metrics = found.metrics()
    accuracy = [
        f"{n}@{k}" for n in ("hr", "ndcg", "mrr", "recall", "precision", "map") for k in (1, 5, 10)
    ]
    lists = [f"{n}@{k}" for n in ("coverage", "novelty", "popularity_bias") for k in (1, 5, 10)]
    assert set(metrics) == {"mrr", "auc", "diversity@5", "diversity@10", *accuracy, *lists}
    for name in found.names:
        values = found.per_user(name)
        assert values.shape == (USERS,)
        assert metrics[name] == pytest.approx(values.mean())
        assert np.isfinite(values).all()
    low, high = found.interval("ndcg@10")
    assert low < metrics["ndcg@10"] < high
    assert metrics["recall@5"] == metrics["hr@5"]
    assert found.per_user("ndcg@7").shape == (USERS,)  # any length, not only those asked for


def test_a_perfect_and_a_useless_model(world: World) -> None:
    targets = iter(np.split(world.cases.targets, range(16, USERS, 16)))

    def know(histories: Histories) -> np.ndarray:
        return np.eye(ITEMS, dtype=np.float32)[next(targets)]

    options = {"train": world.train, "n_items": ITEMS, "batch_size": 16}
    perfect = evaluate(know, world.cases, **options)
    assert (perfect.ranks == 0).all()
    assert {perfect.metrics()[name] for name in ("hr@1", "ndcg@10", "mrr", "auc")} == {1.0}
    useless = evaluate(lambda h: np.zeros((len(h), ITEMS)), world.cases, **options)
    assert (useless.ranks == useless.n_candidates - 1).all()
    assert useless.metrics()["auc"] == 0


def test_slices_share_out_the_users(world: World) -> None:
    found = world.evaluate()
    rows = found.slices("ndcg@10")
    values = found.per_user("ndcg@10")
    for by in ("activity", "popularity"):
        of_kind = [row for row in rows if row.by == by]
        assert sum(row.users for row in of_kind) == USERS
        whole = sum(row.users * row.value for row in of_kind) / USERS
        assert whole == pytest.approx(values.mean())
        assert all(a.high < b.low for a, b in pairwise(of_kind))
        assert all(row.interval[0] <= row.value <= row.interval[1] for row in of_kind)
    cold = next(row for row in rows if row.label == "never seen in training")
    assert cold.users == int((world.cases.targets == ITEMS - 1).sum()) >= 3
    assert cold.value == pytest.approx(values[world.cases.targets == ITEMS - 1].mean())
    silent = next(row for row in rows if row.label == "no history")
    assert silent.users == int((world.cases.histories.lengths == 0).sum()) > 0


def test_buckets_by_hand() -> None:
    assert quantile_buckets(np.array([1, 2, 3, 4, 5, 6, 7, 8])).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert quantile_buckets(np.array([0, 9, 9, 9, 0])).tolist() == [0, 1, 1, 1, 0]
    assert quantile_buckets(np.array([5, 5, 5])).tolist() == [0, 0, 0]
    rows = slices_by("activity", np.array([1, 1, 7, 3]), np.array([0.0, 1.0, 1.0, 0.5]))
    assert [row.label for row in rows] == ["1 event", "3 events", "7 events"]
    assert [row.value for row in rows] == [0.5, 0.5, 1.0]


@LAWS
@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 6))
def test_buckets_keep_order_and_equals_together(values: list[int], n: int) -> None:
    array = np.array(values, dtype=np.int64)
    buckets = quantile_buckets(array, n)
    assert len(buckets) == len(array)
    order = np.argsort(array, kind="stable")
    assert (np.diff(buckets[order]) >= 0).all()
    for value in set(values):
        assert len(set(buckets[array == value].tolist())) == 1
    numbers = sorted(set(buckets.tolist()))
    assert numbers == list(range(len(numbers)))
    assert len(numbers) <= n + (0 in values)


def test_seeds_are_pooled_per_user(world: World) -> None:
    runs = [
        world.evaluate(),
        evaluate(lambda h: -world.score(h), world.cases, train=world.train, n_items=ITEMS),
    ]
    values = pooled(runs, "mrr")
    expected = (1 / (runs[0].ranks + 1) + 1 / (runs[1].ranks + 1)) / 2
    assert values == pytest.approx(expected)
    with pytest.raises(DataError, match="different test cases"):
        pooled([runs[0], World(seed=1).evaluate()], "mrr")


@pytest.mark.parametrize("name", ["ndgc@10", "ndcg", "ndcg@0", "ndcg@ten", "coverage@10"])
def test_a_metric_that_is_not_there_names_the_nearest(world: World, name: str) -> None:
    with pytest.raises(ConfigError, match=r"did you mean '(ndcg|novelty)@"):
        world.evaluate().per_user(name)


def test_what_cannot_be_measured_says_so(world: World) -> None:
    with pytest.raises(ConfigError, match="lists of 60 wanted"):
        world.evaluate().per_user("novelty@60")
    plain = world.evaluate(features=None)
    assert not [name for name in plain.metrics() if name.startswith("diversity")]
    with pytest.raises(ConfigError, match="features"):
        plain.per_user("diversity@10")
    with pytest.raises(DataError, match="no cases"):
        evaluate(
            world.score, world.cases.take(np.array([], dtype=int)), train=world.train, n_items=ITEMS
        )
    with pytest.raises(ScoreError, match=r"expected \(70, 41\)"):
        world.evaluate(n_items=ITEMS + 1)


def test_popularity_on_movielens(ml100k_split: Split) -> None:
    """The numbers that an independent implementation found, to its rounding."""
    sequences = ml100k_split.train.sequences()
    counts = np.bincount(sequences.items, minlength=ml100k_split.n_items).astype(np.float32)
    found = evaluate(
        lambda histories: np.tile(counts, (len(histories), 1)),
        ml100k_split.test,
        train=sequences,
        n_items=ml100k_split.n_items,
    )
    metrics = found.metrics()
    assert len(found) == 943
    assert round(metrics["ndcg@10"], 4) == 0.0432
    assert metrics["popularity_bias@10"] > 0.5  # what is popular, and nothing else
    assert metrics["coverage@10"] < 0.1
    users, items = found.users, found.top_items
    assert len(set(users)) == 943
    assert (items[:, :10] >= 0).all()
