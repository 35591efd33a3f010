"""How results of medication recommendation are shown: every table ends with the same caution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from palate.cli import console
from palate.evaluation.medication import RATE
from palate.experiments import wording

if TYPE_CHECKING:
    from palate.experiments.comparison import Comparison, Row
    from palate.experiments.medication.recommend import Advice, Medication
    from palate.experiments.medication.run import MedicationRun

WIDE = 120  # columns of a terminal that has room for all
METRICS = {
    "prauc": "PRAUC",
    "jaccard": "Jaccard",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "drugs": "medications",
    RATE: "interactions",
}
GROUPS = {"single": "first visits", "multi": "with earlier visits"}


def show_metrics(run: MedicationRun) -> None:
    """The numbers of one run, all patients and by group, and what belongs beside them."""
    results = run.results()
    everyone = {"cases": results["cases"], "metrics": results["metrics"]}
    rows = [
        [name, f"{one['cases']:,}", *(told(key, one["metrics"][key]) for key in METRICS)]
        for name, one in [
            ("all", everyone),
            *((GROUPS[one["group"]], one) for one in results["groups"]),
        ]
    ]
    console.table([f"{run.method}: patients", "tested", *METRICS.values()], rows)
    for name in ("prauc", "jaccard", RATE):
        low, high = (told(name, end) for end in results["intervals"][name])
        print(f"{METRICS[name]} 95 % interval over patients [{low} {high}]")
    given = results["given"]
    print(
        f"recommended above a probability of {results['threshold']:g}, chosen on validation; "
        f"interaction penalty {results['penalty']:g}"
    )
    print(
        f"really given: {given['drugs']:.1f} medications, {wording.share(given[RATE])} of their "
        "pairs interact"
    )
    for note in results["notes"]:
        print(f"Note: {note}")
    print(results["caution"])


def told(name: str, value: float) -> str:
    """A metric in words."""
    if name == "drugs":
        return f"{value:.1f}"
    return wording.share(value) if name == RATE else wording.score(value)


def show_comparison(comparison: Comparison) -> None:
    """Print the table, what went wrong, and the sentences that belong beside every result."""
    wide = console.out().width >= WIDE
    rows = [_cells(row, comparison.reference, wide) for row in comparison.rows]
    columns = [name for name in rows[0] if wide or name not in ("p", "one patient", "memory")]
    console.table(columns, [[row[name] for name in columns] for row in rows])
    _show_groups(comparison.rows)
    for row in comparison.failed:
        console.remark(f"{row.label} failed: {row.error}")
    if len(rows) > 1 and comparison.reference is not None:
        print(
            f"p: how likely luck alone makes such a difference from {comparison.reference} in "
            "PRAUC; paired over patients, corrected for the number of comparisons (Holm)."
        )
    print("Ranges: 95 % bootstrap intervals over patients; ±: over trainings with other seeds.")
    for note in comparison.notes:
        print(f"Note: {note}")
    print(_caution(comparison))


def _caution(comparison: Comparison) -> str:
    for row in comparison.rows:
        for run in comparison.runs_of(row):
            return str(run.environment()["data"]["caution"])
    return ""


def _cells(row: Row, reference: str | None, wide: bool) -> dict[str, str]:
    seeds = f" ({len(row.runs)} seeds)" if len(row.runs) > 1 else ""
    cost, done = row.cost, bool(row.runs)
    cells = {"method": row.label + seeds, "PRAUC, 95 %": _accuracy(row, wide)}
    for name in ("jaccard", "f1", "drugs", RATE):
        cells[METRICS[name]] = told(name, row.metrics[name]) if done else ""
    return cells | {
        "p": "" if row.label == reference else _told(wording.probability, row.p),
        "training": _told(wording.seconds, cost.get("fit_seconds")),
        "one patient": _told(wording.milliseconds, cost.get("p50_ms")),
        "memory": _told(wording.size, cost.get("peak_bytes")),
        "parameters": _told(wording.count, cost.get("parameters")),
    }


def _accuracy(row: Row, wide: bool) -> str:
    if not row.runs:
        return "failed"
    value = wording.score(row.metrics["prauc"])
    if row.spread:
        value += f" ± {wording.score(row.spread['prauc'])}"
    interval = wording.interval(row.intervals["prauc"])
    return f"{value} ({interval})" if wide else f"{value}\n{interval}"


def _show_groups(rows: Sequence[Row]) -> None:
    lines: list[list[Any]] = []
    for row in rows:
        for number, one in enumerate(row.groups):
            metrics = one["metrics"]
            cells = [told(key, metrics[key]) for key in ("prauc", "jaccard", "drugs", RATE)]
            name = "" if number else row.label
            lines.append([name, GROUPS[one["group"]], f"{one['cases']:,}", *cells])
    if lines:
        heads = ["method", "patients", "tested", "PRAUC", "Jaccard", "medications", "interactions"]
        console.table(heads, lines, left=2)


def _told(word: Callable[[float], str], value: float | None) -> str:
    return "" if value is None else word(value)


def show_advice(found: Advice, k: int | None) -> None:
    """Medications with their probability, known interactions among them marked."""
    rows = [_medication(one) for one in found.recommended[:k]]
    console.table(["code", "medication", "probability", "interacts with"], rows, left=2)
    if found.left_out:
        rows = [_medication(one) for one in found.left_out]
        console.table(["left out", "medication", "probability", "interacts with"], rows, left=2)
    visits = "a first visit" if not found.earlier else f"{found.earlier} earlier visits"
    print(f"{visits}; recommended above a probability of {found.threshold:g}")
    print(found.caution)


def _medication(one: Medication) -> list[str]:
    return [one.code, one.name, f"{one.probability:.3f}", "; ".join(one.interacts)]
