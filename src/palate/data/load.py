"""From a name, a folder or files to a :class:`Dataset`, with a record of every step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, model_validator

from palate.config import Config
from palate.data import assemble
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset, Step
from palate.data.filters import Events
from palate.data.readers import Columns, Files, Reader, ReadsUsers, detect, detect_items
from palate.data.sources import fetch, get, names
from palate.errors import DataError

LIKED = 0.8  # of the highest rating: four of five stars, as in the papers that ask for likes


class DataConfig(Config):
    """Which data, and how it is prepared and split."""

    data: str | None = None
    """A named data set (see ``palate data ls``), or a folder or file to read."""
    interactions: Path | None = None
    """File of interactions, in place of ``data``: who touched which item, when."""
    items: Path | None = None
    """File of items: their titles and attributes. Without one, titles are the ids."""
    format: str = "auto"
    """Format of the interactions; auto finds it by names and content."""
    user_column: str | None = None
    """Column of the user's id, where it has none of the common names."""
    item_column: str | None = None
    """Column of the item's id, where it has none of the common names."""
    time_column: str | None = None
    """Column of the time; ``-`` takes the order of the rows as the order of the events."""
    rating_column: str | None = None
    """Column of the rating, where it has none of the common names."""
    title_column: str | None = None
    """Column of the item's title, where it has none of the common names."""
    untitled: Literal["error", "id"] = "error"
    """What becomes of an item without a title: an error, or its id is its title."""
    unseen_items: Literal["auto", "keep", "drop"] = "auto"
    """Items without an event: keep them in the catalogue to be ranked, or drop them. Auto keeps
    them, unless there is a k-core or the file describes a whole shop (Amazon's metadata)."""
    min_rating: float | None = None
    """Keep only events rated at least this; not set, every event counts."""
    like_from: float | None = None
    """Lowest rating of what a person liked; not set, four fifths of the highest there is."""
    duplicates: Literal["all", "last"] = "all"
    """A user's repeated events with one item: keep all, or only the last."""
    users: int | None = Field(None, ge=1)
    """Keep only the events of so many users, drawn at random; not set, of all."""
    k_core: int = Field(0, ge=0)
    """Drop users and items with fewer events than this, again and again until none is left."""
    split: Literal["leave-one-out", "user-holdout", "temporal"] = "leave-one-out"
    """How events become training, validation and test."""
    split_seed: int = 0
    """Seed of every draw of users: who is kept, who is held out, who is tested."""
    test_users: int | None = Field(None, ge=1)
    """Users who are tested, drawn at random; not set, all who can be."""

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if (self.data is None) == (self.interactions is None):
            raise ValueError("give either data (a name or a path) or interactions (a file)")
        return self

    @property
    def columns(self) -> Columns:
        """The columns that a person named."""
        return Columns(
            user=self.user_column,
            item=self.item_column,
            time=self.time_column,
            rating=self.rating_column,
            title=self.title_column,
        )


def load(config: DataConfig, progress: bool = False) -> Dataset:
    """Read, check and filter; every step leaves a row in :attr:`Dataset.steps`.

    Args:
        progress: show a bar while a named data set is fetched.

    Raises:
        ConfigError: no data set or format has that name.
        DataError: a file cannot be used; the message names file, row, column and the mend.
        SourceError: a named data set cannot be fetched.
    """
    reader, files = _find(config, progress)
    read = reader.interactions(files.interactions, config.columns)
    events = Events(read.frame)
    events.record("read", read.note, read.dropped)
    _filter(events, config, files.interactions)
    catalogue, note = _catalogue(events, config, reader, files)
    last = events.steps[-1]
    step = Step("catalogue", last.users, len(catalogue), len(events), 0, note)
    named = get(config.data) if config.data in names() else None
    return Dataset(
        name=named.name if named else _name(config),
        catalogue=catalogue,
        interactions=events.table,
        steps=(*events.steps, step),
        licence=named.licence if named else None,
        citation=named.citation if named else None,
        has_clock=read.has_clock,
        user_attributes=_users(reader, files, config.columns),
        like_from=_like_from(events.table, config, files.interactions),
    )


def _like_from(table: pl.DataFrame, config: DataConfig, path: Path) -> float | None:
    rated = "rating" in table.columns and table["rating"].null_count() < len(table)
    if not rated and config.like_from is not None:
        raise DataError(
            f"{path}: row 1: no rating column, which --like-from needs; name it with "
            "--rating-column"
        )
    if not rated:
        return None
    if config.like_from is not None:
        return config.like_from
    return LIKED * float(table["rating"].max())  # type: ignore[arg-type]


def _name(config: DataConfig) -> str:
    return Path(config.data or config.interactions or "").name


def _find(config: DataConfig, progress: bool) -> tuple[Reader, Files]:
    if config.interactions is not None:
        reader, files = detect(config.interactions.expanduser(), config.format)
    elif config.data in names():
        reader, files = detect(fetch(config.data, progress))
    else:
        path = Path(config.data or "").expanduser()
        if not path.exists():
            get(str(config.data))  # raises: the error offers the nearest name
        reader, files = detect(path, config.format)
    if config.items is not None:
        files = replace(files, items=config.items.expanduser())
    return reader, files


def _filter(events: Events, config: DataConfig, path: Path) -> None:
    if config.min_rating is not None:
        if "rating" not in events.table.columns:
            raise DataError(
                f"{path}: row 1: no rating column, which --min-rating needs; name it with "
                "--rating-column"
            )
        unrated = events.table["rating"].null_count()
        note = f"rated at least {config.min_rating:g}"
        note += f"; {unrated} had no rating" if unrated else ""
        events.keep(events.rated(config.min_rating), "min rating", note)
    if config.duplicates == "last":
        events.keep(events.last_of_pairs(), "duplicates", "a user's last event with each item")
    if config.users is not None:
        note = f"{config.users} users, drawn at random (seed {config.split_seed})"
        events.keep(events.of_some_users(config.users, config.split_seed), "users", note)
    if config.k_core > 1:
        note = f"users and items with {config.k_core} events or more"
        events.keep(events.k_core(config.k_core), "k-core", note)
    if not len(events):
        told = ", ".join(f"{step.name} left {step.events}" for step in events.steps)
        raise DataError(f"{path}: no event is left ({told}); filter less")


def _catalogue(
    events: Events, config: DataConfig, reader: Reader, files: Files
) -> tuple[Catalogue, str]:
    if files.items is None:
        return assemble.without_file(events.items)
    if config.items is not None:  # may be of another format than the interactions
        reader = detect_items(files.items)
    items = reader.items(files.items, config.columns)
    keep = config.unseen_items == "keep" or (
        config.unseen_items == "auto" and items.selective and config.k_core <= 1
    )
    return assemble.from_file(items, files.items, events.items, config.untitled, keep)


def _users(reader: Reader, files: Files, columns: Columns) -> pl.DataFrame | None:
    if files.users is None or not isinstance(reader, ReadsUsers):
        return None
    return reader.users(files.users, columns)
