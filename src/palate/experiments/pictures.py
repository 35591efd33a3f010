"""The pictures of a report: what is drawn, from which files of the runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from palate.evaluation.ranking import ndcg
from palate.evaluation.slices import Slice, slices_by, slices_of_domains
from palate.experiments import charts, wording
from palate.experiments.charts import COLOURS, Point, Series
from palate.experiments.comparison import Pooled, Row
from palate.experiments.run import PRIMARY

SLICES = {
    "activity": ("By how much the user did", "events", "events in the history"),
    "popularity": ("By how known the hidden item is", "known", "training users of the item"),
}
DOMAINS = {
    "domain": "By domain of the hidden item, ranked over the whole catalogue",
    "own domain": "By domain of the hidden item, ranked in its own domain only",
}
MOST_DOMAINS = 12  # that a picture has room for; the table has more


@dataclass(frozen=True)
class Line:
    """One method of a report: its row, its runs, its colour on the page."""

    row: Row
    pooled: Pooled
    colour: int

    @property
    def label(self) -> str:
        """``method`` or ``method@variant``."""
        return self.row.label


@dataclass(frozen=True)
class Picture:
    """A picture with its title."""

    title: str
    svg: Markup


def cost_panels(lines: Sequence[Line]) -> list[Picture]:
    """Accuracy against what it costs, a picture per kind of cost; empty for a single method."""
    kinds: list[tuple[str, str, str, float, Callable[[float], str]]] = [
        ("Seconds of training", "training", "fit_seconds", 0.01, wording.seconds),
        ("Time of one request", "p50 of a request", "p50_ms", 0.01, wording.milliseconds),
        ("Peak memory of the process", "peak memory", "peak_bytes", 1e6, wording.size),
    ]
    panels = []
    for title, axis, name, least, words in kinds:
        series = [
            Series(line.label, line.colour, [_against(line, name, least, words)])
            for line in lines
            if name in line.row.cost
        ]
        if len(series) > 1:
            panels.append(Picture(title, charts.scatter(series, axis, "NDCG@10", words)))
    return panels


def _against(line: Line, name: str, least: float, words: Callable[[float], str]) -> Point:
    cost, value = line.row.cost[name], line.row.metrics[PRIMARY]
    low, high = line.row.intervals[PRIMARY]
    tip = f"{line.label}: NDCG@10 {wording.score(value)} ({wording.interval((low, high))})"
    return Point(max(cost, least), value, low, high, f"{tip}, {words(cost)}")


def slice_panels(lines: Sequence[Line]) -> list[Picture]:
    """NDCG@10 by activity of the user, by popularity of the target and by its domain, if any."""
    panels: list[Picture] = []
    if not lines:
        return panels
    for by, (title, column, unit) in SLICES.items():
        found = [
            slices_by(
                by, line.pooled.runs[0].cases()[column].to_numpy(), line.pooled.users[PRIMARY]
            )
            for line in lines
        ]
        names = [(_range(one.low, one.high), _people(one.users)) for one in found[-1]]
        series = [_sliced(line, rows) for line, rows in zip(lines, found, strict=True)]
        panels.append(Picture(title, charts.categories(series, names, unit, "NDCG@10")))
    return panels + _domain_panels(lines)


def _domain_panels(lines: Sequence[Line]) -> list[Picture]:
    first = lines[0].pooled.runs[0].cases()
    if "domain" not in first.columns or first["domain"].n_unique() > MOST_DOMAINS:
        return []
    domains = first["domain"].unique().sort().to_list()
    codes = np.array([domains.index(name) for name in first["domain"]], dtype=np.int64)
    panels = []
    for by, title in DOMAINS.items():
        found = [slices_of_domains(by, codes, domains, _of_users(line, by)) for line in lines]
        names = [(one.label, _people(one.users)) for one in found[-1]]
        series = [_sliced(line, rows) for line, rows in zip(lines, found, strict=True)]
        panels.append(Picture(title, charts.categories(series, names, "domain", "NDCG@10")))
    return panels


def _of_users(line: Line, by: str) -> np.ndarray:
    """[u] NDCG@10 of each test user, averaged over the seeds."""
    if by == "domain":
        return line.pooled.users[PRIMARY]
    runs = [run.cases()["domain_rank"].to_numpy() - 1 for run in line.pooled.runs]
    values: np.ndarray = np.mean([ndcg(ranks, 10) for ranks in runs], axis=0)
    return values


def _sliced(line: Line, rows: Sequence[Slice]) -> Series:
    points = [
        Point(
            place,
            one.value,
            *one.interval,
            tip=f"{line.label}, {one.label}: NDCG@10 {wording.score(one.value)} "
            f"({wording.interval(one.interval)}), {_people(one.users)}",
        )
        for place, one in enumerate(rows)
    ]
    return Series(line.label, line.colour, points)


def _range(low: int, high: int) -> str:
    if high == 0:
        return "none"
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _people(number: int) -> str:
    return f"{number:,} tested"


def curve_panels(lines: Sequence[Line]) -> list[Picture]:
    """Validation NDCG@10 and training loss over epochs, a curve per training."""
    trained = [
        (line, run.seed, learned["history"])
        for line in lines
        for run in line.pooled.runs
        if (learned := run.training()) is not None
    ]
    panels = []
    for title, name, best in (
        ("Validation NDCG@10", PRIMARY, max),
        ("Training loss", "loss", None),
    ):
        series = []
        for line, seed, history in trained:
            rows = [(row["epoch"], row[name]) for row in history if name in row]
            if not rows:
                continue
            top = best(value for _, value in rows) if best else None
            points = [
                Point(
                    epoch,
                    value,
                    tip=f"{line.label}, seed {seed}: {value:.4f} after epoch {epoch:g}",
                    strong=value == top or len(rows) == 1,
                )
                for epoch, value in rows
            ]
            series.append(Series(f"{line.label}, seed {seed}", line.colour, points))
        if series:
            axis = "NDCG@10" if name == PRIMARY else "loss"
            panels.append(Picture(title, charts.lines(series, "epoch", axis)))
    return panels


def legend(lines: Sequence[Line]) -> Markup:
    """Which colour is which method; nothing for a single one."""
    if len(lines) < 2:
        return Markup("")
    entries = [
        Markup('<li><span class="chip s{}"></span>{}</li>').format(line.colour, line.label)
        for line in lines
    ]
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(entries))


def colour_of(place: int) -> int:
    """The colour of the method at a place of the table."""
    return place % COLOURS
