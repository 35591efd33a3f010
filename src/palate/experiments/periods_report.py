"""The report of a comparison over periods: one page that stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

import palate
from palate.experiments import charts, tables, wording
from palate.experiments.atomic import write_text
from palate.experiments.charts import Point, Series
from palate.experiments.periods import PeriodsComparison, StrategyLine
from palate.experiments.pictures import Picture, colour_of
from palate.experiments.report import template
from palate.experiments.strategies import STRATEGIES


def write_periods_report(found: PeriodsComparison, folder: Path) -> Path:
    """Write ``report.html`` into *folder*; where it is."""
    path = folder / "report.html"
    write_text(path, template("periods.html.jinja").render(_context(found)))
    return path


def _context(found: PeriodsComparison) -> dict[str, Any]:
    methods = list(dict.fromkeys(line.method for line in found.lines))
    return {
        "version": palate.__version__,
        "started": found.about["started"],
        "title": f"{_listed(methods)} over periods of {found.data}",
        "finding": _finding(found),
        "reference": found.reference,
        "facts": [
            (len(found.tested), "periods tested"),
            (found.seeds, "seeds" if found.seeds > 1 else "seed"),
        ],
        "methods": [_method(name, found) for name in methods],
        "several": found.seeds > 1,
        "notes": found.notes,
        "command": found.about["command"],
        "provenance": tables.provenance(found.about, [], {"name": found.data}),
    }


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _finding(found: PeriodsComparison) -> str:
    parts, lines = [], found.lines
    for method in dict.fromkeys(line.method for line in lines):
        own = [line for line in lines if line.method == method]
        best = max(own, key=lambda line: line.mean)
        told = (
            f"{method} does best {STRATEGIES[best.strategy]}: {best.metric.upper()} {best.mean:.4f}"
        )
        if best.difference is not None and best.p is not None:
            sure = "beyond chance" if best.p < 0.05 else "which may be chance"
            told += f", {best.difference:+.4f} against {found.reference}, {sure}"
        parts.append(told + ".")
    return " ".join(parts)


def _method(name: str, found: PeriodsComparison) -> dict[str, Any]:
    own = [line for line in found.lines if line.method == name]
    metric = own[0].metric.upper()
    series = [
        Series(
            line.strategy,
            colour_of(place),
            [
                Point(t, value, tip=f"{line.strategy}, period {t}: {value:.4f}", strong=True)
                for t, value in zip(found.tested, line.values, strict=True)
            ],
        )
        for place, line in enumerate(own)
    ]
    panels = [Picture("Period by period", charts.lines(series, "period tested", metric))]
    if name in found.stale:
        curve = found.stale[name]
        first = found.tested[-1] - len(curve)
        points = [
            Point(
                first + n, value, tip=f"learned up to period {first + n}: {value:.4f}", strong=True
            )
            for n, value in enumerate(curve)
        ]
        stale = charts.lines([Series(name, 0, points)], "learned up to period", metric)
        panels.append(Picture("How a model ages: all tested on the last period", stale))
    return {
        "name": name,
        "metric": metric,
        "rows": [_row(line, colour_of(place)) for place, line in enumerate(own)],
        "panels": panels,
        "legend": Markup('<ul class="legend">{}</ul>').format(
            Markup("").join(
                Markup('<li><span class="chip s{}"></span>{}</li>').format(one.colour, one.label)
                for one in series
            )
        ),
    }


def _between(ends: tuple[float, float]) -> str:
    return " … ".join(wording.difference(end) for end in ends)


def _row(line: StrategyLine, colour: int) -> dict[str, Any]:
    return {
        "colour": colour,
        "name": line.strategy,
        "meaning": STRATEGIES[line.strategy],
        "mean": wording.score(line.mean),
        "spread": None if line.spread is None else f"{line.spread:.4f}",
        "difference": "" if line.difference is None else wording.difference(line.difference),
        "interval": "" if line.interval is None else _between(line.interval),
        "p": "" if line.p is None else wording.probability(line.p),
        "warm": "" if line.warm is None else wording.score(line.warm),
        "cold": "" if line.cold is None else wording.score(line.cold),
        "share": "" if line.share is None else ", ".join(f"{one:g}" for one in line.share),
        "seconds": wording.seconds(line.seconds),
    }
