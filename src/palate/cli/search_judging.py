"""``palate search evaluate`` and ``compare``: how well pipelines find what was judged relevant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli import console
from palate.cli.search_options import Index, Json, OwnPipe
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.experiments.search import Asked, SearchComparison

Queries = Annotated[
    Path, typer.Option(metavar="FILE", help="Queries: JSON lines, CSV, BEIR, TREC.")
]
Judgements = Annotated[
    Path, typer.Option("--qrels", metavar="FILE", help="Judgements: BEIR, TREC or SMART.")
]
QueryText = Annotated[
    list[str] | None,
    typer.Option("--query-column", help="Column or topic field that is asked; several are joined."),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME@K",
        help="ndcg, mrr, recall, precision, map; the first one is tested.",
        show_default="ndcg@10 mrr@10 recall@100 precision@10 map",
    ),
]
Level = Annotated[
    int,
    typer.Option("--relevant-from", "-l", min=1, help="Lowest grade that counts as relevant."),
]
GainOption = Annotated[
    str, typer.Option("--gain", metavar="linear|exponential|binary", help="Of a grade in NDCG.")
]
Own = Annotated[
    bool, typer.Option("--remove-query", help="Take out a document that has the query's own id.")
]
Depth = Annotated[int, typer.Option("--count", "-k", min=1, help="Length of the lists.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(evaluate)
    app.command()(compare)


def evaluate(
    folder: Index,
    queries: Queries,
    qrels: Judgements,
    pipe: OwnPipe = None,
    metric: Metric = None,
    relevant_from: Level = 1,
    gain: GainOption = "linear",
    query_column: QueryText = None,
    remove_query: Own = False,
    k: Depth = 100,
    as_json: Json = False,
) -> None:
    """Judge a pipeline by queries with judgements, and test it against BM25.

    [bold]Examples[/bold]
      palate search evaluate idx --queries scifact/ --qrels scifact/
      palate search evaluate idx --queries q.tsv --qrels q.qrels -p hybrid -l 2

    Metrics equal trec_eval's. Latency is that of one query asked alone, stage by stage.
    """
    asked = _asked(queries, qrels, metric, relevant_from, gain, query_column, remove_query, k)
    with console.working("loading"):
        from palate.experiments.search import compare as experiment
        from palate.search.index import SearchIndex

        opened = SearchIndex(folder)
    _print(experiment(opened, [pipe or opened.pipeline], asked), as_json)


def compare(
    folder: Index,
    pipelines: Annotated[
        list[str], typer.Argument(metavar="PIPELINE", help="Stages, or YAML files.")
    ],
    queries: Queries,
    qrels: Judgements,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the report goes.", show_default="runs/search-IDX"
        ),
    ] = None,
    reference: Annotated[
        str, typer.Option(metavar="PIPELINE", help="Test the others against this one.")
    ] = "bm25",
    metric: Metric = None,
    relevant_from: Level = 1,
    gain: GainOption = "linear",
    query_column: QueryText = None,
    remove_query: Own = False,
    k: Depth = 100,
    as_json: Json = False,
) -> None:
    """Compare PIPELINES on the same queries: accuracy, tests, latency, cost; with a report.

    [bold]Examples[/bold]
      palate search compare idx bm25 rm3 lsa hybrid --queries scifact/ --qrels scifact/
      palate search compare idx "bm25 + lsa > convex" --queries q.tsv --qrels q.qrels
    """
    asked = _asked(queries, qrels, metric, relevant_from, gain, query_column, remove_query, k)
    with console.working("loading"):
        from palate.experiments.search import compare as experiment
        from palate.search.index import SearchIndex

        opened = SearchIndex(folder)
    target = out or Path("runs") / f"search-{folder.resolve().name}"
    _print(experiment(opened, pipelines, asked, reference, target), as_json)
    if not as_json:
        console.remark(f"report: {target / 'report.html'}")


def _asked(
    queries: Path, qrels: Path, metric: list[str] | None, relevant_from: int, gain: str,
    column: list[str] | None, remove_query: bool, k: int,
) -> Asked:  # fmt: skip
    from palate.evaluation.retrieval import STANDARD
    from palate.experiments.search import Asked
    from palate.search.layouts import Columns, read_qrels, read_queries

    if gain not in ("linear", "exponential", "binary"):
        raise ConfigError(f"--gain {gain}: linear, exponential or binary")
    return Asked(
        read_queries(queries, columns=Columns(text=tuple(column or ())), told=console.remark),
        read_qrels(qrels), k, tuple(metric or STANDARD), relevant_from, gain,  # type: ignore[arg-type]
        own=not remove_query,
    )  # fmt: skip


def _print(found: SearchComparison, as_json: bool) -> None:
    from dataclasses import asdict

    from palate.experiments import wording
    from palate.experiments.search_report import finding

    if as_json:
        console.print_json(asdict(found))
        return
    rows = []
    for row in found.rows:
        tested = "" if row.p is None else f"{wording.difference(row.difference or 0)}"
        p = "" if row.p is None else wording.probability(row.p)
        rows.append(
            [row.name, *(wording.score(row.metrics[name]) for name in found.metrics), tested, p,
             wording.milliseconds(row.total.p50_ms), wording.milliseconds(row.total.p99_ms)]
        )  # fmt: skip
    columns = ["pipeline", *found.metrics, f"vs {found.reference}", "p", "p50", "p99"]
    console.table(columns, rows)
    for row in found.rows:
        if len(row.stages) > 1 or row.cost:
            parts = [f"{s.name} {s.p50_ms:.1f} ms (p99 {s.p99_ms:.1f})" for s in row.stages]
            parts += [f"{value:,.4g} {name} a query" for name, value in row.cost.items()]
            print(f"{row.name}: {', '.join(parts)}")
    print(finding(found))
    for note in [*found.notes, *(remark for row in found.rows for remark in row.remarks)]:
        print(f"Note: {note}")
