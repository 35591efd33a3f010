"""Metrics by domain: of the target's domain, over the whole catalogue and within the domain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories
from palate.evaluation.evaluate import Domains, Evaluation, evaluate
from palate.evaluation.ranking import standing

NAMES = ["books", "films", "games"]


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 25))
def test_ranks_within_a_group_are_those_of_its_items_alone(seed: int, u: int, i: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 4, (u, i)).astype(np.float32)  # ties are common
    targets, groups = random.integers(0, i, u), random.integers(0, 3, i)
    lists = [random.integers(0, i, random.integers(0, 6)).tolist() for _ in range(u)]
    histories = Histories.of(lists)
    seen = (histories.items, histories.offsets)
    ranks, counts = standing(scores, targets, seen, groups)
    for user in range(u):
        own = [
            item
            for item in range(i)
            if groups[item] == groups[targets[user]]
            and item not in lists[user]
            and item != targets[user]
        ]
        assert ranks[user] == sum(scores[user, item] >= scores[user, targets[user]] for item in own)
        assert counts[user] == len(own) + 1
    assert (ranks <= standing(scores, targets, seen)[0]).all()
    one = standing(scores, targets, seen, np.zeros(i, dtype=np.int64))
    assert one[0].tolist() == standing(scores, targets, seen)[0].tolist()


def judged(domains: Domains | None, users: int = 60, items: int = 30) -> Evaluation:
    random = np.random.default_rng(3)
    factors = random.standard_normal((items, 4)).astype(np.float32)
    lists = [random.integers(0, items, 5).tolist() for _ in range(users)]
    cases = Cases(
        Histories.of(lists, [str(user) for user in range(users)]),
        random.integers(0, 2 * items // 3, users),  # no target is a game
    )

    def score(histories: Histories) -> np.ndarray:
        return np.array([factors[h].sum(axis=0) for h in histories]) @ factors.T

    train = Histories.of(lists)
    options = {"train": train, "n_items": items, "batch_size": 16}
    return evaluate(score, cases, domains=domains, **options)


def test_slices_of_domains_share_out_the_users() -> None:
    found = judged(Domains(NAMES, np.repeat(np.arange(3), 10)))
    whole = [one for one in found.slices("ndcg@10") if one.by == "domain"]
    own = [one for one in found.slices("ndcg@10") if one.by == "own domain"]
    assert [one.label for one in whole] == [one.label for one in own] == ["books", "films"]
    assert sum(one.users for one in whole) == sum(one.users for one in own) == len(found)
    mean = sum(one.users * one.value for one in whole) / len(found)
    assert mean == pytest.approx(found.metrics()["ndcg@10"])
    assert all(a.value < b.value for a, b in zip(whole, own, strict=True))
    for name in ("mrr", "hr@5"):
        assert {one.by for one in found.domain_slices(name)} == {"domain", "own domain"}
    for name in ("auc", "novelty@10"):  # which have no list or count within a domain
        assert {one.by for one in found.domain_slices(name)} == {"domain"}


def test_domains_change_nothing_else() -> None:
    with_domains, without = judged(Domains(NAMES, np.repeat(np.arange(3), 10))), judged(None)
    assert with_domains.metrics() == without.metrics()
    assert without.domain_slices("ndcg@10") == []
    assert with_domains.slices("mrr")[: len(without.slices("mrr"))] == without.slices("mrr")
