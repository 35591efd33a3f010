"""``report.html`` of a run, or a comparison, of methods that recommend medications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.evaluation.medication import RATE
from palate.experiments import charts, tables, wording
from palate.experiments.atomic import write_text
from palate.experiments.charts import Point, Series
from palate.experiments.comparison import Comparison, Pooled, Row
from palate.experiments.pictures import Line, Picture, colour_of, legend
from palate.experiments.report import template
from palate.experiments.run import Run

PRIMARY = "prauc"
COLUMNS = {
    "jaccard": "Jaccard",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "drugs": "medications",
    RATE: "interactions",
}


@dataclass(frozen=True)
class Shown:
    """What a page is about."""

    title: str
    done: Sequence[Line]
    failed: Sequence[Row]
    reference: str | None
    about: Mapping[str, Any]


def write_report(of: Run | Comparison) -> Path:
    """Write ``report.html`` into the folder of a run or a comparison; where it is."""
    shown = _of_run(of) if isinstance(of, Run) else _of_comparison(of)
    path = of.folder / "report.html"
    write_text(path, template("medication.html.jinja").render(_context(shown)))
    return path


def _of_run(run: Run) -> Shown:
    pooled = Pooled.of([run])
    line = Line(pooled.row(run.method), pooled, 0)
    about = run.environment()
    title = f"{run.method} on {about['data']['name']}"
    return Shown(title, [line], [], run.method, about)


def _of_comparison(comparison: Comparison) -> Shown:
    lines = [
        Line(row, Pooled.of(comparison.runs_of(row)), colour_of(place))
        for place, row in enumerate(comparison.rows)
    ]
    done = [line for line in lines if line.pooled.runs]
    about, title = dict(comparison.about), "A comparison"
    if done:
        about = done[0].pooled.runs[0].environment() | about
        title = f"{len(done)} methods on {about['data']['name']}"
    failed = [line.row for line in lines if line.row.error]
    return Shown(title, done, failed, comparison.reference, about)


def _context(shown: Shown) -> dict[str, Any]:
    done, about = shown.done, shown.about
    results = done[0].pooled.runs[0].results() if done else {}
    data = about.get("data", {})
    return {
        "title": shown.title,
        "finding": _finding(shown),
        "caution": data.get("caution", ""),
        "version": about["palate"],
        "started": about["started"].replace("T", " ").removesuffix("+00:00") + " UTC",
        "facts": _facts(data, results),
        "failed": shown.failed,
        "done": [_row(line, shown) for line in done],
        "columns": list(COLUMNS.values()),
        "reference": shown.reference,
        "several": any(len(line.pooled.runs) > 1 for line in done),
        "cases": f"{results.get('cases', 0):,}",
        "items": f"{results.get('items', 0):,}",
        "given": _given(results),
        "notes": results.get("notes", []),
        "groups": _groups(done),
        "curves": _curves(done),
        "legend": legend(list(done)),
        "panels": _costs(done),
        "costs": tables.costs(done[0]) if len(done) == 1 else [],
        "learning": _learning(done),
        "command": about.get("command"),
        "provenance": tables.provenance(about, list(done), data),
        "steps": data.get("steps", []),
        "settings": tables.settings(list(done)),
    }


def _finding(shown: Shown) -> str:
    done = shown.done
    if not done:
        return "No training finished, so there is nothing to compare."
    best = done[0]
    value, ends = best.row.metrics[PRIMARY], best.row.intervals[PRIMARY]
    said = f"{best.label} has a PRAUC of {wording.score(value)} (95 % interval "
    said += f"{wording.interval(ends)}) and recommends {best.row.metrics['drugs']:.1f} "
    said += f"medications, {wording.share(best.row.metrics[RATE])} of whose pairs interact."
    if len(done) == 1:
        return said
    second = done[1] if best.label == shown.reference else best
    if second.row.p is None:
        return said
    sure = "is not explained by chance" if second.row.p < 0.05 else "may be chance"
    p = wording.probability(second.row.p)
    return (
        f"{said} The difference of {wording.difference(second.row.difference or 0.0)} between "
        f"{second.label} and {shown.reference} {sure} (p {p if p[0] == '<' else f'= {p}'})."
    )


def _facts(data: Mapping[str, Any], results: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [(f"{data[name]:,}", name) for name in ("patients", "visits", "medications")
             if name in data]  # fmt: skip
    if results:
        facts.append((results["split"], "split"))
        facts.append((f"{results['cases']:,}", "test patients"))
    if data.get("synthetic"):
        facts.append(("synthetic", "no patient is real"))
    return facts


def _given(results: Mapping[str, Any]) -> str:
    if not results:
        return ""
    given = results["given"]
    return f"{given['drugs']:.1f} medications, {wording.share(given[RATE])} of their pairs interact"


def _row(line: Line, shown: Shown) -> dict[str, Any]:
    row, cost = line.row, line.row.cost
    most = max(one.row.intervals[PRIMARY][1] for one in shown.done)
    value, ends = row.metrics[PRIMARY], row.intervals[PRIMARY]
    tip = f"PRAUC {wording.score(value)}, 95 % interval {wording.interval(ends)}"
    thresholds = sorted({run.results()["threshold"] for run in line.pooled.runs})
    return {
        "label": line.label,
        "colour": line.colour,
        "seeds": len(line.pooled.runs),
        "best": line is shown.done[0],
        "value": wording.score(value),
        "spread": wording.score(row.spread[PRIMARY]) if row.spread else None,
        "bar": charts.interval_bar(value, ends, most, line.colour, tip),
        "cells": [(told(name, row.metrics[name]), between(name, row.intervals[name]))
                  for name in COLUMNS],
        "thresholds": ", ".join(f"{one:g}" for one in thresholds),
        "difference": wording.difference(row.difference or 0.0),
        "p": wording.probability(row.p) if row.p is not None else None,
        "fit": wording.seconds(cost["fit_seconds"]),
        "memory": wording.size(cost["peak_bytes"]),
        "parameters": wording.count(cost["parameters"]),
        "one": wording.milliseconds(cost["p50_ms"]),
        "hundred": wording.milliseconds(cost["hundred_ms"]),
    }  # fmt: skip


def told(name: str, value: float) -> str:
    """A metric in words."""
    if name == "drugs":
        return f"{value:.1f}"
    return wording.share(value) if name == RATE else wording.score(value)


def between(name: str, ends: Sequence[float]) -> str:
    """The ends of its interval."""
    return "–".join(told(name, end) for end in ends)


def _groups(done: Sequence[Line]) -> list[dict[str, Any]]:
    words = {"single": "first visits", "multi": "with earlier visits"}
    rows = []
    for line in done:
        for number, one in enumerate(line.row.groups):
            cells = [told(name, one["metrics"][name]) for name in (PRIMARY, *COLUMNS)]
            rows.append(
                {
                    "label": line.label,
                    "colour": None if number else line.colour,
                    "group": words[one["group"]],
                    "cells": [f"{one['cases']:,}", *cells],
                }
            )
    return rows


def _curves(done: Sequence[Line]) -> list[Picture]:
    """Accuracy, and how much is recommended, against the rate of interactions over penalties."""
    axis = "% of recommended pairs that interact"
    kinds = {"jaccard": "Jaccard", "drugs": "medications"}
    return [
        Picture(f"{title} over penalties", charts.lines(_penalised(done, name), axis, title))
        for name, title in (kinds.items() if done else ())
    ]


def _penalised(done: Sequence[Line], name: str) -> list[Series]:
    """A curve per method, averaged over its trainings."""
    series = []
    for line in done:
        curves = [run.results()["curve"] for run in line.pooled.runs]
        points = []
        for same in zip(*curves, strict=False):
            rate = sum(one[RATE] for one in same) / len(same)
            jaccard, drugs = (
                sum(one[key] for one in same) / len(same) for key in ("jaccard", "drugs")
            )
            tip = (
                f"{line.label}, penalty {same[0]['penalty']:g}: Jaccard {wording.score(jaccard)}, "
                f"{wording.share(rate)} of pairs interact, {drugs:.1f} medications"
            )
            value = jaccard if name == "jaccard" else drugs
            points.append(Point(100 * rate, value, tip=tip, strong=True))
        series.append(Series(line.label, line.colour, points))
    return series


def _costs(done: Sequence[Line]) -> list[Picture]:
    """PRAUC against what it costs, a picture per kind of cost; empty for a single method."""
    kinds: list[tuple[str, str, str, float, Any]] = [
        ("Seconds of training", "training", "fit_seconds", 0.01, wording.seconds),
        ("Time of one patient", "p50 of a request", "p50_ms", 0.01, wording.milliseconds),
        ("Peak memory of the process", "peak memory", "peak_bytes", 1e6, wording.size),
    ]
    panels = []
    for title, axis, name, least, words in kinds if len(done) > 1 else []:
        series = []
        for line in done:
            value, ends = line.row.metrics[PRIMARY], line.row.intervals[PRIMARY]
            tip = f"{line.label}: PRAUC {wording.score(value)}, {words(line.row.cost[name])}"
            point = Point(max(line.row.cost[name], least), value, *ends, tip=tip)
            series.append(Series(line.label, line.colour, [point]))
        panels.append(Picture(title, charts.scatter(series, axis, "PRAUC", words)))
    return panels


def _learning(done: Sequence[Line]) -> list[Picture]:
    """Validation PRAUC and training loss over epochs, a curve per training."""
    panels = []
    for title, name in (("Validation PRAUC", PRIMARY), ("Training loss", "loss")):
        series = []
        for line in done:
            for run in line.pooled.runs:
                rows = [(row["epoch"], row[name]) for row in (run.training() or {}).get(
                    "history", []) if name in row]  # fmt: skip
                if rows:
                    label = f"{line.label}, seed {run.seed}"
                    points = [Point(epoch, value, tip=f"{label}: {value:.4f} after epoch {epoch:g}")
                              for epoch, value in rows]  # fmt: skip
                    series.append(Series(label, line.colour, points))
        if series:
            panels.append(Picture(title, charts.lines(series, "epoch", title.split()[-1])))
    return panels
