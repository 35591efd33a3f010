"""Orders: read from what a model wrote, put together from several, and compared.

A permutation lists positions, the best first; positions count from 0, what models write from 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Parsed:
    """An order that was read.

    Attributes:
        order: a permutation of ``0 … n - 1``, whatever was written.
        repaired: something was missing, there twice, or out of range.
    """

    order: list[int]
    repaired: bool


def parse_permutation(text: str, n: int) -> Parsed:
    """The permutation of *n* that *text* tells, as in ``[2] > [1]``.

    All but digits separates; the first mention of a number counts; numbers out of range are
    dropped; what is not mentioned follows in its own order (the contract of RankGPT, Sun et al.,
    EMNLP 2023).
    """
    told = [int(found) - 1 if len(found) < 9 else -1 for found in _DIGITS.findall(text)]
    order = list(dict.fromkeys(place for place in told if 0 <= place < n))
    missing = sorted(set(range(n)) - set(order))
    return Parsed(order + missing, bool(missing) or len(told) != n)


def borda(orders: Sequence[Sequence[int]]) -> list[int]:
    """One order from several of the same positions: by mean rank, ties by the first order."""
    ranks = np.array([np.argsort(order) for order in orders])
    first = ranks[0]
    return sorted(range(ranks.shape[1]), key=lambda i: (ranks[:, i].mean(), first[i]))


def kendall(a: Sequence[int], b: Sequence[int]) -> float:
    """Kendall's tau of two permutations of the same positions: 1 alike, -1 reversed."""
    n = len(a)
    if n < 2:
        return 1.0
    x, y = np.argsort(a), np.argsort(b)
    upper = np.triu_indices(n, 1)
    signs = np.sign(x[:, None] - x)[upper] * np.sign(y[:, None] - y)[upper]
    return float(signs.mean())


def agreement(orders: Sequence[Sequence[int]]) -> float:
    """Mean Kendall's tau over all pairs of orders."""
    pairs = [kendall(a, b) for i, a in enumerate(orders) for b in orders[i + 1 :]]
    return float(np.mean(pairs)) if pairs else 1.0


def by_score(scores: Sequence[float]) -> list[int]:
    """Positions by falling score; ties in their own order."""
    return sorted(range(len(scores)), key=lambda i: -scores[i])
