"""Orders in which a systematic review's candidates can be read, compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from palate.evaluation.ranking import Values
from palate.experiments import charts
from palate.experiments.atomic import write_json, write_text
from palate.experiments.report import template
from palate.research.readers.screening_csv import Screening
from palate.research.screening import Outcome, ScreeningConfig, Strategy, screen

POINTS = 60  # of a curve in a picture


@dataclass(frozen=True)
class ScreeningLine:
    """One order of reading.

    Attributes:
        wss: work saved over sampling at 95 % recall, averaged over repetitions.
        spread: its standard deviation over repetitions.
        read: candidates read until 95 % are found.
        early: share that is found in the first tenth.
        curve: [n] recall after each candidate, averaged.
    """

    strategy: str
    wss: float
    spread: float
    read: float
    early: float
    curve: list[float]


def compare_screening(
    review: Screening,
    question: str = "",
    seeds: int = 5,
    out: Path | None = None,
    told: Callable[[str], None] | None = None,
    config: ScreeningConfig | None = None,
) -> list[ScreeningLine]:
    """Random order, BM25's (if there is a question), and active learning.

    Args:
        seeds: repetitions of what is random; the order of BM25 is not.
        out: folder for the curves, as JSON and as a picture.
    """
    config = config or ScreeningConfig()
    if not question.strip():
        config = config.model_copy(update={"start": "random"})
    strategies: list[Strategy] = ["active", "random"]
    if question.strip():
        strategies.insert(1, "bm25")
    lines = []
    for strategy in strategies:
        fixed = strategy == "bm25" or (strategy == "active" and config.start == "query")
        outcomes = []
        for seed in range(1 if fixed else seeds):
            if told is not None:
                told(f"{strategy}, repetition {seed + 1}")
            outcomes.append(screen(review, strategy, question, config, seed))
        lines.append(_line(strategy, outcomes))
    lines.sort(key=lambda line: -line.wss)
    if out is not None:
        write_json(out / "screening.json", [vars(line) for line in lines])
        write_text(out / "screening.html", _page(review, question, lines))
    return lines


def _line(strategy: str, outcomes: list[Outcome]) -> ScreeningLine:
    curves = np.stack([one.found for one in outcomes])
    saved: Values = np.array([one.wss() for one in outcomes])
    tenth = max(1, curves.shape[1] // 10)
    return ScreeningLine(
        strategy,
        float(saved.mean()),
        float(saved.std()),
        float(np.mean([one.read_for() for one in outcomes])),
        float(curves[:, tenth - 1].mean()),
        [round(float(value), 5) for value in curves.mean(axis=0)],
    )


def _page(review: Screening, question: str, lines: list[ScreeningLine]) -> str:
    series = []
    for colour, line in enumerate(lines):
        n = len(line.curve)
        places = np.unique(np.linspace(1, n, min(POINTS, n)).astype(int))
        points = [charts.Point(0, 0)]
        points += [
            charts.Point(100 * place / n, line.curve[place - 1]) for place in places.tolist()
        ]
        series.append(charts.Series(line.strategy, colour, points))
    return template("screening.html.jinja").render(
        title=f"Screening {review.name}",
        question=question,
        candidates=f"{len(review.papers):,}",
        included=f"{int(review.included.sum()):,}",
        picture=charts.lines(series, "candidates read, %", "share found", zero=True),
        rows=[
            {
                "name": line.strategy,
                "colour": colour,
                "wss": f"{line.wss:.3f}",
                "spread": f"{line.spread:.3f}",
                "read": f"{line.read:,.0f}",
                "early": f"{100 * line.early:.0f} %",
            }
            for colour, line in enumerate(lines)
        ],
    )
