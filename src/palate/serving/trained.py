"""What a run says of what it was trained on, as far as serving it asks."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.experiments.lineage import record
from palate.experiments.run import Run
from palate.recommenders.registry import get

STARS = 4.0  # of five, what people like, in runs that do not say
STORE = "store"  # in the record of an update from a store: what it learned of it


def reads_likes(run: Run) -> bool:
    """Whether a run's recommender reads what people disliked, beside what they liked."""
    base = run.config["settings"]["base"] if run.method == "lsat" else run.method
    return getattr(get(base), "metric", None) == "auc"


def like_from(run: Run) -> float | None:
    """The lowest rating of what people liked, None where the run's data are not rated."""
    if "liked" not in pl.read_parquet_schema(run.path("histories.parquet")):
        return None
    told = run.data.like_from or run.environment()["data"].get("like_from")
    return STARS if told is None else float(told)


def learned_until(run: Run) -> int:
    """The newest event of the store that a run, or what it was made from, learned; else 0."""
    made = record(run)
    while made is not None and STORE not in made:
        before = Path(made["from"])
        made = record(Run(before)) if (before / "config.yaml").is_file() else None
    return 0 if made is None else int(made[STORE]["event"])
