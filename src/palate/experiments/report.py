"""``report.html``: one page that stands alone, for a run or for a comparison.

Everything is inlined and nothing runs: no script, no request. All text that comes from data,
settings or errors is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from palate.experiments import charts, pictures, tables, wording
from palate.experiments.atomic import write_text
from palate.experiments.comparison import Comparison, Pooled, Row
from palate.experiments.pictures import Line
from palate.experiments.run import PRIMARY, Run
from palate.experiments.samples import sample_users


def write_report(of: Run | Comparison) -> Path:
    """Write ``report.html`` into the folder of a run or a comparison; where it is."""
    context = _of_run(of) if isinstance(of, Run) else _of_comparison(of)
    path = of.folder / "report.html"
    write_text(path, template("report.html.jinja").render(context))
    return path


@cache
def template(name: str) -> jinja2.Template:
    """A page of this package, into which text goes escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("palate.experiments"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _of_run(run: Run) -> dict[str, Any]:
    pooled = Pooled.of([run])
    line = Line(pooled.row(run.method), pooled, 0)
    about = run.environment()
    title = f"{run.method} on {about['data']['name']}"
    return _context(title, _finding_of_one(line), [line], [], run.method, about)


def _of_comparison(comparison: Comparison) -> dict[str, Any]:
    lines = [
        Line(row, Pooled.of(comparison.runs_of(row)), pictures.colour_of(place))
        for place, row in enumerate(comparison.rows)
    ]
    done = [line for line in lines if line.pooled.runs]
    if not done:
        title, finding = "A comparison", "No training finished, so there is nothing to compare."
    elif len(done) == 1:
        title, finding = f"{done[0].label}", _finding_of_one(done[0])
    else:
        finding = _finding(done, comparison.reference or "")
        title = f"{len(done)} methods"
    about = dict(comparison.about)
    if done:
        about = done[0].pooled.runs[0].environment() | about
        title += f" on {about['data']['name']}"
    failed = [line.row for line in lines if line.row.error]
    return _context(title, finding, done, failed, comparison.reference, about)


def _context(
    title: str,
    finding: str,
    done: list[Line],
    failed: list[Row],
    reference: str | None,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """What the template shows."""
    results = done[0].pooled.runs[0].results() if done else {}
    data = about.get("data", {})
    curves = pictures.curve_panels(done)
    learners = [line for line in done if line.pooled.runs[0].training() is not None]
    return {
        "title": title,
        "finding": finding,
        "version": about["palate"],
        "started": about["started"].replace("T", " ").removesuffix("+00:00") + " UTC",
        "facts": _facts(data, results),
        "failed": failed,
        "done": [_shown(line, done) for line in done],
        "reference": reference,
        "several": any(len(line.pooled.runs) > 1 for line in done),
        "cases": f"{results.get('cases', 0):,}",
        "items": f"{results.get('items', 0):,}",
        "notes": results.get("notes", []),
        "ks": tables.lengths(done),
        "accuracy": tables.accuracy(done),
        "controls": tables.controls(done),
        "domains": tables.domains(done),
        "panels": pictures.cost_panels(done),
        "costs": tables.costs(done[0]) if len(done) == 1 else [],
        "samples": sample_users({line.label: line.pooled.runs[0] for line in done}),
        "slices": pictures.slice_panels(done),
        "legend": pictures.legend(done),
        "curves": {"panels": curves, "legend": pictures.legend(learners)} if curves else None,
        "beyond": tables.beyond(done),
        "command": about.get("command"),
        "provenance": tables.provenance(about, done, data),
        "steps": data.get("steps", []),
        "settings": tables.settings(done),
    }


def _finding_of_one(line: Line) -> str:
    row, results = line.row, line.pooled.runs[0].results()
    return (
        f"{line.label} puts what the user took next among its first ten for "
        f"{wording.share(row.metrics['hr@10'])} of {results['cases']:,} test users. NDCG@10 is "
        f"{wording.score(row.metrics[PRIMARY])} (95 % interval "
        f"{wording.interval(row.intervals[PRIMARY])})."
    )


def _finding(done: list[Line], reference: str) -> str:
    """Who is best, and whether the next one is really behind, in words."""
    best, second = done[0], done[1]
    said = f"{best.label} is the most accurate: NDCG@10 {wording.score(best.row.metrics[PRIMARY])}"
    # The test that was made: of the others against the best, or of all against another one.
    tested = second if best.label == reference else best
    other = next(line for line in done if line.label == reference)
    against = second if best.label == reference else other
    p = tested.row.p
    if p is None or against is best:
        return said + "."
    said += f", against {wording.score(against.row.metrics[PRIMARY])} of {against.label}. "
    if p < 0.05:
        return said + f"Chance alone does not explain the difference (p {_is(p)})."
    return said + f"Chance alone may explain the difference (p {_is(p)})."


def _is(p: float) -> str:
    words = wording.probability(p)
    return words if words.startswith("<") else f"= {words}"


def _facts(data: Mapping[str, Any], results: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [(f"{data[name]:,}", name) for name in ("users", "items", "events") if name in data]
    if results:
        facts.append((results["split"], "split"))
        facts.append((f"{results['cases']:,}", "test cases"))
    return facts


def _shown(line: Line, done: list[Line]) -> dict[str, Any]:
    """A line of the main table, in words."""
    row, cost = line.row, line.row.cost
    most = max(one.row.intervals[PRIMARY][1] for one in done)
    value, ends = row.metrics[PRIMARY], row.intervals[PRIMARY]
    tip = f"NDCG@10 {wording.score(value)}, 95 % interval {wording.interval(ends)}"
    return {
        "label": line.label,
        "colour": line.colour,
        "seeds": len(line.pooled.runs),
        "best": line is done[0],
        "ndcg": wording.score(value),
        "spread": wording.score(row.spread[PRIMARY]) if row.spread else None,
        "bar": charts.interval_bar(value, ends, most, line.colour, tip),
        "hr": wording.score(row.metrics["hr@10"]),
        "hr_interval": wording.interval(row.intervals["hr@10"]),
        "mrr": wording.score(row.metrics["mrr"]),
        "difference": wording.difference(row.difference or 0.0),
        "p": wording.probability(row.p) if row.p is not None else None,
        "fit": wording.seconds(cost["fit_seconds"]),
        "memory": wording.size(cost["peak_bytes"]),
        "parameters": wording.count(cost["parameters"]),
        "p50": wording.milliseconds(cost["p50_ms"]),
        "p99": wording.milliseconds(cost["p99_ms"]),
    }
