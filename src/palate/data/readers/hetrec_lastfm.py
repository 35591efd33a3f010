"""HetRec 2011 LastFM: which artists people listened to, and which they tagged when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.columns import ROW_ORDER
from palate.data.readers.encoding import utf8
from palate.data.readers.paths import member, sibling, strip_gz
from palate.data.readers.text import read_bytes, table
from palate.data.readers.typed import typed_interactions, typed_items

NAME = "hetrec-lastfm"
SUMMARY = "HetRec LastFM: user_taggedartists-timestamps.dat or user_artists.dat, artists.dat"

TAGGED = "user_taggedartists-timestamps.dat"
LISTENED = "user_artists.dat"


def find(path: Path) -> Files | None:
    """A folder with the published files, or one of the two files of events.

    In a folder the tags are the events, because the listening counts have no time.
    """
    events = member(path, TAGGED, LISTENED) if path.is_dir() else path
    if events is None or strip_gz(events).name not in (TAGGED, LISTENED):
        return None
    return Files(events, sibling(events, "artists.dat"))


def has_items(path: Path) -> bool:
    """``artists.dat``."""
    return strip_gz(path).name == "artists.dat"


def interactions(path: Path, columns: Columns) -> Interactions:
    """One event per user, artist and time of tagging; or per user and artist listened to."""
    frame = table(read_bytes(path), path, "\t", quoted=False)
    if strip_gz(path).name == LISTENED:
        if columns.time is None:
            columns = replace(columns, time=ROW_ORDER)
        columns = replace(columns, rating=columns.rating or "weight")
        note = "listening counts have no time"
        return typed_interactions(frame, columns, path, first_row=2, note=note)
    read = typed_interactions(frame, columns, path, first_row=2)
    once = read.frame.unique(maintain_order=True)
    dropped = len(read.frame) - len(once)
    note = f"{read.note}; {dropped} rows give one more tag to the same artist at the same time"
    return replace(read, frame=once, dropped=dropped, note=note)


def items(path: Path, columns: Columns) -> Items:
    """Artists and their names."""
    raw = utf8(read_bytes(path), path, "\t", legacy="latin-1")
    return typed_items(table(raw, path, "\t", quoted=False), columns, path, first_row=2)
