"""MovieLens 100K as published: ``u.data`` (tabs), ``u.item`` and ``u.user`` (bars, latin-1)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.encoding import utf8
from palate.data.readers.paths import member, sibling, strip_gz
from palate.data.readers.text import read_bytes, table
from palate.data.readers.typed import typed_interactions, typed_items, typed_users

NAME = "movielens-100k"
SUMMARY = "MovieLens 100K: u.data, u.item, u.user"

# The order of the 19 flags at the end of each row of u.item, as in the publisher's u.genre.
FLAGS = (
    "unknown|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|"
    "Film-Noir|Horror|Musical|Mystery|Romance|Sci-Fi|Thriller|War|Western"
)


def find(path: Path) -> Files | None:
    """A folder with ``u.data``, or that file."""
    data = member(path, "u.data") if path.is_dir() else path
    if data is None or strip_gz(data).name != "u.data":
        return None
    return Files(data, sibling(data, "u.item"), sibling(data, "u.user"))


def has_items(path: Path) -> bool:
    """``u.item``."""
    return strip_gz(path).name == "u.item"


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of ``u.data``."""
    names = ["user", "item", "rating", "time"]
    frame = table(read_bytes(path), path, "\t", names=names, quoted=False)
    return typed_interactions(frame, columns, path, first_row=1)


def items(path: Path, columns: Columns) -> Items:
    """Items of ``u.item``: title with year, release date, genres."""
    genres = FLAGS.split("|")
    frame = _bars(path, ["item", "title", "released", "video", "url", *genres])
    flags = [pl.when(pl.col(g) == "1").then(pl.lit(g)) for g in genres]
    listed = pl.concat_str(flags, separator=", ", ignore_nulls=True)
    frame = frame.select("item", "title", "released", genres=listed)
    return typed_items(frame, columns, path, first_row=1)


def users(path: Path, columns: Columns) -> pl.DataFrame:
    """Users of ``u.user``."""
    frame = _bars(path, ["user", "age", "gender", "occupation", "zip_code"])
    return typed_users(frame, columns, path, first_row=1)


def _bars(path: Path, names: list[str]) -> pl.DataFrame:
    raw = utf8(read_bytes(path), path, "|", names, legacy="latin-1")
    return table(raw, path, "|", names=names, quoted=False)
