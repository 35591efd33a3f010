"""From a name, a folder or files to a :class:`Dataset`, with a record of every step."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from palate.config import Config
from palate.data.cases import Indices
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset, Step, encode
from palate.data.readers import Columns, Files, Reader, detect
from palate.data.sources.fetch import fetch
from palate.data.sources.named import KNOWN, get
from palate.errors import DataError


class DataConfig(Config):
    """Which data, and how it is prepared and split."""

    data: str | None = None
    """A named data set (``palate data ls``), or a folder or file to read."""
    interactions: Path | None = None
    """File of interactions, in place of ``data``: who touched which item, when."""
    items: Path | None = None
    """File of items: their titles and attributes. Without one, titles are the ids."""
    format: str = "auto"
    """Format of the files; auto finds it by names and content."""
    user_column: str | None = None
    """Column of the user id; common names are found without it."""
    item_column: str | None = None
    """Column of the item id; common names are found without it."""
    time_column: str | None = None
    """Column of the time; ``-`` takes the order of the rows as the order of the events."""
    rating_column: str | None = None
    """Column of the rating; common names are found without it."""
    title_column: str | None = None
    """Column of the item's title; common names are found without it."""
    min_rating: float | None = None
    """Keep only events rated at least this; not set, every event counts."""
    k_core: int = Field(0, ge=0)
    """Drop users and items with fewer events than this, again and again until none is left."""
    duplicates: Literal["all", "last"] = "all"
    """What becomes of a user's repeated events with one item: keep all, or only the last."""
    unseen_items: Literal["keep", "drop"] = "keep"
    """Items that have no event: keep them in the catalogue to be ranked, or drop them."""
    split: Literal["leave-one-out", "user-holdout", "temporal"] = "leave-one-out"
    """How events become training, validation and test."""
    split_seed: int = 0
    """Seed of the user-holdout split."""

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if (self.data is None) == (self.interactions is None):
            raise ValueError("give either data (a name or a path) or interactions (a file)")
        return self

    @property
    def columns(self) -> Columns:
        """The columns that a person named."""
        return Columns(
            self.user_column,
            self.item_column,
            self.time_column,
            self.rating_column,
            self.title_column,
        )


def load(config: DataConfig, progress: bool = False) -> Dataset:
    """Read, check, filter.

    Raises:
        DataError: a file cannot be used; the message names file, row, column and the mend.
        SourceError: a named data set cannot be fetched.
    """
    named = get(config.data) if config.data in KNOWN else None
    reader, files = _find(config, progress)
    read = reader.interactions(files.interactions, config.columns)
    frame = read.frame
    items = _items(config, reader, files)
    table = _Table(frame)
    table.record("read", read.note, read.dropped)
    if config.min_rating is not None:
        _rated(table, config.min_rating, files.interactions)
    if config.duplicates == "last":
        table.keep(table.last_of_pairs(), "duplicates", "only a user's last event with an item")
    if config.k_core > 1:
        table.keep(
            table.k_core(config.k_core), "k-core", f"users and items with {config.k_core}+ events"
        )
    if not len(table.frame):
        raise DataError(f"{files.interactions}: no event is left; see the steps:\n{table.told()}")
    catalogue, note = _catalogue(items, table, config, files)
    table.steps.append(
        Step("catalogue", table.steps[-1].users, len(catalogue), len(table.frame), 0, note)
    )
    return Dataset(
        name=named.name if named else files.interactions.name,
        catalogue=catalogue,
        interactions=table.frame,
        steps=tuple(table.steps),
        licence=named.licence if named else None,
        citation=named.citation if named else None,
        has_clock=read.has_clock,
    )


def _find(config: DataConfig, progress: bool) -> tuple[Reader, Files]:
    if config.interactions is not None:
        reader, files = detect(config.interactions, config.format)
    elif config.data in KNOWN and not Path(config.data).exists():
        reader, files = detect(fetch(config.data, progress), get(config.data).format)
    else:
        path = Path(config.data or "").expanduser()
        if not path.exists():
            get(str(config.data))  # an unknown name: the error offers the nearest
        reader, files = detect(path, config.format)
    if config.items is not None:
        files = Files(files.interactions, config.items)
    return reader, files


def _items(config: DataConfig, reader: Reader, files: Files) -> pl.DataFrame | None:
    if files.items is None:
        return None
    if config.items is not None:  # may be of another format than the interactions
        reader, _ = detect(config.items, "auto")
    return reader.items(files.items, config.columns)


class _Table:
    """Events while they are filtered: integer codes beside the frame, and the steps."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.user_ids = frame["user"].unique(maintain_order=True)
        self.item_ids = frame["item"].unique(maintain_order=True)
        self.users = encode(frame["user"], self.user_ids)
        self.items = encode(frame["item"], self.item_ids)
        self.steps: list[Step] = []

    def record(self, name: str, note: str, dropped: int) -> None:
        users = int(np.count_nonzero(np.bincount(self.users)))
        items = int(np.count_nonzero(np.bincount(self.items)))
        self.steps.append(Step(name, users, items, len(self.frame), dropped, note))

    def keep(self, kept: np.ndarray, name: str, note: str) -> None:
        dropped = int(len(kept) - kept.sum())
        if dropped:
            self.frame = self.frame.filter(pl.Series(kept))
            self.users, self.items = self.users[kept], self.items[kept]
        self.record(name, note, dropped)

    def last_of_pairs(self) -> np.ndarray:
        """[e] True at the newest event of each user with each item; of equal times the last row."""
        order = np.argsort(self.frame["time"].to_numpy(), kind="stable")[::-1]
        pairs = self.users[order] * len(self.item_ids) + self.items[order]
        _, first = np.unique(pairs, return_index=True)
        kept = np.zeros(len(pairs), dtype=bool)
        kept[order[first]] = True
        return kept

    def k_core(self, k: int) -> np.ndarray:
        """[e] True at events whose user and item both keep k events."""
        kept = np.ones(len(self.users), dtype=bool)
        users, items = self.users, self.items
        where: Indices = np.arange(len(users))
        while True:
            enough = (np.bincount(users) >= k)[users] & (np.bincount(items) >= k)[items]
            if enough.all():
                break
            kept[where[~enough]] = False
            users, items, where = users[enough], items[enough], where[enough]
        return kept

    def told(self) -> str:
        return "\n".join(f"{s.name}: {s.events} events left, {s.note}" for s in self.steps)


def _rated(table: _Table, least: float, path: Path) -> None:
    if "rating" not in table.frame.columns:
        raise DataError(
            f"{path}: row 1: no rating column, so min_rating cannot be applied; "
            "name it with --rating-column"
        )
    kept = (table.frame["rating"] >= least).fill_null(False).to_numpy()
    table.keep(kept, "min rating", f"events rated at least {least:g}")


def _catalogue(
    items: pl.DataFrame | None, table: _Table, config: DataConfig, files: Files
) -> tuple[Catalogue, str]:
    seen = table.item_ids.gather(np.flatnonzero(np.bincount(table.items)))
    if items is None:
        frame = pl.DataFrame({"item": seen, "title": seen})
        return Catalogue(frame), "no file of items: the items are those with events, titles are ids"
    assert files.items is not None
    notes = [f"{files.items.name}: {len(items)} items"]
    untitled = items["title"].is_null() | (items["title"].str.strip_chars() == "")
    if untitled.any():
        row = items["item"].filter(untitled)[0]
        notes.append(f"{int(untitled.sum())} without a title (first: {row}), their id is the title")
        title = pl.when(pl.Series(untitled)).then("item").otherwise("title")
        items = items.with_columns(title=title)
    missing = seen.filter(~seen.is_in(items["item"].implode()))
    if len(missing):
        notes.append(f"{len(missing)} more have events only (first: {missing[0]}), id as title")
        added = pl.DataFrame({"item": missing, "title": missing})
        items = pl.concat([items, added], how="diagonal")
    eventless = ~items["item"].is_in(seen.implode())
    count = int(eventless.sum())
    if count and (config.k_core > 1 or config.unseen_items == "drop"):
        notes.append(f"{count} without events dropped")
        items = items.filter(~eventless)
    elif count:
        notes.append(f"{count} without events kept, to be ranked like the others")
    return Catalogue(items), "; ".join(notes)
