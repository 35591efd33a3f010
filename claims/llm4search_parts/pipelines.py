"""Whole pipelines side by side: which one should be the default?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from claims.llm4search_parts.experiment import Experiment, kept_digits
from claims.verdicts import better

METRICS = ("ndcg@10", "recall@100")
PAPER = "a question of ours, not the paper's"


def pipelines(run: Experiment) -> list[dict[str, Any]]:
    """The default against its parts and other fusions, on all queries of the collection.

    Weights are tuned on one half of the queries and tested on the other, both ways; the default's
    are tuned on nothing that is tested here.
    """
    from palate.search.fusion import Convex, tune
    from palate.search.stages import pipeline

    if run.name == "noveleval":
        return []
    whole = run.data.queries
    lines = {
        "BM25 alone": "bm25",
        "vectors alone": "dense",
        "BM25 and vectors by ranks": "bm25 + dense > rrf",
        "the default": "hybrid",
        "the default with RM3 for BM25": "rm3 + dense > convex",
        "the default with feedback on vectors": "bm25 + dense-rocchio > convex",
    }
    found = {name: pipeline(run.index, line).retrieve(whole, 100) for name, line in lines.items()}
    values = {name: _values(run, lists) for name, lists in found.items()}
    halves = run.halves()
    lists = {"bm25": found["BM25 alone"], "dense": found["vectors alone"]}
    tuned: list[Any] = [None] * len(whole)
    shares = []
    for half in (0, 1):
        theirs = {name: _of(own, halves != half) for name, own in lists.items()}
        qrels = {one.query.id: run.data.qrels[one.query.id] for one in theirs["bm25"]}
        config, _ = tune(theirs, qrels)
        shares.append(config.weights["bm25"])
        for place in np.flatnonzero(halves == half).tolist():
            tuned[place] = Convex(config).fuse([own[place] for own in lists.values()], 100)
    values["weights tuned here"] = _values(run, tuned)
    told = " and ".join(f"{share:.2f}" for share in shares)
    pairs = [
        ("the default", "BM25 alone"),
        ("the default", "vectors alone"),
        ("the default", "BM25 and vectors by ranks"),
        ("weights tuned here", "the default"),
        ("the default with RM3 for BM25", "the default"),
        ("the default with feedback on vectors", "the default"),
    ]
    claims = []
    for ours, theirs_ in pairs:
        for metric in METRICS:
            named = f"{ours} (BM25's share {told})" if ours == "weights tuned here" else ours
            claims.append(
                better(f"{run.name}, all {len(whole)} queries: {named} beats {theirs_}",
                       values[ours][metric], values[theirs_][metric], PAPER,
                       what=metric.replace("ndcg", "NDCG"))
            )  # fmt: skip
    return claims + _reranked(run)


def _reranked(run: Experiment) -> list[dict[str, Any]]:
    """The model's likelihoods of the query, over what the default finds."""
    from palate.search.stages import pipeline

    plain = pipeline(run.index, "hybrid").retrieve(run.queries, 100)
    line = f"hybrid > qlm(model={run.given.model}, depth=10)"
    return run.compare(
        "query likelihood over the default's first ten beats the default", plain,
        lambda: pipeline(run.index, line).retrieve(run.queries, 100),
    )  # fmt: skip


def _values(run: Experiment, lists: Sequence[Any]) -> dict[str, np.ndarray]:
    return {metric: kept_digits(run.values(lists, metric)) for metric in METRICS}


def _of(lists: Sequence[Any], chosen: np.ndarray) -> list[Any]:
    return [lists[place] for place in np.flatnonzero(chosen).tolist()]
