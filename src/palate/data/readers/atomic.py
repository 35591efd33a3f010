"""RecBole atomic files: tab-separated, ``name:type`` in the header (``.inter``, ``.item``)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Read
from palate.data.readers.columns import plain, typed_interactions, typed_items
from palate.data.readers.delimited import given_or_common
from palate.data.readers.paths import only, sibling, strip_gz
from palate.data.readers.text import first_line, read_bytes, table

NAME = "recbole"
SUMMARY = "RecBole atomic files: .inter, .item, .user"


def find(path: Path) -> Files | None:
    """A folder with one ``.inter``, or that file."""
    inter = only(path, ".inter") if path.is_dir() else path
    if inter is None or strip_gz(inter).suffix != ".inter":
        return None
    return Files(inter, sibling(inter, strip_gz(inter).stem + ".item"))


def interactions(path: Path, columns: Columns) -> Read:
    """Events of a ``.inter`` file."""
    raw = read_bytes(path)
    names = first_line(raw).split("\t")
    frame = table(raw, path, "\t", columns=given_or_common(names, columns), quoted=False)
    return typed_interactions(frame, columns, path, first_row=2)


def items(path: Path, columns: Columns) -> pl.DataFrame:
    """Items of a ``.item`` file.

    RecBole's MovieLens files keep the year apart from the title and the genres under ``class``;
    they come back as ``Toy Story (1995)`` and ``genres``. Sequences of tokens become comma lists.
    """
    raw = table(read_bytes(path), path, "\t", quoted=False)
    sequences = [name for name in raw.columns if name.endswith("token_seq")]
    frame = typed_items(raw, columns, path, first_row=2)
    lists = [n.split(":")[0] for n in sequences if n.split(":")[0] in frame.columns]
    lists = [n for n in lists if plain(n) in ("class", "genre", "genres", "categories", "tags")]
    frame = frame.with_columns(pl.col(n).str.replace_all(" ", ", ") for n in lists)
    if "class" in frame.columns and "genres" not in frame.columns:
        frame = frame.rename({"class": "genres"})
    if "release_year" in frame.columns:
        year = pl.col("release_year")
        dated = year.str.contains(r"^\d{4}$") & ~pl.col("title").str.contains(r"\(\d{4}\)$")
        title = pl.format("{} ({})", "title", "release_year")
        frame = frame.with_columns(title=pl.when(dated).then(title).otherwise("title"))
    return frame
