"""How well ranked lists of documents answer queries, as trec_eval counts it.

A list counts in its order, so ties are the business of whoever made it. Every query that has a
judged document counts; one without a list has 0. Documents without a judgement are not relevant.

Metrics are named ``ndcg@10``, ``mrr@10``, ``recall@100``, ``precision@10``, ``map@1000``; without
``@`` the whole list counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from palate.errors import ConfigError
from palate.evaluation.ranking import Values
from palate.evaluation.significance import bootstrap_interval, holm, paired_test

Lists = Mapping[str, Sequence[str]]  # query -> documents, best first
Qrels = Mapping[str, Mapping[str, int]]  # query -> document -> grade
Gain = Literal["linear", "exponential", "binary"]

STANDARD = ("ndcg@10", "mrr@10", "recall@100", "precision@10", "map")
NAME = re.compile(r"(ndcg|mrr|recall|precision|map)(?:@([1-9]\d*))?")


@dataclass(frozen=True)
class RetrievalScores:
    """Metrics of a set of lists, query by query.

    Attributes:
        queries: [q] ids, in the order of all values.
        values: [q] by metric.
    """

    queries: tuple[str, ...]
    values: dict[str, Values] = field(default_factory=dict)

    def means(self) -> dict[str, float]:
        """The mean of each metric over queries."""
        return {name: float(values.mean()) for name, values in self.values.items()}

    def intervals(self, seed: int = 0) -> dict[str, tuple[float, float]]:
        """The 95 % bootstrap interval of each mean."""
        return {name: bootstrap_interval(v, seed) for name, v in self.values.items()}


def evaluate_lists(
    lists: Lists,
    qrels: Qrels,
    metrics: Sequence[str] = STANDARD,
    relevant_from: int = 1,
    gain: Gain = "linear",
) -> RetrievalScores:
    """Judge ranked lists.

    Args:
        relevant_from: the lowest grade that is relevant to metrics of two values, all but NDCG
            (trec_eval's ``-l``; 2 for TREC Deep Learning).
        gain: of a grade in NDCG: the grade itself, as trec_eval has it, or ``2 ** grade - 1``;
            ``binary`` is 1 from *relevant_from* on.

    Raises:
        ConfigError: no metric has that name, or there are no judgements.
    """
    calls = {name: _metric(name, relevant_from, gain) for name in metrics}
    queries = tuple(query for query, judged in qrels.items() if judged)
    if not queries:
        raise ConfigError("there are no judgements to evaluate by")
    rows = [
        [call([qrels[q].get(d, 0) for d in lists.get(q, ())], list(qrels[q].values()))
         for call in calls.values()]
        for q in queries
    ]  # fmt: skip
    table = np.array(rows, dtype=np.float64).reshape(len(queries), len(calls))
    return RetrievalScores(queries, {name: table[:, i] for i, name in enumerate(calls)})


def without_own(lists: Lists) -> dict[str, list[str]]:
    """The lists without the document that has the query's own id.

    For collections whose queries are documents themselves (ArguAna, Quora).
    """
    return {query: [d for d in documents if d != query] for query, documents in lists.items()}


def ndcg(
    grades: Sequence[int],
    judged: Sequence[int],
    k: int | None = None,
    gain: Gain = "linear",
    relevant_from: int = 1,
) -> float:
    """Gains divided by log2(rank + 1), over those of the best order of all that was judged.

    Args:
        grades: of the list's documents; 0 for those without a judgement.
        judged: all grades of the query.
        k: how much of the list counts; None is all of it.
    """
    ideal = _dcg(sorted(_gains(judged, gain, relevant_from), reverse=True)[:k])
    return _dcg(_gains(grades[:k], gain, relevant_from)) / ideal if ideal > 0 else 0.0


def mrr(grades: Sequence[int], k: int | None = None, relevant_from: int = 1) -> float:
    """One over the rank of the first relevant document; 0 where there is none."""
    for rank, grade in enumerate(grades[:k], start=1):
        if grade >= relevant_from:
            return 1 / rank
    return 0.0


def recall(
    grades: Sequence[int], judged: Sequence[int], k: int | None = None, relevant_from: int = 1
) -> float:
    """Share of the relevant documents that the list has."""
    relevant = _relevant(judged, relevant_from)
    return _relevant(grades[:k], relevant_from) / relevant if relevant else 0.0


def precision(grades: Sequence[int], k: int | None = None, relevant_from: int = 1) -> float:
    """Share of the first *k* that is relevant; places that the list leaves empty count too."""
    size = len(grades) if k is None else k
    return _relevant(grades[:k], relevant_from) / size if size else 0.0


def average_precision(
    grades: Sequence[int], judged: Sequence[int], k: int | None = None, relevant_from: int = 1
) -> float:
    """Precision at each relevant document of the list, summed, over all relevant ones."""
    relevant = _relevant(judged, relevant_from)
    found, total = 0, 0.0
    for rank, grade in enumerate(grades[:k], start=1):
        if grade >= relevant_from:
            found += 1
            total += found / rank
    return total / relevant if relevant else 0.0


def against(
    reference: RetrievalScores, others: Mapping[str, RetrievalScores], metric: str
) -> dict[str, tuple[float, float]]:
    """Difference in *metric* of each from the reference, and its p after Holm's correction.

    The test is the paired randomisation test over queries
    (:func:`.significance.paired_test`).
    """
    base = reference.values[metric]
    names = list(others)
    ps = holm([paired_test(others[name].values[metric], base) for name in names])
    return {
        name: (float((others[name].values[metric] - base).mean()), float(p))
        for name, p in zip(names, ps, strict=True)
    }


def _metric(
    name: str, relevant_from: int, gain: Gain
) -> Callable[[Sequence[int], Sequence[int]], float]:
    found = NAME.fullmatch(name)
    if found is None:
        raise ConfigError(
            f"no metric is called '{name}'; there are ndcg, mrr, recall, precision and map, each "
            "with or without @K"
        )
    kind, k = found[1], int(found[2]) if found[2] else None
    calls: dict[str, Callable[[Sequence[int], Sequence[int]], float]] = {
        "ndcg": lambda grades, judged: ndcg(grades, judged, k, gain, relevant_from),
        "mrr": lambda grades, judged: mrr(grades, k, relevant_from),
        "recall": lambda grades, judged: recall(grades, judged, k, relevant_from),
        "precision": lambda grades, judged: precision(grades, k, relevant_from),
        "map": lambda grades, judged: average_precision(grades, judged, k, relevant_from),
    }
    return calls[kind]


def _gains(grades: Sequence[int], gain: Gain, relevant_from: int) -> list[float]:
    if gain == "binary":
        return [float(grade >= relevant_from) for grade in grades]
    if gain == "exponential":
        return [2.0 ** max(grade, 0) - 1 for grade in grades]
    return [float(max(grade, 0)) for grade in grades]


def _dcg(gains: Sequence[float]) -> float:
    return sum(g / float(np.log2(rank + 1)) for rank, g in enumerate(gains, start=1) if g)


def _relevant(grades: Sequence[int], relevant_from: int) -> int:
    return sum(grade >= relevant_from for grade in grades)
