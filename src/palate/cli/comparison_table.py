"""A comparison as one table: accuracy with intervals beside what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from palate.cli import console

if TYPE_CHECKING:
    from palate.experiments.comparison import Comparison, Row


def show(comparison: Comparison) -> None:
    """Print the table, what went wrong, and the sentences that belong beside every result."""
    columns = ["method", "NDCG@10 [95 %]", "HR@10 [95 %]", "p", "train s", "ms/user", "memory"]
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
    return [
        row.label if len(row.runs) < 2 else f"{row.label} (mean of {len(row.runs)} seeds)",
        _interval(row, "ndcg@10"),
        _interval(row, "hr@10"),
        "" if row.label == reference else _p(row.p),
        _number(cost.get("fit_seconds"), ".1f"),
        _number(cost.get("p50_ms"), ".1f"),
        _megabytes(cost.get("peak_bytes")),
        _count(cost.get("parameters")),
    ]


def _interval(row: Row, metric: str) -> str:
    low, high = row.intervals[metric]
    return f"{row.metrics[metric]:.4f} [{low:.4f} {high:.4f}]"


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _megabytes(value: float | None) -> str:
    return "" if value is None else f"{value / 2**20:,.0f} MB"


def _count(value: float | None) -> str:
    if value is None:
        return ""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f}"
