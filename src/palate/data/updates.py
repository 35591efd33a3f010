"""Updates: files of later events that are added to data which models have learned from.

What was there stays as it was: items keep their indices, so that weights fit, and what counts as
liked does not move. New items stand after the old ones.

Legend: e events, i items.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from palate.config import Config
from palate.data import assemble, domains
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset, Step
from palate.data.filters import Events
from palate.data.forgotten import without
from palate.data.readers import Columns, Interactions, Items, detect, detect_items
from palate.errors import DataError

if TYPE_CHECKING:
    from palate.data.load import DataConfig

UPDATE = "update"  # column of the number of the update that an event came with; 0 before all


class Update(Config):
    """One update."""

    interactions: Path
    """File of the later events."""
    items: Path | None = None
    """File of the items that are new in it."""
    format: str | None = None
    """Format of the events where it is not that of the data before; columns then have their common
    names."""
    forget: Path | None = None
    """File of who asked to be forgotten: their events before this update are left out."""


def append(dataset: Dataset, update: Update, config: DataConfig) -> Dataset:
    """*dataset* with the events of an update, and the items that are new in them.

    Formats, columns and filters of events are those of *config*; users and k-core do not touch an
    update. Events that were there already (of the same user, item and time) are not taken twice.

    Raises:
        DataError: a file cannot be used, nothing in it is new, or a new item has no title where
            the others have one.
    """
    path = update.interactions.expanduser()
    forgotten = 0
    if update.forget is not None:
        dataset, forgotten = without(dataset, update.forget)
    read, described = _read(dataset, path, update, config)
    found = Events(_known_ids(read.frame, dataset, path))
    notes, before = [read.note], len(found)
    if forgotten:
        notes.append(f"{forgotten} events before of people who asked to be forgotten dropped")
    if config.min_rating is not None:
        _need_ratings(found, path)
        found.keep(found.rated(config.min_rating), "min rating", "")
        notes.append(f"{before - len(found)} rated below {config.min_rating:g} dropped")
    old = dataset.interactions
    if dataset.has_clock:
        repeated = _repeated(found.table, old)
        if repeated.any():
            found.keep(~repeated, "repeated", "")
            notes.append(f"{int(repeated.sum())} that were there already dropped")
    if not len(found):
        raise DataError(f"{path}: no new event is in it ({'; '.join(notes)}); bring later events")
    late = int((found.table["time"] < old["time"].max()).sum())
    catalogue, note = _grown(dataset.catalogue, found, described, path, config)
    table = _joined(old, found.table)
    whole = Events(table)
    if config.duplicates == "last":
        kept = whole.last_of_pairs()
        if not kept.all():
            notes.append(f"{int((~kept).sum())} events that a later one of the same item replaces")
        whole.keep(kept, "duplicates", "")
    notes += [f"{late} older than the newest event before"] * bool(late) + [note]
    dropped = len(old) + read.dropped + before - len(whole)
    step = Step(
        "update",
        whole.table["user"].n_unique(),
        len(catalogue),
        len(whole),
        dropped,
        "; ".join(notes),
    )
    return replace(
        dataset,
        catalogue=catalogue,
        interactions=whole.table,
        steps=(*dataset.steps, step),
    )


def _read(
    dataset: Dataset, path: Path, update: Update, config: DataConfig
) -> tuple[Interactions, tuple[Items, Path] | None]:
    """The events, in times that follow those before, and the items where a file tells of them."""
    reader, files = detect(path, update.format or config.format)
    columns = config.columns if update.format is None else Columns()
    if not dataset.has_clock:  # then the rows stand in the order of the events
        columns = replace(columns, time="-")
    try:
        read = reader.interactions(files.interactions, columns)
    except DataError as error:
        told, mendable, _ = str(error).partition("; name it with --")
        if mendable:
            raise DataError(f"{told}; an update has the columns of what it adds to") from None
        raise
    times = dataset.interactions["time"]
    if dataset.has_clock:
        _check_clock(read, times, path)
    else:
        start = int(times.max() or 0) + 1  # type: ignore[arg-type]
        order = pl.int_range(start, start + len(read.frame), dtype=pl.Int64, eager=True)
        read = replace(read, frame=read.frame.with_columns(time=order))
    if update.items is not None:
        items = update.items.expanduser()
        return read, (detect_items(items).items(items, columns), items)
    if files.items is not None:
        return read, (reader.items(files.items, columns), files.items)
    return read, None


def _check_clock(read: Interactions, times: pl.Series, path: Path) -> None:
    if not read.has_clock:
        raise DataError(
            f"{path}: no column of times, which the data before have; add one, in the same unit"
        )
    if read.frame.is_empty():
        return
    here, there = (
        max(1, abs(int(column.max() or 0)))  # type: ignore[arg-type]
        for column in (read.frame["time"], times)
    )
    if max(here, there) > domains.UNITS_APART * min(here, there):
        raise DataError(
            f"{path}: column 'time': times up to {here}, where those of the data before end at "
            f"{there}: the clocks count in different units; write both in the same, dates in both "
            "or numbers in both"
        )


def _known_ids(events: pl.DataFrame, dataset: Dataset, path: Path) -> pl.DataFrame:
    """The events with item ids as a catalogue of several domains has them: ``books:17``.

    Raises:
        DataError: an id means an item in each of several domains, and no column says which.
    """
    several = dataset.catalogue.domains
    ids = set(dataset.catalogue.items)
    told = {f"{name}:": name for name in several}
    shared = {one.partition(":")[2] for one in ids if one.partition(":")[0] + ":" in told} - ids
    if not shared:
        return events
    if "domain" in events.columns:
        named = pl.concat_str("domain", pl.lit(":"), "item")
        known = pl.col("item").is_in(list(shared)) & named.is_in(list(ids))
        return events.with_columns(item=pl.when(known).then(named).otherwise("item"))
    unclear = events["item"].filter(events["item"].is_in(list(shared)))
    if len(unclear):
        raise DataError(
            f"{path}: column 'item': '{unclear[0]}' is an item of several domains; write it as "
            f"'{several[0]}:{unclear[0]}', or add a column 'domain'"
        )
    return events


def _need_ratings(found: Events, path: Path) -> None:
    if "rating" not in found.table.columns:
        raise DataError(
            f"{path}: row 1: no rating column, which the run's --min-rating needs; add one"
        )


def _repeated(events: pl.DataFrame, before: pl.DataFrame) -> np.ndarray:
    """[e] True at events whose user, item and time were there before."""
    keys = ["user", "item", "time"]
    there = before.select(keys).unique().with_columns(there=pl.lit(True))
    found = events.select(keys).join(there, on=keys, how="left", maintain_order="left")
    return found["there"].fill_null(False).to_numpy()


def _joined(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Both, with the number of the update; ratings where the old have them."""
    if UPDATE not in old.columns:
        old = old.with_columns(pl.lit(0, dtype=pl.Int32).alias(UPDATE))
    number = int(old[UPDATE].max() or 0) + 1  # type: ignore[arg-type]
    new = new.with_columns(pl.lit(number, dtype=pl.Int32).alias(UPDATE))
    kept = new.select(name for name in old.columns if name in new.columns)
    return pl.concat([old, kept], how="diagonal")


def _grown(
    catalogue: Catalogue,
    found: Events,
    described: tuple[Items, Path] | None,
    path: Path,
    config: DataConfig,
) -> tuple[Catalogue, str]:
    """The catalogue and after it the items that it lacks, and a note of them.

    Those of a file of items come first, in its order, then those that only events know.
    """
    old = catalogue.frame
    fresh = found.items.filter(~found.items.is_in(old["item"].implode()))
    parts, notes = [old], []
    rest = fresh
    if described is not None:
        frame, note = _described(old, fresh, *described, config)
        parts.append(frame)
        notes += [note] * bool(note)
        rest = fresh.filter(~fresh.is_in(frame["item"].implode()))
    if len(rest):
        titled = not (old["title"] == old["item"]).all()
        if titled and config.untitled == "error":
            raise DataError(
                f"{path}: column 'item': '{rest[0]}' is a new item and has no title ({len(rest)} "
                "such items); bring their titles in a file of items with --items"
            )
        if titled:
            notes.append(f"{len(rest)} without a title (first: '{rest[0]}'): the id is the title")
        parts.append(pl.DataFrame({"item": rest, "title": rest}))
    whole = Catalogue(pl.concat(parts, how="diagonal"))
    if "domain" in old.columns:
        whole, note = domains.with_domains(whole, found.table)
        notes += [note] * bool(note)
    return whole, "; ".join([f"{len(whole) - len(catalogue)} new items", *notes])


def _described(
    old: pl.DataFrame, fresh: pl.Series, items: Items, path: Path, config: DataConfig
) -> tuple[pl.DataFrame, str]:
    """The rows of a file of items that are new, with the columns that the catalogue has."""
    rows = pl.int_range(items.first_row, len(items.frame) + items.first_row, eager=True)
    kept = ~items.frame["item"].is_in(old["item"].implode())
    if not assemble.keeps_unseen(items, config.unseen_items, config.k_core):
        kept &= items.frame["item"].is_in(fresh.implode())
    frame, note = assemble.titled(
        items, items.frame.filter(kept), rows.filter(kept), path, config.untitled
    )
    same = [name for name in old.columns if name in frame.columns and _fits(old, frame, name)]
    return frame.select(pl.col(name).cast(old.schema[name], strict=False) for name in same), note


def _fits(old: pl.DataFrame, new: pl.DataFrame, name: str) -> bool:
    """Whether a column can have the type that it has in the catalogue."""
    there, here = old.schema[name], new.schema[name]
    return there == here or not (there.is_nested() or here.is_nested())
