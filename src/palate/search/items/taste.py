"""A person's taste beside relevance: a recommender's scores, brought to one scale query by query.

Recommenders score in units of their own, so that only the order of their scores counts: an item's
taste is the share of the found items that it is liked better than.

Legend: i items of the catalogue, h items that were found, u users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.evaluation.ranking import Values
from palate.search.ranking.features import More
from palate.search.results import Query

NEUTRAL = 0.5  # taste for what the recommender does not know


def shares(scores: npt.NDArray[np.floating]) -> Values:
    """[h] the place of each score among all, from 0 (the lowest) to 1; equals share theirs.

    NaN, which is not known, has the middle.

    Example:
        >>> shares(np.array([2.0, 9.0, np.nan, 5.0])).tolist()
        [0.0, 1.0, 0.5, 0.5]
    """
    found = np.full(len(scores), NEUTRAL)
    known = ~np.isnan(scores)
    if (count := int(known.sum())) > 1:
        found[known] = (_ranks(scores[known]) - 1) / (count - 1)
    return found


def proportions(scores: npt.NDArray[np.floating]) -> Values:
    """[h] the scores of a list, best first, over the best one: 1 to 0.

    Scores that say nothing in proportion, as they are below zero or of two stages, are told by
    their places: 1 for the first, and evenly down.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        return values
    if values[-1] < 0 or values[0] <= 0 or (np.diff(values) > 0).any():
        return 1 - np.arange(len(values)) / len(values)
    return values / values[0]


def mixed(relevance: Values, taste: Values, weight: float) -> Values:
    """[h] ``(1 - weight) * relevance + weight * taste``, both between 0 and 1.

    The linear mixture of search.md's personalised ranking (Dou, Song and Wen, WWW 2007), with
    weights that add up to 1.
    """
    return (1 - weight) * relevance + weight * taste


def taste_features(scores: Mapping[str, Values], items: Sequence[str]) -> dict[str, More]:
    """Features of a person's taste for :class:`~palate.search.ranking.features.Features`.

    Args:
        scores: [i] a recommender's scores, by user; NaN is not known.
        items: [i] ids of the items.

    Returns:
        ``taste``: the item's share among all items, of 0 to 1; ``taste_top``: one over its rank,
        which tells the first few apart. NaN for a user, or an item, that is not known.
    """
    index = {item: place for place, item in enumerate(items)}
    share: dict[str, Values] = {}
    rank: dict[str, Values] = {}

    def value(kept: dict[str, Values], query: Query, document: str) -> float:
        user = query.user
        if user is None or user not in scores or document not in index:
            return float("nan")
        if user not in share:
            own = scores[user]
            known = np.where(np.isnan(own), np.nan, shares(own))
            share[user], rank[user] = known, 1 / _ranks(-own)
        return float(kept[user][index[document]])

    return {
        "taste": lambda query, document: value(share, query, document),
        "taste_top": lambda query, document: value(rank, query, document),
    }


def _ranks(values: npt.NDArray[np.floating]) -> Values:
    """[n] from 1, the lowest; equals share theirs, NaN has none."""
    # scipy's would keep a server that starts waiting for a second.
    ranks: Values = pl.Series(values).fill_nan(None).rank().to_numpy()
    return ranks
