"""One line per user: the id, and the ids of the items in the order they came."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers import delimited
from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.columns import ROW_ORDER
from palate.data.readers.paths import sibling, strip_gz
from palate.data.readers.text import read_bytes, table
from palate.data.readers.typed import ids, typed_interactions
from palate.errors import DataError

NAME = "sequences"
SUMMARY = "one line per user: id, tab, item ids separated by spaces (*sequences.tsv)"

SUFFIX = "sequences.tsv"


def find(path: Path) -> Files | None:
    """A ``*sequences.tsv`` and the ``*items.tsv`` of the same name, or a folder with one."""
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if strip_gz(p).name.endswith(SUFFIX))
        if len(found) > 1:
            raise DataError(
                f"{path}: several *{SUFFIX}: {[p.name for p in found]}; name one, or take them as "
                "domains: --domains NAME=FILE,NAME=FILE"
            )
        return find(found[0]) if found else None
    name = strip_gz(path).name
    if not name.endswith(SUFFIX):
        return None
    return Files(path, sibling(path, name.removesuffix(SUFFIX) + "items.tsv", "items.tsv"))


def has_items(path: Path) -> bool:
    """Never: the items of this format are an ordinary TSV."""
    return False


def interactions(path: Path, columns: Columns) -> Interactions:
    """Each id in a line is an event; the position in the line stands in for time."""
    raw = table(read_bytes(path), path, "\t", quoted=False)
    user = columns.user or raw.columns[0]
    listed = columns.item or next((n for n in raw.columns if "item" in n and n != user), user)
    for name in (user, listed):
        if name not in raw.columns or user == listed:
            raise DataError(
                f"{path}: row 1: expected a column of user ids and one of item ids, found "
                f"{raw.columns}; name them with --user-column and --item-column"
            )
    users = ids(raw[user], path, first_row=2)
    ids(raw[listed], path, first_row=2)  # a line without events is an error
    frame = pl.DataFrame({"user": users, "item": raw[listed].str.split(" ")}).explode("item")
    note = f"{listed}: in the order of each line, no times"
    return typed_interactions(frame, Columns(time=ROW_ORDER), path, first_row=1, note=note)


def items(path: Path, columns: Columns) -> Items:
    """Items of a TSV with a header."""
    return delimited.items(path, columns)
