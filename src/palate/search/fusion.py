"""Several ranked lists of one query as one.

Reciprocal rank fusion: a document's score is the sum over lists of w / (k0 + rank), ranks from 1,
nothing for lists that lack it (Cormack, Clarke and Büttcher, SIGIR 2009; k0 = 60). Convex
combination: a sum of scores after each list's were stretched to 0 … 1 (Bruch, Gai and Ingber,
"An analysis of fusion functions for hybrid retrieval", TOIS 2023). Ties go to the best single
rank, then to the id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.evaluation.retrieval import Qrels, evaluate_lists
from palate.search.results import Found, Hit, Results, added


class Fusion(Protocol):
    """Makes one list of several."""

    name: str

    def fuse(
        self, lists: Sequence[Results], k: int, weights: Sequence[float] | None = None
    ) -> Results:
        """One list of at most *k* hits; *weights*, one per list, are those of its texts."""
        ...


class RRFConfig(Config):
    """Settings of reciprocal rank fusion."""

    k0: float = Field(60, gt=0)
    """How flat ranks count."""
    weights: dict[str, float] = {}
    """Weight of each retriever by name; 1 for those that are not named."""


class RRF:
    """Reciprocal rank fusion."""

    Config = RRFConfig
    kind = "fusion"

    def __init__(self, config: RRFConfig | None = None, name: str = "rrf") -> None:
        self.config = config or RRFConfig()
        self.name = name

    def fuse(
        self, lists: Sequence[Results], k: int, weights: Sequence[float] | None = None
    ) -> Results:
        """One list; see the top of the file."""
        scores: dict[str, float] = {}
        for one, given in zip(lists, weights or [1.0] * len(lists), strict=True):
            weight = given * self.config.weights.get(_stage(one), 1.0)
            for rank, hit in enumerate(one, start=1):
                scores[hit.document] = scores.get(hit.document, 0.0) + weight / (
                    self.config.k0 + rank
                )
        return _joined(lists, scores, k, self.name)


class ConvexConfig(Config):
    """Settings of the convex combination."""

    weights: dict[str, float] = {}
    """Weight of each retriever by name; 1 for those that are not named. Only proportions count."""


class Convex:
    """Weighted sum of scores, each list's stretched to 0 … 1."""

    Config = ConvexConfig
    kind = "fusion"

    def __init__(self, config: ConvexConfig | None = None, name: str = "convex") -> None:
        self.config = config or ConvexConfig()
        self.name = name

    def fuse(
        self, lists: Sequence[Results], k: int, weights: Sequence[float] | None = None
    ) -> Results:
        """One list; see the top of the file."""
        shares = [
            given * self.config.weights.get(_stage(one), 1.0)
            for one, given in zip(lists, weights or [1.0] * len(lists), strict=True)
        ]
        whole = sum(shares) or 1.0
        scores: dict[str, float] = {}
        for one, share in zip(lists, shares, strict=True):
            for document, value in _stretched(one).items():
                scores[document] = scores.get(document, 0.0) + share / whole * value
        return _joined(lists, scores, k, self.name)


def tune(
    lists: Mapping[str, Sequence[Results]],
    qrels: Qrels,
    metric: str = "ndcg@10",
    steps: int = 20,
    k: int = 100,
) -> tuple[ConvexConfig, float]:
    """The best weights of two retrievers' convex combination on queries with judgements.

    Args:
        lists: of each retriever, for the same queries in the same order.
        steps: tries ``0, 1 / steps, …, 1``.

    Returns:
        The settings and what they reached; of equals, the weights nearest to a half.

    Raises:
        ConfigError: not two retrievers.
    """
    if len(lists) != 2:
        raise ConfigError(f"two retrievers can be tuned, not {len(lists)}")
    (first, ones), (second, others) = lists.items()
    found = []
    for share in np.linspace(0, 1, steps + 1).tolist():
        config = ConvexConfig(weights={first: share, second: 1 - share})
        fused = [Convex(config).fuse(pair, k) for pair in zip(ones, others, strict=True)]
        run = {one.query.id: one.documents for one in fused}
        reached = evaluate_lists(run, qrels, [metric]).means()[metric]
        found.append((-reached, abs(share - 0.5), share, config))
    best = min(found, key=lambda one: one[:3])
    return best[3], -best[0]


def _stage(one: Results) -> str:
    """What found the list."""
    return one.hits[0].provenance[-1].stage if one.hits and one.hits[0].provenance else ""


def _stretched(one: Results) -> dict[str, float]:
    if not one.hits:
        return {}
    values = [hit.score for hit in one]
    low, span = min(values), max(values) - min(values)
    return {hit.document: (hit.score - low) / span if span else 1.0 for hit in one}


def _joined(
    lists: Sequence[Results], scores: Mapping[str, float], k: int, stage: str
) -> Results:
    """One list, with all that the lists know about a document."""
    known: dict[str, Hit] = {}
    provenance: dict[str, tuple[Found, ...]] = {}
    for one in lists:
        for hit in one:
            kept = known.get(hit.document)
            if kept is None or (kept.passage is None and hit.passage is not None):
                known[hit.document] = hit
            provenance[hit.document] = provenance.get(hit.document, ()) + hit.provenance
    hits = [Hit(d, s, known[d].passage, provenance[d]) for d, s in scores.items()]
    seconds: dict[str, float] = {}
    cost: dict[str, float] = {}
    for one in lists:
        seconds, cost = added(seconds, one.seconds), added(cost, one.cost)
    ranked = Results.ranked(lists[0].query, hits, k, seconds=seconds, cost=cost)
    signed = tuple(hit.found(stage, rank, hit.score) for rank, hit in enumerate(ranked, start=1))
    return Results(ranked.query, signed, ranked.seconds, ranked.cost)
