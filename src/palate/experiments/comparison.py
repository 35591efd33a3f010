"""What came of a comparison: one line per method, tests between them, sample users."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from palate.errors import RunError
from palate.evaluation.significance import holm, paired_test
from palate.experiments.atomic import write_json
from palate.experiments.kinds import open_run
from palate.experiments.run import PRIMARY, Run

COSTS = (
    "fit_seconds",
    "peak_bytes",
    "parameters",
    "trainable_parameters",
    "p50_ms",
    "p99_ms",
    "users_per_second",
    "hundred_ms",
)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        label: ``method`` or ``method@variant``.
        runs: names of the finished runs' folders, one per seed.
        error: why a training failed, or None.
        metrics: mean over the seeds; what is pooled over cases is pooled over the seeds as well.
        spread: standard deviation over the seeds, where there are several.
        intervals: 95 % bootstrap interval over users, each user's value averaged over the seeds.
        p: p-value of the primary metric (NDCG@10, where items are ranked) against the reference,
            after Holm's correction; None for the reference itself.
        difference: the primary metric less that of the reference.
        cost: seconds and the like, mean over the seeds; the largest peak of memory.
        domains: ``domain, ranked, cases, metrics`` for each domain with targets, ranked over the
            whole catalogue and within its own domain only; mean over the seeds.
        groups: ``group, cases, metrics`` for each group of patients, where there are such.
    """

    label: str
    runs: list[str]
    error: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    spread: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    p: float | None = None
    difference: float | None = None
    cost: dict[str, float] = field(default_factory=dict)
    domains: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """A folder with one run folder per method and seed, and ``comparison.json``.

    Attributes:
        rows: best of the primary metric first; lines without a finished run last.
        reference: the label that the others are tested against; None if nothing finished.
        split: name of the split.
        notes: sentences that belong beside every result on it.
        about: versions, machine, command.
        kind: what is recommended; see :mod:`palate.experiments.kinds`.
    """

    folder: Path
    rows: list[Row]
    reference: str | None
    split: str
    notes: list[str]
    about: dict[str, Any]
    kind: str = "items"

    @property
    def failed(self) -> list[Row]:
        """Lines of which a training failed; the command line ends with an error if there are."""
        return [row for row in self.rows if row.error is not None]

    def run(self, name: str) -> Run:
        """One of the runs."""
        return open_run(self.folder / name)

    def runs_of(self, row: Row) -> list[Run]:
        """The finished runs of a line, one per seed."""
        return [self.run(name) for name in row.runs]

    @classmethod
    def build(
        cls,
        folder: Path,
        outcomes: Mapping[str, Mapping[str, str | None]],
        about: dict[str, Any],
        reference: str | None = None,
        kind: str = "items",
    ) -> Self:
        """Read the runs below *folder*, test them against each other, write ``comparison.json``.

        Args:
            outcomes: for each label, its run folders and what went wrong in each.
            reference: by default the label with the best primary metric.
            kind: of the runs.
        """
        found = {
            label: Pooled.of(
                [open_run(folder / name) for name, error in runs.items() if error is None],
                [error for error in runs.values() if error is not None],
            )
            for label, runs in outcomes.items()
        }
        done = {label: pooled for label, pooled in found.items() if pooled.runs}
        rows = [pooled.row(label) for label, pooled in found.items()]
        primary = next((pooled.runs[0].primary for pooled in done.values()), PRIMARY)
        rows.sort(key=lambda row: -row.metrics.get(primary, -1.0))
        if reference not in done:
            reference = rows[0].label if done else None
        if reference is not None:
            rows = _tested(rows, done, reference, primary)
        results = next(iter(done.values())).runs[0].results() if done else {}
        self = cls(
            folder,
            rows,
            reference,
            results.get("split", ""),
            results.get("notes", []),
            about,
            kind,
        )
        self._save()
        return self

    def _save(self) -> None:
        value = {name: v for name, v in vars(self).items() if name not in ("folder", "rows")}
        write_json(
            self.folder / "comparison.json", value | {"rows": [asdict(row) for row in self.rows]}
        )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a comparison that was made before.

        Raises:
            RunError: the folder holds none.
        """
        path = folder / "comparison.json"
        if not path.is_file():
            raise RunError(f"{folder}: no comparison here; it is made by: palate compare METHOD …")
        value = json.loads(path.read_text("utf-8"))
        rows = [Row(**row) for row in value.pop("rows")]
        return cls(folder=folder, rows=rows, **value)


@dataclass(frozen=True)
class Pooled:
    """The finished runs of one label, and each test user's values averaged over them."""

    runs: list[Run]
    errors: list[str]
    users: dict[str, np.ndarray]

    @classmethod
    def of(cls, runs: Sequence[Run], errors: Sequence[str] = ()) -> Self:
        """Pool *runs*, which differ in nothing but their seed; *errors* are those of others."""
        for run in runs[1:]:
            if not run.tested().equals(runs[0].tested()):
                raise RunError(f"{run.folder}: tested on other cases than {runs[0].folder}")
        found = [run.per_case() for run in runs]
        users = {
            name: np.mean([one[name] for one in found], axis=0)
            for name in (found[0] if found else ())
        }
        return cls(list(runs), list(errors), users)

    def row(self, label: str) -> Row:
        """The line of the table."""
        names = [run.folder.name for run in self.runs]
        error = "; ".join(dict.fromkeys(self.errors)) or None
        if not self.runs:
            return Row(label, names, error)
        metrics = pl.DataFrame([run.metrics() for run in self.runs])
        costs = [run.cost() for run in self.runs]
        cost = {
            name: float(np.mean([one[name] for one in costs]))
            for name in COSTS
            if all(one.get(name) is not None for one in costs)
        }
        if "peak_bytes" in cost:
            cost["peak_bytes"] = float(max(one["peak_bytes"] for one in costs))
        return Row(
            label,
            names,
            error,
            metrics=metrics.mean().row(0, named=True) | self.runs[0].pooled(self.users),
            spread=metrics.std().row(0, named=True) if len(self.runs) > 1 else {},
            intervals=self.runs[0].intervals_of(self.users),
            cost=cost,
            domains=_mean_of_rows([run.results().get("domains", []) for run in self.runs]),
            groups=_mean_of_rows([run.results().get("groups", []) for run in self.runs]),
        )


def _mean_of_rows(runs: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the first run, their metrics averaged over the runs."""
    return [
        {name: value for name, value in rows[0].items() if name != "intervals"}
        | {
            "metrics": {
                name: float(np.mean([row["metrics"][name] for row in rows]))
                for name in rows[0]["metrics"]
            }
        }
        for rows in zip(*runs, strict=True)
    ]


def _tested(rows: list[Row], done: dict[str, Pooled], reference: str, primary: str) -> list[Row]:
    """The rows with their difference from the reference, and how sure it is."""
    base = done[reference].users[primary]
    others = [label for label in done if label != reference]
    ps = holm([paired_test(done[label].users[primary], base) for label in others])
    tests = {
        label: (float(p), float(np.mean(done[label].users[primary] - base)))
        for label, p in zip(others, ps, strict=True)
    }
    return [
        Row(**{**vars(row), "p": tests[row.label][0], "difference": tests[row.label][1]})
        if row.label in tests
        else row
        for row in rows
    ]
