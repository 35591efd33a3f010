"""A comparison as one table: accuracy with intervals beside what it cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from palate.cli import console
from palate.cli.evaluate import show_domains
from palate.experiments import wording

if TYPE_CHECKING:
    from palate.experiments.comparison import Comparison, Row

WIDE = 110  # columns of a terminal that has room for all
LEFT_OUT = ("p", "per user")  # where there is no room; the report has them


def show(comparison: Comparison) -> None:
    """Print the table, what went wrong, and the sentences that belong beside every result."""
    wide = console.out().width >= WIDE
    rows = [_cells(row, comparison.reference, wide) for row in comparison.rows]
    columns = [name for name in rows[0] if wide or name not in LEFT_OUT]
    console.table(columns, [[row[name] for name in columns] for row in rows])
    show_domains([(row.label, row.domains) for row in comparison.rows])
    for row in comparison.failed:
        console.remark(f"{row.label} failed: {row.error}")
    if "p" in columns and len(rows) > 1 and comparison.reference is not None:
        print(
            f"p: how likely luck alone makes such a difference from {comparison.reference} in "
            "NDCG@10; paired over users, corrected for the number of comparisons (Holm)."
        )
    for note in comparison.notes:
        print(f"Note: {note}")


def _cells(row: Row, reference: str | None, wide: bool) -> dict[str, str]:
    seeds = f" ({len(row.runs)} seeds)" if len(row.runs) > 1 else ""
    cost = row.cost
    return {
        "method": row.label + seeds,
        "NDCG@10, 95 %": _accuracy(row, "ndcg@10", wide),
        "HR@10, 95 %": _accuracy(row, "hr@10", wide),
        "p": "" if row.label == reference else _told(wording.probability, row.p),
        "training": _told(wording.seconds, cost.get("fit_seconds")),
        "per user": _told(wording.milliseconds, cost.get("p50_ms")),
        "memory": _told(wording.size, cost.get("peak_bytes")),
        "parameters": _told(wording.count, cost.get("parameters")),
    }


def _accuracy(row: Row, metric: str, wide: bool) -> str:
    if not row.runs:
        return "failed"
    value = wording.score(row.metrics[metric])
    interval = wording.interval(row.intervals[metric])
    return f"{value} ({interval})" if wide else f"{value}\n{interval}"


def _told(word: Callable[[float], str], value: float | None) -> str:
    return "" if value is None else word(value)
