"""A catalogue out of the items that a file describes and those that events are about."""

from __future__ import annotations

import html
import re
from pathlib import Path

import polars as pl

from palate.data.catalogue import Catalogue
from palate.data.readers import Items
from palate.errors import DataError

_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]+|#\d+|#[Xx][0-9A-Fa-f]+);")


def without_file(seen: pl.Series) -> tuple[Catalogue, str]:
    """The catalogue of items that have events, their ids as titles; and a note that says so."""
    frame = pl.DataFrame({"item": seen, "title": seen})
    return Catalogue(frame), "no file of items: the items are those with events, titles are ids"


def from_file(
    items: Items, path: Path, seen: pl.Series, untitled: str, keep_unseen: bool
) -> tuple[Catalogue, str]:
    """The catalogue of a file's items, completed by the items that only events know.

    Args:
        items: as read from *path*.
        seen: ids of the items that have events.
        untitled: ``error`` or ``id``: what becomes of an item without a title.
        keep_unseen: whether items without events stay.

    Returns:
        The catalogue and a note of all that was done.

    Raises:
        DataError: an item without a title, or not one item with events in the file.
    """
    frame = items.frame
    notes = [f"{path.name}: {len(frame)} items"] + ([items.note] if items.note else [])
    known = seen.is_in(frame["item"].implode())
    if not known.any():
        raise DataError(
            f"{path}: none of the {len(seen)} items with events is in it (events have ids such as "
            f"'{seen[0]}', the file such as '{frame['item'][0]}'); are the files of one data set, "
            "and is --item-column right for both?"
        )
    unseen = ~frame["item"].is_in(seen.implode())
    dropped = 0 if keep_unseen else int(unseen.sum())
    rows = pl.int_range(items.first_row, len(frame) + items.first_row, eager=True)
    if dropped:
        frame, rows, unseen = frame.filter(~unseen), rows.filter(~unseen), unseen.filter(~unseen)
    frame, note = titled(items, frame, rows, path, untitled)
    notes += [note] * bool(note)
    if dropped:
        notes.append(f"{dropped} without events dropped")
    elif unseen.any():
        notes.append(f"{int(unseen.sum())} without events kept, to be ranked like the others")
    missing = seen.filter(~known)
    if len(missing):
        notes.append(
            f"{len(missing)} with events are not in it (first: '{missing[0]}'): added, the id is "
            "the title"
        )
        added = pl.DataFrame({"item": missing, "title": missing})
        frame = pl.concat([frame, added], how="diagonal")
    return Catalogue(frame), "; ".join(notes)


def titled(
    items: Items, frame: pl.DataFrame, rows: pl.Series, path: Path, untitled: str
) -> tuple[pl.DataFrame, str]:
    """Some rows of a file of items, each with a title and its texts as people read them, and a
    note of what was done to that end.

    Args:
        frame: rows of ``items.frame``; rows: what a person calls them in the file.
        untitled: ``error`` or ``id``.

    Raises:
        DataError: a title is missing where that is an error.
    """
    frame, decoded = _decoded(frame)
    bare = (frame["title"].is_null() | (frame["title"].str.strip_chars() == "")).fill_null(True)
    if not bare.any():
        return frame, decoded
    count, first = int(bare.sum()), frame["item"].filter(bare)[0]
    if untitled == "error":
        raise DataError(
            f"{path}: row {rows.filter(bare)[0]}, column '{items.title_column}': item "
            f"'{first}' has no title ({count} such rows); fill it in, or give --untitled id "
            "to use ids as titles"
        )
    note = f"{count} without a title (first: '{first}'): the id is the title"
    frame = frame.with_columns(title=pl.when(bare).then("item").otherwise("title"))
    return frame, "; ".join([decoded] * bool(decoded) + [note])


def _decoded(frame: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Texts cut out of web pages, ``Dungeons &amp; Dragons``, as the pages show them; names that
    other files use, too, as they are."""
    touched = pl.repeat(False, len(frame), eager=True)
    for name in frame.columns:
        column = frame[name]
        if name in ("item", "domain") or column.dtype != pl.String:
            continue
        if column.str.contains(_ENTITY.pattern).any():
            texts = [text and _ENTITY.sub(_character, text) for text in column.to_list()]
            decoded = pl.Series(name, texts, dtype=pl.String)
            frame = frame.with_columns(decoded)
            touched |= column.ne_missing(decoded)
    if not touched.any():
        return frame, ""
    return frame, f"{int(touched.sum())} with entities of HTML ('&amp;' …), decoded"


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0]).replace("\N{NO-BREAK SPACE}", " ")


def keeps_unseen(items: Items, unseen_items: str, k_core: int) -> bool:
    """Whether items of a file that have no events stay in the catalogue."""
    return unseen_items == "keep" or (unseen_items == "auto" and items.selective and k_core <= 1)
