"""RecBole atomic files: tab-separated, ``name:type`` in the header (``.inter .item .user``)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.columns import plain, wanted
from palate.data.readers.paths import only, sibling, strip_gz
from palate.data.readers.text import first_line, read_bytes, table
from palate.data.readers.typed import typed_interactions, typed_items, typed_users

NAME = "recbole"
SUMMARY = "RecBole atomic files: .inter, .item, .user"

LISTS = ("class", "genre", "genres", "categories", "tags")


def find(path: Path) -> Files | None:
    """A folder with one ``.inter``, or that file."""
    inter = only(path, ".inter") if path.is_dir() else path
    if inter is None or strip_gz(inter).suffix != ".inter":
        return None
    stem = strip_gz(inter).stem
    return Files(inter, sibling(inter, f"{stem}.item"), sibling(inter, f"{stem}.user"))


def has_items(path: Path) -> bool:
    """A ``.item`` file."""
    return strip_gz(path).suffix == ".item" and strip_gz(path).name != "u.item"


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of a ``.inter`` file."""
    raw = read_bytes(path)
    names = first_line(raw).split("\t")
    frame = table(raw, path, "\t", columns=wanted(names, columns), quoted=False)
    return typed_interactions(frame, columns, path, first_row=2)


def items(path: Path, columns: Columns) -> Items:
    """Items of a ``.item`` file.

    RecBole's MovieLens files keep the year apart from the title and call the genres ``class``;
    they come back as ``Toy Story (1995)`` and ``genres``. Genres become comma lists.
    """
    raw = table(read_bytes(path), path, "\t", quoted=False)
    found = typed_items(raw, columns, path, first_row=2)
    frame = found.frame
    sequences = {n.split(":")[0] for n in raw.columns if n.endswith(":token_seq")}
    lists = [n for n in frame.columns if n in sequences and plain(n) in LISTS]
    frame = frame.with_columns(pl.col(n).str.replace_all(" ", ", ") for n in lists)
    if "class" in frame.columns and "genres" not in frame.columns:
        frame = frame.rename({"class": "genres"})
    if "release_year" in frame.columns:
        dated = pl.col("release_year").str.contains(r"^\d{4}$")
        dated &= ~pl.col("title").str.contains(r"\(\d{4}\)$")
        title = pl.format("{} ({})", "title", "release_year")
        frame = frame.with_columns(title=pl.when(dated).then(title).otherwise("title"))
    return replace(found, frame=frame)


def users(path: Path, columns: Columns) -> pl.DataFrame:
    """Users of a ``.user`` file."""
    frame = table(read_bytes(path), path, "\t", quoted=False)
    return typed_users(frame, columns, path, first_row=2)
