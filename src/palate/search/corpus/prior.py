"""What only a search engine knows of a page's worth: who points to it, and who was pleased by it.

Legend: n documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from palate.config import Config
from palate.errors import DataError
from palate.evaluation.ranking import Values

DAMPING, TOLERANCE = 0.85, 1e-8
MOST = 1000  # iterations


class PriorConfig(Config):
    """Weights of what a prior is made of; each part is scaled to mean 0 and deviation 1."""

    pagerank: float = Field(1.0, ge=0)
    """Weight of the logarithm of PageRank."""
    satisfied: float = Field(1.0, ge=0)
    """Weight of the share of visits that ended in a satisfied click."""
    classifier: float = Field(1.0, ge=0)
    """Weight of the quality classifier."""
    spam: float = Field(1.0, ge=0)
    """Weight that a spam score is subtracted with."""


def pagerank(
    links: Sequence[Sequence[int]], damping: float = DAMPING, tolerance: float = TOLERANCE
) -> Values:
    """[n] probability that who follows links at random is at each document; sums to 1.

    Page, Brin, Motwani and Winograd, 1999. Where a document points nowhere, who is there goes
    anywhere, all being equally likely; a link that stands in a document twice counts once.

    Args:
        links: for each document the positions of those it points to.
        tolerance: of the change in an iteration, summed over documents.
    """
    n = len(links)
    if n == 0:
        return np.empty(0)
    pairs = [(source, target) for source, some in enumerate(links) for target in set(some)]
    sources = np.array([source for source, _ in pairs], dtype=np.int64)
    targets = np.array([target for _, target in pairs], dtype=np.int64)
    out = np.bincount(sources, minlength=n)
    weights = 1.0 / out[sources] if len(pairs) else np.empty(0)
    moves = csr_array((weights, (targets, sources)), shape=(n, n))
    dangling = out == 0
    rank: Values = np.full(n, 1.0 / n)
    for _ in range(MOST):
        everywhere = (1 - damping + damping * rank[dangling].sum()) / n
        following: Values = damping * (moves @ rank) + everywhere
        change = np.abs(following - rank).sum()
        rank = following
        if change < tolerance:
            break
    return rank / rank.sum()


def shrunk(satisfied: Values, shown: Values, strength: float = 5.0) -> Values:
    """[n] share of satisfied clicks, drawn towards the mean of all: ``(c + 5 mu) / (n + 5)``.

    Args:
        satisfied: [n] satisfied clicks.
        shown: [n] times the document was shown (or clicked, whichever the share is of).
        strength: imagined visits beside those seen.
    """
    total = shown.sum()
    mean = satisfied.sum() / total if total else 0.0
    found: Values = (satisfied + strength * mean) / (shown + strength)
    return found


def scaled(values: Values) -> Values:
    """Values less their mean, over their deviation; zeros where all are equal."""
    deviation = values.std()
    if deviation < 1e-12:
        return np.zeros_like(values, dtype=float)
    found: Values = (values - values.mean()) / deviation
    return found


def prior(parts: Mapping[str, Values | None], config: PriorConfig | None = None) -> Values:
    """[n] the weighted sum of what is known.

    Args:
        parts: any of ``pagerank``, ``satisfied``, ``classifier``, ``spam``; None is not known.

    Raises:
        DataError: nothing is known.
    """
    config = config or PriorConfig()
    total: Values | None = None
    for name, values in parts.items():
        if values is None:
            continue
        if name == "pagerank":
            values = np.log(np.maximum(values, 1e-300))
        part: Values = getattr(config, name) * scaled(np.asarray(values, dtype=float))
        part = -part if name == "spam" else part
        total = part if total is None else total + part
    if total is None:
        raise DataError("a search prior needs links, clicks, a classifier's scores or spam scores")
    return total
