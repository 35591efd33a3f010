"""Runs as the lines of a table: made once, continued where they stopped, and what each costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def ndcg10(run: Any) -> np.ndarray:
    """[u] NDCG@10 of a run's test users."""
    from palate.evaluation.ranking import ndcg

    return ndcg(run.cases()["rank"].to_numpy() - 1, 10)


def finished(folder: Path, make: Callable[[], Any]) -> Any:
    """The run in a folder, made or continued where it is not finished."""
    from palate.experiments.run import Run

    if (folder / "metrics.json").exists():
        return Run(folder)
    print(f"{folder.name}: computing", flush=True)
    return make()


def line(name: str, several: Sequence[Any]) -> dict[str, Any]:
    """One line: accuracy, and what it costs, of the runs of several seeds."""
    values = [float(ndcg10(one).mean()) for one in several]
    costs = [one.cost() for one in several]
    return {
        "name": name,
        "ndcg@10": float(np.mean(values)),
        "by_seed": values,
        "ms_a_user_alone": float(np.mean([one["p50_ms"] for one in costs])),
        "ms_a_user_in_batches": float(np.mean([1000 / one["users_per_second"] for one in costs])),
        "parameters": costs[0]["parameters"],
        "fit_seconds": float(np.mean([one["fit_seconds"] for one in costs])),
        "peak_bytes": max(one["peak_bytes"] for one in costs),
    }


def shown(lines: Sequence[dict[str, Any]]) -> str:
    """The lines as a Markdown table."""
    rows = [
        "| model | NDCG@10 | ms a user | ms in batches | parameters | training | memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| {one['name']} | {one['ndcg@10']:.4f} | {one['ms_a_user_alone']:.2f} "
        f"| {one['ms_a_user_in_batches']:.3f} | {one['parameters']:,} "
        f"| {one['fit_seconds']:.0f} s | {one['peak_bytes'] / 2**20:.0f} MiB |"
        for one in lines
    ]
    return "\n".join(rows)
