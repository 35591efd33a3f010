"""Search pipelines judged by the same queries: accuracy, tests, latency and cost per stage."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from palate.errors import ConfigError
from palate.evaluation.retrieval import (
    STANDARD,
    Gain,
    Qrels,
    RetrievalScores,
    against,
    evaluate_lists,
)
from palate.experiments.atomic import write_json
from palate.experiments.environment import command_line, environment
from palate.search.index import SearchIndex
from palate.search.progress import counting
from palate.search.results import Query, Results
from palate.search.stages import pipeline

REFERENCE = "bm25"


@dataclass(frozen=True)
class Asked:
    """What is asked, and how lists are judged.

    Attributes:
        queries: in the order in which they are asked.
        qrels: grades by query and document.
        k: length of the lists.
        metrics: see :mod:`palate.evaluation.retrieval`; the first one is tested.
        relevant_from: lowest grade that is relevant.
        gain: of a grade in NDCG.
        own: keep a document that has the query's own id.
    """

    queries: Sequence[Query]
    qrels: Qrels
    k: int = 100
    metrics: tuple[str, ...] = STANDARD
    relevant_from: int = 1
    gain: Gain = "linear"
    own: bool = True


@dataclass(frozen=True)
class StageCost:
    """What a stage spends on a query: milliseconds."""

    name: str
    mean_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class PipelineRow:
    """One pipeline of a comparison.

    Attributes:
        intervals: 95 % bootstrap intervals of the metrics.
        difference: in the first metric from the reference's; None for the reference.
        p: of that difference, after Holm's correction.
        total: of all stages together.
        cost: per query, as ``calls`` and ``tokens`` of a language model.
        values: of every metric by query.
        remarks: what the stages had to say.
    """

    name: str
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    stages: list[StageCost]
    total: StageCost
    cost: dict[str, float]
    values: dict[str, dict[str, float]]
    difference: float | None = None
    p: float | None = None
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SearchComparison:
    """Pipelines side by side.

    Attributes:
        rows: best first by the first metric.
        reference: the pipeline that the others are tested against.
        texts: the queries' words, by id.
        about: versions, machine, command, the index.
        notes: what was left out.
    """

    rows: list[PipelineRow]
    reference: str
    metrics: tuple[str, ...]
    texts: dict[str, str]
    about: dict[str, Any]
    notes: list[str]


def compare(
    index: SearchIndex,
    pipelines: Sequence[str],
    asked: Asked,
    reference: str = REFERENCE,
    folder: Path | None = None,
) -> SearchComparison:
    """Judge pipelines, the reference among them, one query after another as people ask.

    Args:
        pipelines: each as a line, or a YAML file; see :mod:`palate.search.stages`.
        folder: where ``comparison.json`` and ``report.html`` go.

    Raises:
        ConfigError: an unknown pipeline or metric, or no query has a judgement.
    """
    names = list(dict.fromkeys([*pipelines, reference]))
    built = {name: pipeline(index, name) for name in names}  # all errors before any work
    queries = [query for query in asked.queries if asked.qrels.get(query.id)]
    if not queries:
        raise ConfigError(
            "no query has a judgement: do the ids of the queries stand in the judgements?"
        )
    qrels = {query.id: asked.qrels[query.id] for query in queries}
    scores: dict[str, RetrievalScores] = {}
    rows: dict[str, PipelineRow] = {}
    for name, one in built.items():
        run = _run(one, queries, asked)
        lists = {r.query.id: r.documents for r in run}
        scores[name] = evaluate_lists(
            lists, qrels, asked.metrics, asked.relevant_from, asked.gain
        )
        rows[name] = _row(name, one, run, scores[name])
    tested = against(
        scores[reference], {n: s for n, s in scores.items() if n != reference}, asked.metrics[0]
    )
    for name, (difference, p) in tested.items():
        rows[name] = PipelineRow(**{**vars(rows[name]), "difference": difference, "p": p})
    ranked = sorted(rows.values(), key=lambda row: -row.metrics[asked.metrics[0]])
    found = SearchComparison(
        ranked,
        reference,
        tuple(asked.metrics),
        {query.id: query.text for query in queries},
        _about(index, asked, len(queries)),
        _notes(asked, queries),
    )
    if folder is not None:
        from palate.experiments.search_report import write_search_report

        write_json(folder / "comparison.json", asdict(found))
        write_search_report(found, folder)
    return found


def _run(one: Any, queries: Sequence[Query], asked: Asked) -> list[Results]:
    k = asked.k if asked.own else asked.k + 1
    one.retrieve(queries[:1], k)  # models are loaded and vectors computed before the clock runs
    found = []
    with counting(one.name, len(queries)) as told:
        for query in queries:
            [results] = one.retrieve([query], k)
            if not asked.own:
                hits = tuple(hit for hit in results if hit.document != query.id)[: asked.k]
                results = Results(query, hits, results.seconds, results.cost)
            found.append(results)
            told(1)
    return found


def _row(name: str, one: Any, run: Sequence[Results], scores: RetrievalScores) -> PipelineRow:
    times = {stage: [1000 * r.seconds.get(stage, 0.0) for r in run] for r in run for stage in r.seconds}
    totals = [1000 * sum(r.seconds.values()) for r in run]
    costs = sorted({key for r in run for key in r.cost})
    stages = (*one.rewriters, *one.retrievers, *one.rerankers)
    return PipelineRow(
        name,
        scores.means(),
        scores.intervals(),
        [_cost(stage, values) for stage, values in times.items()],
        _cost("total", totals),
        {key: float(np.mean([r.cost.get(key, 0.0) for r in run])) for key in costs},
        {
            metric: dict(zip(scores.queries, values.tolist(), strict=True))
            for metric, values in scores.values.items()
        },
        remarks=[remark for stage in stages for remark in getattr(stage, "remarks", [])],
    )


def _cost(name: str, milliseconds: Sequence[float]) -> StageCost:
    p50, p99 = np.quantile(milliseconds, [0.5, 0.99], method="inverted_cdf")
    return StageCost(name, float(np.mean(milliseconds)), float(p50), float(p99))


def _about(index: SearchIndex, asked: Asked, queries: int) -> dict[str, Any]:
    with index.reading() as snapshot:
        documents, generation = len(snapshot), snapshot.generation
    started = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    return environment() | {
        "started": started,
        "command": command_line(),
        "index": str(index.folder),
        "documents": documents,
        "generation": generation,
        "config": index.config.model_dump(mode="json"),
        "queries": queries,
        "k": asked.k,
        "relevant_from": asked.relevant_from,
        "gain": asked.gain,
    }


def _notes(asked: Asked, queries: Sequence[Query]) -> list[str]:
    notes = []
    left = len(asked.queries) - len(queries)
    if left:
        notes.append(f"{left:,} queries have no judgement and are left out.")
    known = {query.id for query in asked.queries}
    lost = len(set(asked.qrels) - known)
    if lost:
        notes.append(f"{lost:,} judged queries are not among the queries and are left out.")
    if asked.gain != "linear":
        notes.append(f"NDCG with {asked.gain} gain; trec_eval's is linear.")
    if asked.relevant_from != 1:
        notes.append(f"Relevant from grade {asked.relevant_from} on, except in NDCG.")
    if not asked.own:
        notes.append("A document that has the query's own id is taken out of its list.")
    return notes


def deltas(found: SearchComparison, row: PipelineRow) -> Mapping[str, float]:
    """How much better a pipeline is than the reference, query by query, in the first metric."""
    metric = found.metrics[0]
    base = next(one for one in found.rows if one.name == found.reference).values[metric]
    return {query: value - base[query] for query, value in row.values[metric].items()}
