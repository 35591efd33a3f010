"""Whether simulated users can be believed: what they must do before their word counts.

Legend: q queries, k ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from palate.evaluation.ranking import Values
from palate.search.judging.users import utility
from palate.search.results import Query

Visit = Callable[[Sequence[tuple[Query, Sequence[str]]], int], Sequence[Sequence[bool]]]
"""(lists, seed) -> clicks on each."""


@dataclass(frozen=True)
class SignTest:
    """Whether the better of two rankings, known to be, is preferred.

    Attributes:
        better: mean worth of the better ranking to the users.
        worse: of the other.
        agrees: share of resamples of the queries in which the better one is worth more; .95 and
            more is what a simulator needs.
    """

    better: float
    worse: float
    agrees: float


def worths(
    visit: Visit, queries: Sequence[Query], lists: Sequence[Sequence[str]], users: int, seed: int
) -> Values:
    """[q] mean worth of each query's list, over so many users."""
    total = np.zeros(len(queries))
    for one in range(users):
        clicks = visit(list(zip(queries, lists, strict=True)), seed + 1000 * one)
        total += [utility(several) for several in clicks]
    return total / users


def sign_test(
    visit: Visit,
    queries: Sequence[Query],
    better: Sequence[Sequence[str]],
    worse: Sequence[Sequence[str]],
    *,
    users: int = 1,
    resamples: int = 2000,
    seed: int = 0,
) -> SignTest:
    """Let users visit both rankings of the same queries."""
    a = worths(visit, queries, better, users, seed)
    b = worths(visit, queries, worse, users, seed)
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(a), (resamples, len(a)))
    agrees = ((a - b)[drawn].mean(1) > 0).mean()
    return SignTest(float(a.mean()), float(b.mean()), float(agrees))


def sensitivity(
    visit: Visit,
    queries: Sequence[Query],
    lists: Sequence[Sequence[str]],
    shares: Sequence[float] = (0.0, 0.25, 0.5, 1.0),
    *,
    users: int = 1,
    seed: int = 0,
) -> list[float]:
    """Mean worth as more and more of each list is shuffled; should fall from one to the next."""
    return [
        float(
            worths(
                visit, queries, [shuffled(one, share, seed) for one in lists], users, seed
            ).mean()
        )
        for share in shares
    ]


def shuffled(documents: Sequence[str], share: float, seed: int = 0) -> list[str]:
    """The list with so large a share of its documents, drawn at random, shuffled among
    themselves."""
    random = np.random.default_rng(seed)
    n = len(documents)
    places = np.sort(random.permutation(n)[: round(share * n)])
    found = list(documents)
    for place, other in zip(places, random.permutation(places), strict=True):
        found[place] = documents[other]
    return found


def click_divergence(simulated: Sequence[Sequence[bool]], real: Sequence[Sequence[bool]]) -> float:
    """Kullback-Leibler divergence, in bits, of where clicks fall: real ones from simulated ones,
    each rank with one imagined click more."""
    k = max(len(one) for one in (*simulated, *real))
    p, q = (_by_rank(one, k) for one in (real, simulated))
    return float((p * np.log2(p / q)).sum())


def _by_rank(clicks: Sequence[Sequence[bool]], k: int) -> Values:
    counts = np.ones(k)
    for one in clicks:
        counts[: len(one)] += one
    return counts / counts.sum()
