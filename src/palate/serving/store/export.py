"""What the store collected, as files that an update reads.

Legend: e events.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, select, text

from palate.data import forgotten
from palate.data.dataset import Dataset
from palate.data.updates import Update
from palate.errors import DataError
from palate.serving.store import items, users
from palate.serving.store.database import Store
from palate.serving.store.events import POSITIVE
from palate.serving.store.models import Event

UNITS = {1: 1e-6, 10**3: 1e-3, 10**6: 1.0, 10**9: 1e3}  # a second, and what a microsecond is in it
LEAST, MOST = 10**8, 5 * 10**9  # seconds since 1970 that times of events may be


@dataclass(frozen=True)
class Exported:
    """Files of an update.

    Attributes:
        event: the newest event that is in them.
        events: how many are.
        forgotten: people who asked to be forgotten.
    """

    update: Update
    event: int
    events: int
    forgotten: int


def export(store: Store, dataset: Dataset, after: int, folder: Path) -> Exported:
    """Write what came after an event into a folder.

    Events about items that nothing describes stay behind, and so do those that say nothing where
    nothing is rated: a skip, and a dislike.

    Args:
        dataset: what the run was trained on, whose units and ratings the files are in.
        after: id of the newest event that the run learned.

    Raises:
        DataError: nothing came that can be learned from, or the data's times are none.
        StoreError: the store cannot be read.
    """
    with store.writing() as connection:  # all of one moment: who was deleted is in none of it
        if not store.sqlite:
            # Whoever is writing finishes first: no event with a lower id can come later.
            connection.execute(text("LOCK TABLE events IN SHARE MODE"))
        found = _events(connection, after)
        described = items.changed(connection)
        gone = users.all_forgotten(connection)
    known = dataset.catalogue.frame["item"]
    fresh = [one for one in described if one.item not in set(known)]
    ids = pl.concat([known, pl.Series([one.item for one in fresh], dtype=pl.String)])
    table = found.filter(pl.col("item").is_in(ids.implode()))
    table = _rated(table, dataset) if dataset.like_from is not None else _positive(table)
    if table.is_empty():
        raise DataError(
            f"{store.place}: nothing came after event {after} that this run could learn from"
        )
    if dataset.has_clock:
        table = table.with_columns((pl.col("time") * _unit(dataset)).cast(pl.Int64))
    folder.mkdir(parents=True)
    events = folder / "events.parquet"
    table.drop("id", "kind").write_parquet(events)
    update: dict[str, Any] = {"interactions": events, "format": "parquet"}
    if fresh:
        update["items"] = folder / "items.parquet"
        _items(fresh, dataset).write_parquet(update["items"])
    if gone:
        update["forget"] = folder / "forgotten.txt"
        forgotten.write(update["forget"], store.salt, gone)
    return Exported(Update(**update), int(found["id"].max()), len(table), len(gone))  # type: ignore[arg-type]


def _events(connection: Connection, after: int) -> pl.DataFrame:
    columns = {
        "id": pl.Int64,
        "user": pl.String,
        "item": pl.String,
        "kind": pl.String,
        "rating": pl.Float64,
        "time": pl.Int64,
    }
    wanted = select(*(getattr(Event, name) for name in columns))
    rows = connection.execute(wanted.where(Event.id > after).order_by(Event.id)).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=columns, orient="row")


def _positive(table: pl.DataFrame) -> pl.DataFrame:
    wanted = pl.col("kind").is_in([*sorted(POSITIVE), "rate"])
    return table.filter(wanted).drop("rating")


def _rated(table: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """A like is the highest rating there is, a dislike the lowest; the rest is not rated."""
    scale = dataset.interactions["rating"]
    kind = pl.col("kind")
    rating = (
        pl.when(kind.is_in(["like", "buy"]))
        .then(pl.lit(scale.max(), dtype=pl.Float64))
        .when(kind == "dislike")
        .then(pl.lit(scale.min(), dtype=pl.Float64))
        .otherwise("rating")
    )
    return table.filter(kind != "skip").with_columns(rating=rating)


def _unit(dataset: Dataset) -> float:
    """What a microsecond is in the unit of the data's times."""
    newest = int(dataset.times.max())
    for second, unit in UNITS.items():
        if LEAST * second <= newest < MOST * second:
            return unit
    raise DataError(
        f"{dataset.name}: times up to {newest} are no time since 1970 in seconds or a part of "
        "them, so events of the store cannot stand beside them; write the data's times in seconds"
    )


def _items(fresh: list[items.Described], dataset: Dataset) -> pl.DataFrame:
    """Items with the attributes that the catalogue has columns for."""
    columns = [name for name in dataset.catalogue.frame.columns if name not in ("item", "title")]
    rows: dict[str, list[Any]] = {
        "item": [one.item for one in fresh],
        "title": [one.title for one in fresh],
    }
    for name in columns:
        values = [one.attributes.get(name) for one in fresh]
        texts = [", ".join(map(str, v)) if isinstance(v, list) else v for v in values]
        if any(value is not None for value in texts):
            rows[name] = [None if value is None else str(value) for value in texts]
    return pl.DataFrame(rows)
