"""Two rankings in one list: whose documents are clicked wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interleaved:
    """A list put together from two.

    Attributes:
        documents: best first.
        teams: whose each is: 0 or 1; -1 where both rankings had it at the top and it says nothing.
    """

    documents: tuple[str, ...]
    teams: tuple[int, ...]


def team_draft(
    a: Sequence[str], b: Sequence[str], k: int, random: np.random.Generator
) -> Interleaved:
    """Each ranking in turn picks its best document that is not there yet; a coin decides who
    begins each round (Radlinski, Kurup and Joachims, CIKM 2008).

    Documents that both rankings begin with, in the same order, belong to nobody (Chapelle et al.,
    TOIS 2012): a click on them prefers neither.
    """
    shared = 0
    while shared < min(len(a), len(b), k) and a[shared] == b[shared]:
        shared += 1
    documents, teams = list(a[:shared]), [-1] * shared
    there = set(documents)
    queues = [[d for d in one if d not in there] for one in (a, b)]
    while len(documents) < k and any(queues):
        first = int(random.integers(0, 2))
        for team in (first, 1 - first):
            queue = queues[team]
            while queue and queue[0] in there:
                queue.pop(0)
            if queue and len(documents) < k:
                document = queue.pop(0)
                documents.append(document)
                teams.append(team)
                there.add(document)
    return Interleaved(tuple(documents), tuple(teams))


def winner(shown: Interleaved, clicks: Sequence[bool]) -> int:
    """0 or 1, whose documents were clicked more; -1 for neither."""
    counts = [
        sum(bool(c) for c, t in zip(clicks, shown.teams, strict=True) if t == team)
        for team in (0, 1)
    ]
    return -1 if counts[0] == counts[1] else int(counts[1] > counts[0])


@dataclass(frozen=True)
class Preference:
    """What many interleaved lists say.

    Attributes:
        wins: of the first ranking.
        losses: of the first ranking.
        ties: lists that prefer neither.
        preference: (wins - losses) / (wins + losses); 0 where nobody won.
        p: two-sided, of a fair coin (binomial sign test, ties apart).
    """

    wins: int
    losses: int
    ties: int
    preference: float
    p: float


def preference(winners: Sequence[int]) -> Preference:
    """Of the winners of lists, as :func:`winner` tells them."""
    from scipy.stats import binomtest

    wins, losses = list(winners).count(0), list(winners).count(1)
    total = wins + losses
    p = float(binomtest(wins, total).pvalue) if total else 1.0
    return Preference(
        wins, losses, len(winners) - total, (wins - losses) / total if total else 0.0, p
    )
