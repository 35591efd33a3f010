"""The report of search pipelines: one page that stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from palate.experiments import charts, tables, wording
from palate.experiments.atomic import write_text
from palate.experiments.charts import Point, Series
from palate.experiments.pictures import Picture, colour_of
from palate.experiments.report import template
from palate.experiments.search import PipelineRow, SearchComparison, deltas

SHOWN = 8  # queries that gained most, and that lost most


def write_search_report(found: SearchComparison, folder: Path) -> Path:
    """Write ``report.html`` into *folder*; where it is."""
    path = folder / "report.html"
    write_text(path, template("search.html.jinja").render(_context(found)))
    return path


def finding(found: SearchComparison) -> str:
    """Who is best, and whether that is more than chance, in words."""
    best, metric = found.rows[0], found.metrics[0]
    said = f"{best.name} ranks best: {_title(metric)} {wording.score(best.metrics[metric])}"
    if len(found.rows) == 1:
        return said + f" (95 % interval {wording.interval(best.intervals[metric])})."
    tested = best if best.p is not None else found.rows[1]
    base = next(row for row in found.rows if row.name == found.reference)
    if best.p is not None:
        said += f", against {wording.score(base.metrics[metric])} of {found.reference}"
    else:
        said += f", against {wording.score(tested.metrics[metric])} of {tested.name}"
    p = tested.p or 0.0
    sure = "Chance alone does not explain" if p < 0.05 else "Chance alone may explain"
    return f"{said}. {sure} the difference (p {wording.probability(p)})."


def _context(found: SearchComparison) -> dict[str, Any]:
    about, metric = found.about, found.metrics[0]
    others = [row for row in found.rows if row.name != found.reference]
    colours = {row.name: colour_of(place) for place, row in enumerate(found.rows)}
    most = max(row.intervals[metric][1] for row in found.rows)
    return {
        "version": about["palate"],
        "started": about["started"].replace("T", " ").removesuffix("+00:00") + " UTC",
        "title": f"{_count(len(found.rows))} on {Path(about['index']).name}",
        "finding": finding(found),
        "facts": [
            (f"{about['documents']:,}", "documents"),
            (f"{about['queries']:,}", "judged queries"),
            (f"{about['k']}", "documents a list"),
        ],
        "notes": [*found.notes, *(note for row in found.rows for note in row.remarks)],
        "reference": found.reference,
        "metric": _title(metric),
        "more": [_title(name) for name in found.metrics[1:]],
        "rows": [_row(found, row, colours[row.name], most) for row in found.rows],
        "stages": [
            {
                "name": row.name if place == 0 else "",
                "colour": colours[row.name],
                "stage": stage.name,
                "times": [
                    wording.milliseconds(ms)
                    for ms in (stage.p50_ms, stage.p99_ms, stage.mean_ms)
                ],
            }
            for row in found.rows
            for place, stage in enumerate([*row.stages, row.total])
        ],
        "panels": _panels(found, others, colours) if others else [],
        "queries": [_queries(found, row, colours[row.name]) for row in others],
        "command": about["command"],
        "provenance": [
            ("Index", f"{about['index']}, generation {about['generation']}"),
            *tables.provenance(about, [], {}),
        ],
    }


def _row(
    found: SearchComparison, row: PipelineRow, colour: int, most: float
) -> dict[str, Any]:
    metric = found.metrics[0]
    value, ends = row.metrics[metric], row.intervals[metric]
    tip = f"{_title(metric)} {wording.score(value)}, 95 % interval {wording.interval(ends)}"
    return {
        "name": row.name,
        "colour": colour,
        "best": row is found.rows[0],
        "value": wording.score(value),
        "interval": wording.interval(ends),
        "bar": charts.interval_bar(value, ends, most, colour, tip),
        "more": [wording.score(row.metrics[name]) for name in found.metrics[1:]],
        "difference": None if row.difference is None else wording.difference(row.difference),
        "p": None if row.p is None else wording.probability(row.p),
        "p50": wording.milliseconds(row.total.p50_ms),
        "p99": wording.milliseconds(row.total.p99_ms),
        "cost": ", ".join(f"{value:,.4g} {name}" for name, value in row.cost.items()),
    }


def _panels(
    found: SearchComparison, others: list[PipelineRow], colours: dict[str, int]
) -> list[Picture]:
    metric = _title(found.metrics[0])
    series = []
    for row in others:
        ordered = sorted(deltas(found, row).items(), key=lambda one: -one[1])
        points = [
            Point(place, delta, tip=f"{query}: {wording.difference(delta)}")
            for place, (query, delta) in enumerate(ordered, start=1)
        ]
        series.append(Series(row.name, colours[row.name], points))
    curve = charts.lines(series, "query, the most helped first", f"{metric} − {found.reference}'s")
    spots = [
        Series(
            row.name,
            colours[row.name],
            [
                Point(
                    max(row.total.p50_ms, 1e-3), row.metrics[found.metrics[0]],
                    *row.intervals[found.metrics[0]],
                    tip=f"{row.name}: {wording.milliseconds(row.total.p50_ms)}",
                )
            ],
        )
        for row in found.rows
    ]  # fmt: skip
    price = charts.scatter(spots, "one query, p50", metric, wording.milliseconds)
    return [
        Picture(f"Query by query against {found.reference}", curve),
        Picture("What accuracy costs", price),
    ]


def _queries(found: SearchComparison, row: PipelineRow, colour: int) -> dict[str, Any]:
    ordered = sorted(deltas(found, row).items(), key=lambda one: -one[1])
    helped = [one for one in ordered if one[1] > 0]
    hurt = [one for one in ordered if one[1] < 0]

    def shown(some: list[tuple[str, float]]) -> list[dict[str, str]]:
        return [
            {"id": query, "text": found.texts[query], "delta": wording.difference(delta)}
            for query, delta in some
        ]

    return {
        "name": row.name,
        "colour": colour,
        "helped": len(helped),
        "hurt": len(hurt),
        "same": len(ordered) - len(helped) - len(hurt),
        "most": shown(helped[:SHOWN]),
        "least": shown(hurt[::-1][:SHOWN]),
    }


def _title(metric: str) -> str:
    name, at, k = metric.partition("@")
    words = {"ndcg": "NDCG", "mrr": "MRR", "map": "MAP"}
    return words.get(name, name) + at + k


def _count(n: int) -> str:
    return "One search pipeline" if n == 1 else f"{n} search pipelines"
