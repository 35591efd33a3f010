"""A comparison as one table: accuracy with intervals beside what it cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from palate.cli import console
from palate.experiments import wording

if TYPE_CHECKING:
    from palate.experiments.comparison import Comparison, Row


def show(comparison: Comparison) -> None:
    """Print the table, what went wrong, and the sentences that belong beside every result."""
    columns = [
        "method",
        "NDCG@10 [95 %]",
        "HR@10 [95 %]",
        "p",
        "training",
        "per user",
        "peak memory",
    ]
    columns += ["parameters"]
    console.table(columns, [_cells(row, comparison.reference) for row in comparison.rows])
    for row in comparison.failed:
        console.remark(f"{row.label} failed: {row.error}")
    if comparison.reference is not None and len(comparison.rows) > 1:
        print(
            f"p: chance of such a difference from {comparison.reference} in NDCG@10 by luck, ",
            end="",
        )
        print("paired over users, corrected for the number of comparisons (Holm).")
    for note in comparison.notes:
        print(f"Note: {note}")


def _cells(row: Row, reference: str | None) -> list[str]:
    if not row.metrics:
        return [row.label, "failed", *[""] * 6]
    cost = row.cost
    seeds = f", mean of {len(row.runs)} seeds" if len(row.runs) > 1 else ""
    return [
        row.label + seeds,
        _interval(row, "ndcg@10"),
        _interval(row, "hr@10"),
        "" if row.label == reference else _told(wording.probability, row.p),
        _told(wording.seconds, cost.get("fit_seconds")),
        _told(wording.milliseconds, cost.get("p50_ms")),
        _told(wording.size, cost.get("peak_bytes")),
        _told(wording.count, cost.get("parameters")),
    ]


def _interval(row: Row, metric: str) -> str:
    return f"{wording.score(row.metrics[metric])} [{wording.interval(row.intervals[metric])}]"


def _told(word: Callable[[float], str], value: float | None) -> str:
    return "" if value is None else word(value)
