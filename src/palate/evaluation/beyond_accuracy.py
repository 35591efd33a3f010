"""What lists of recommendations are like beside being right: broad, novel, diverse, popular.

Lists are item indices, best first; where nothing was left to recommend they hold -1, which no
measure here counts.

Legend: u users, i items of the catalogue, k length of a list, d features of an item.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from palate.data.cases import Histories
from palate.evaluation.ranking import Indices, Values

Features = npt.NDArray[np.floating[Any]]


def users_per_item(histories: Histories, n_items: int) -> Indices:
    """[i] number of histories that hold each item, however often they do."""
    true = np.ones(len(histories.items), dtype=bool)
    width = np.int32 if max(n_items, len(true)) < 2**31 else np.int64  # narrow sorts faster
    items, offsets = histories.items.astype(width), histories.offsets.astype(width)
    by_item = sparse.csr_array((true, items, offsets), shape=(len(histories), n_items)).tocsc()
    by_item.sum_duplicates()
    return np.diff(by_item.indptr).astype(np.int64)


def coverage(lists: Indices, n_items: int) -> float:
    """Share of the catalogue that is recommended to anyone.

    Catalogue coverage of Ge et al., "Beyond accuracy: evaluating recommender systems by coverage
    and serendipity" (RecSys 2010).
    """
    return float(np.count_nonzero(np.bincount(lists[lists >= 0], minlength=n_items)) / n_items)


def self_information(popularity: Indices, n_users: int) -> Values:
    """[i] ``-log2`` of the share of users who touched the item; none counts as one.

    Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems"
    (PNAS 2010). An item nobody has touched would be infinitely surprising; it counts like an
    item of one user instead.
    """
    return np.log2(max(n_users, 1) / np.maximum(popularity, 1))


def mean_of_lists(lists: Indices, values: Values) -> Values:
    """[u] the *values* [i] of the items of each list, averaged; 0 for an empty list."""
    known = lists >= 0
    return np.where(known, values[lists], 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def novelty(lists: Indices, popularity: Indices, n_users: int) -> Values:
    """[u] mean self-information, in bits, of the items of each list.

    Args:
        popularity: [i] number of users who touched each item, of *n_users* in training.
    """
    return mean_of_lists(lists, self_information(popularity, n_users))


def profile_popularity(popularity: Indices, profiles: Histories) -> float:
    """Mean popularity [i] of what a user chose, averaged over users; empty profiles are left out.

    The group average popularity of profiles, GAP_p, of Abdollahpouri et al. (see
    :func:`popularity_bias`).
    """
    lengths = profiles.lengths
    if not lengths.any():
        return 0.0
    some = lengths > 0
    sums = np.add.reduceat(popularity[profiles.items], profiles.offsets[:-1][some])
    return float((sums / lengths[some]).mean())


def popularity_bias(lists: Indices, popularity: Indices, chosen: float) -> Values:
    """[u] popularity of each list over that of what users choose themselves, minus 1.

    The mean over users is ΔGAP of Abdollahpouri et al., "The unfairness of popularity bias in
    recommendation" (RMSE workshop at RecSys 2019): the group average popularity of the
    recommendations, relative to that of the profiles. 0 is as popular as people's own choices,
    1 is twice as popular, below 0 less popular.

    Args:
        popularity: [i] number of users who touched each item in training.
        chosen: what :func:`profile_popularity` gives for the training sequences.
    """
    if chosen == 0:
        return np.zeros(len(lists))  # nobody chose anything: nothing to be biased against
    return mean_of_lists(lists, popularity.astype(np.float64)) / chosen - 1


def diversity(lists: Indices, features: Features) -> Values:
    """[u] mean over the pairs of a list of ``1 - cosine`` of their features.

    Intra-list diversity of Smyth and McClave, "Similarity vs. diversity" (ICCBR 2001), which is
    Ziegler et al.'s intra-list similarity (WWW 2005) turned round. A list of fewer than two items
    has none, 0; an item whose features are all zero is unlike every other.

    Args:
        features: [i, d] any description of the items: genres, text vectors.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    units = np.divide(features, lengths, out=np.zeros(features.shape), where=lengths > 0)
    known = lists >= 0
    counts = known.sum(axis=1)
    # Over all pairs of a list, the cosines add up to (|sum of units|² - sum of |unit|²) / 2: no
    # pair is looked at, and no [u, k, d] is made.
    offsets = np.concatenate([[0], np.cumsum(counts)])
    cells = (np.ones(len(lists[known])), lists[known], offsets)
    members = sparse.csr_array(cells, shape=(len(lists), len(features)))
    sums = members @ units  # [u, d]
    squares = members @ (units * units).sum(axis=1)
    cosines = ((sums * sums).sum(axis=1) - squares) / 2
    pairs = counts * (counts - 1) / 2
    return np.where(pairs > 0, 1 - cosines / np.maximum(pairs, 1), 0.0)
