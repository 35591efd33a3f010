"""How far a tree is from the right one, and how well it groups what is in it.

A tree is ``(label, (child, child, …))``, nested.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.errors import ConfigError

Nested = tuple[str, tuple[Any, ...]]
Similar = Callable[[str, str], float]
Path = tuple[str, ...]

ALIKE = 0.8  # cosine from which on two labels count as one
WIDEST = 400  # nodes up to which unordered trees are matched


@dataclass(frozen=True)
class TreeDistance:
    """Edits from one tree to another.

    Attributes:
        raw: insertions, deletions and new labels, each 1.
        normalised: over the nodes of both trees, from 0 to 1.
    """

    raw: float
    normalised: float


def size(tree: Nested) -> int:
    """Number of nodes."""
    return 1 + sum(size(child) for child in tree[1])


def alike(embed: Callable[[Sequence[str]], npt.NDArray[Any]], *trees: Nested) -> Similar:
    """The cosine between any two labels of some trees; equal labels have 1."""
    labels = list(dict.fromkeys(label.casefold() for tree in trees for label in _labels(tree)))
    vectors = np.asarray(embed(labels), dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths == 0, 1, lengths)
    place = {label: row for row, label in enumerate(labels)}

    def similarity(a: str, b: str) -> float:
        a, b = a.casefold(), b.casefold()
        return 1.0 if a == b else float(unit[place[a]] @ unit[place[b]])

    return similarity


def exact(a: str, b: str) -> float:
    """1 for equal labels, without regard to case, else 0."""
    return float(a.casefold() == b.casefold())


def tree_distance(
    a: Nested,
    b: Nested,
    similar: Similar = exact,
    *,
    threshold: float = ALIKE,
    ordered: bool = True,
) -> TreeDistance:
    """Edits from *a* to *b*; inserting and deleting a node cost 1, and giving it a label that is
    not similar beyond *threshold* costs 1.

    Ordered, this is ResearchArena's tree semantic distance (Zhang and Shasha, "Simple fast
    algorithms for the editing distance between trees and related problems", 1989), computed by
    ``apted`` (Pawlik and Augsten, 2016). A threshold on similarity is not transitive, so the
    triangle inequality need not hold.

    Not ordered, children are matched at each level, at least cost, with those of the other tree
    that has the same place (Hungarian method); whole subtrees are inserted and deleted. That is an
    upper bound of the unordered distance, which is hard to compute.

    Raises:
        ConfigError: ``apted`` is missing, or unordered trees have more than :data:`WIDEST` nodes.
    """

    def relabel(x: str, y: str) -> int:
        return int(similar(x, y) <= threshold and x.casefold() != y.casefold())

    raw = _ordered(a, b, relabel) if ordered else _unordered(a, b, relabel)
    return TreeDistance(raw, raw / (size(a) + size(b)))


def _ordered(a: Nested, b: Nested, relabel: Callable[[str, str], int]) -> float:
    try:
        from apted import APTED, Config
    except ImportError:
        raise ConfigError("distances of trees need apted: pip install 'palate[research]'") from None

    class Costs(Config):
        def rename(self, x: Nested, y: Nested) -> int:
            return relabel(x[0], y[0])

        def children(self, node: Nested) -> Sequence[Nested]:
            return node[1]

    return float(APTED(a, b, Costs()).compute_edit_distance())


def _unordered(a: Nested, b: Nested, relabel: Callable[[str, str], int]) -> float:
    from scipy.optimize import linear_sum_assignment

    if max(size(a), size(b)) > WIDEST:
        raise ConfigError(f"unordered distances are for trees of at most {WIDEST} nodes")

    @cache
    def distance(x: Nested, y: Nested) -> float:
        ours, theirs = x[1], y[1]
        n, m = len(ours), len(theirs)
        # A child of one is matched with a child of the other, or with its own absence.
        costs = np.zeros((n + m, n + m))
        for row, child in enumerate(ours):
            costs[row, :m] = [distance(child, other) for other in theirs]
            costs[row, m:] = size(child)
        costs[n:, :m] = [size(other) for other in theirs]
        rows, columns = linear_sum_assignment(costs)
        return relabel(x[0], y[0]) + float(costs[rows, columns].sum())

    return distance(a, b)


@dataclass(frozen=True)
class Grouping:
    """How well papers are put together, whatever the groups are called.

    Attributes:
        ari: adjusted Rand index; 0 is chance, 1 is the same groups.
        v_measure: harmonic mean of homogeneity and completeness.
        homogeneity: a group holds papers of one true group only.
        completeness: papers of one true group are in one group.
    """

    ari: float
    v_measure: float
    homogeneity: float
    completeness: float


def grouping(gold: Sequence[Hashable], predicted: Sequence[Hashable]) -> Grouping:
    """Groups of the same papers in the same order; papers that were not found share a group.

    Raises:
        ConfigError: scikit-learn is missing.
    """
    try:
        from sklearn import metrics
    except ImportError:
        raise ConfigError("scores of groups need it: pip install 'palate[research]'") from None

    def numbers(groups: Sequence[Hashable]) -> list[int]:
        known: dict[Hashable, int] = {}
        return [known.setdefault(group, len(known)) for group in groups]

    right, ours = numbers(gold), numbers(predicted)
    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(right, ours)
    return Grouping(
        float(metrics.adjusted_rand_score(right, ours)),
        float(v_measure),
        float(homogeneity),
        float(completeness),
    )


def path_similarity(
    gold: Sequence[Path], predicted: Sequence[Path], similar: Similar = exact
) -> float:
    """How alike the ways to a paper are, in [0, 1]: the best pair of its places in both trees.

    Labels are aligned in order; a pair costs 1 minus its similarity, a label without a partner
    costs 1; a cost c is a similarity of 1 / (1 + c) (TaxoBench, arXiv:2601.12369).
    """
    if not gold or not predicted:
        return 0.0
    return max(1 / (1 + _alignment(a, b, similar)) for a in gold for b in predicted)


def _alignment(a: Path, b: Path, similar: Similar) -> float:
    costs = np.zeros((len(a) + 1, len(b) + 1))
    costs[:, 0], costs[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i, x in enumerate(a, start=1):
        for j, y in enumerate(b, start=1):
            pair = costs[i - 1, j - 1] + 1 - max(0.0, similar(x, y))
            costs[i, j] = min(pair, costs[i - 1, j] + 1, costs[i, j - 1] + 1)
    return float(costs[-1, -1])


def _labels(tree: Nested) -> list[str]:
    return [tree[0], *(label for child in tree[1] for label in _labels(child))]
