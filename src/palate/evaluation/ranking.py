"""Full ranking: where the item that came next stands among all items, and what that is worth.

Each case has one relevant item, its target, and ranks count from 0, the best. Ties stand against
the model: an item with the target's score ranks before it, so that a model of constant scores
gets the worst ranks and not the best.

Legend: u users (or cases), i items of the catalogue, e events in all histories together, k length
of the list that is recommended.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from palate.errors import ScoreError

Scores = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Seen = tuple[Indices, Indices]  # items [e] and offsets [u + 1], as in a Histories

NOTHING = -1  # in a list of items: no item is left to recommend here


def rank_targets(scores: Scores, targets: Indices, seen: Seen | None = None) -> Indices:
    """[u] rank of each target among the items that are not in the user's history, 0 is best.

    The rank is the number of other unseen items that score at least as high as the target. It
    is counted, not sorted for. A target that stands in the history itself (people come back to
    things) competes all the same.

    Args:
        scores: [u, i] higher is better; ``-inf`` puts an item last.
        targets: [u] item indices.
        seen: the items of each history, which are left out; None leaves none out.

    Raises:
        ScoreError: a score is NaN, or the shapes do not fit.
    """
    return standing(scores, targets, seen)[0]


def standing(
    scores: Scores, targets: Indices, seen: Seen | None = None, groups: Indices | None = None
) -> tuple[Indices, Indices]:
    """[u] rank of each target, as :func:`rank_targets`, and [u] number of items it is among.

    The number counts the unseen items and the target.

    Args:
        groups: [i] a group of each item; a target then stands among the items of its own only.
    """
    check_scores(scores, len(targets))
    rows = np.arange(len(targets))
    others = np.ones(scores.shape, dtype=bool)  # [u, i] what competes with the target
    if seen is not None:
        np.put(others, _places(seen, scores.shape[1]), False)
    others[rows, targets] = False
    if groups is not None:
        others &= groups == groups[targets][:, None]
    n_candidates = _count(others) + 1
    others &= scores >= scores[rows, targets][:, None]
    return _count(others), n_candidates


def top_k(
    scores: Scores, k: int, seen: Seen | None = None, *, checked: bool = False
) -> tuple[Indices, Scores]:
    """The *k* best unseen items of each user, best first: items [u, k] and their scores [u, k].

    Equal scores come in the order of the catalogue, so that the list is the same on every
    machine. Where fewer than *k* items are left, because the rest was seen or scores ``-inf``,
    the list ends in item -1 with score ``-inf``.

    Args:
        checked: the scores were looked through already, by :func:`standing`.

    Raises:
        ScoreError: a score is NaN, or the shapes do not fit.
    """
    if not checked:
        check_scores(scores, None if seen is None else len(seen[1]) - 1)
    if seen is not None:
        scores = scores.copy()
        np.put(scores, _places(seen, scores.shape[1]), -np.inf)
    items, best = _best(scores, min(k, scores.shape[1]))
    items[best == -np.inf] = NOTHING
    missing = k - items.shape[1]
    if missing > 0:
        items = np.pad(items, ((0, 0), (0, missing)), constant_values=NOTHING)
        best = np.pad(best, ((0, 0), (0, missing)), constant_values=-np.inf)
    return items, best


def hr(ranks: Indices, k: int) -> Values:
    """[u] hit rate: 1 where the target is among the first *k*."""
    return (ranks < k).astype(np.float64)


def ndcg(ranks: Indices, k: int) -> Values:
    """[u] normalised discounted cumulative gain; with one relevant item, ``1 / log2(rank + 2)``."""
    return np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0)


def mrr(ranks: Indices, k: int | None = None) -> Values:
    """[u] reciprocal rank of the target, 0 beyond *k*; None looks at the whole list."""
    reciprocal = 1 / (ranks + 1)
    return reciprocal if k is None else np.where(ranks < k, reciprocal, 0.0)


def recall(ranks: Indices, k: int) -> Values:
    """[u] share of the relevant items among the first *k*; with one of them, the hit rate."""
    return hr(ranks, k)


def precision(ranks: Indices, k: int) -> Values:
    """[u] share of the first *k* that is relevant; with one relevant item at most ``1 / k``."""
    return hr(ranks, k) / k


def average_precision(ranks: Indices, k: int) -> Values:
    """[u] precision at each relevant item, averaged; with one of them, the reciprocal rank."""
    return mrr(ranks, k)


def auc(ranks: Indices, n_candidates: Indices) -> Values:
    """[u] share of the other candidates that rank below the target; 1 where there are none.

    Args:
        n_candidates: [u] items that were ranked, the target among them, as of
            :func:`standing`.
    """
    return 1 - ranks / np.maximum(n_candidates - 1, 1)


def check_scores(scores: Scores, n_users: int | None = None) -> None:
    """Raise a ScoreError unless *scores* is a matrix of *n_users* rows without NaN."""
    if scores.ndim != 2 or (n_users is not None and len(scores) != n_users):
        raise ScoreError(
            f"scores have shape {scores.shape}; expected one row for each of the "
            f"{'users' if n_users is None else f'{n_users} users'} and one column per item"
        )
    # The minimum of anything with NaN is NaN: one pass over the matrix, and no copy of it.
    if scores.size and np.isnan(scores.min()):
        user, item = np.argwhere(np.isnan(scores))[0]
        raise ScoreError(
            f"the score of item {item} for the user in row {user} is NaN; did training diverge? "
            "A lower learning rate is the usual mend"
        )


def _count(matrix: npt.NDArray[np.bool_]) -> Indices:
    narrow = np.min_scalar_type(matrix.shape[1])  # adds several times faster than 64 bits
    return matrix.view(np.uint8).sum(axis=1, dtype=narrow).astype(np.int64)


def _places(seen: Seen, n_items: int) -> Indices:
    """[e] where the items of the histories stand in a matrix that is read row by row."""
    rows = np.arange(len(seen[1]) - 1) * n_items
    return np.repeat(rows, np.diff(seen[1])) + seen[0]


def _best(scores: Scores, k: int) -> tuple[Indices, Scores]:
    """The *k* highest of each row, highest first, equals by index."""
    # Torch does not promise which of equals it takes, nor their order. One more than asked for
    # shows whether the last one kept has an equal that was left out.
    most = min(k + 1, scores.shape[1])
    found, order = torch.topk(torch.from_numpy(scores), most, sorted=True)
    best, items = found.numpy(), order.numpy()
    tied = np.flatnonzero((best[:, 1:] == best[:, :-1]).any(axis=1))
    best, items = best[:, :k], items[:, :k]
    if len(tied) and k:
        items[tied] = _first_of_equals(scores[tied], best[tied, -1], k)
    return items, best


def _first_of_equals(scores: Scores, least: Scores, k: int) -> Indices:
    """[u, k] the items above *least* and the first of those that equal it, highest first."""
    above = scores > least[:, None]
    equal = scores == least[:, None]
    wanted = k - _count(above)
    chosen = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= wanted[:, None]))
    items = np.nonzero(chosen)[1].reshape(len(scores), k)  # by index
    order = np.argsort(-np.take_along_axis(scores, items, axis=1), axis=1, kind="stable")
    return np.take_along_axis(items, order, axis=1)
