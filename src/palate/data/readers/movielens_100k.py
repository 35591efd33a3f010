"""MovieLens 100K as published: ``u.data`` (tabs) and ``u.item`` (bars, latin-1)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Read
from palate.data.readers.columns import typed_interactions, typed_items
from palate.data.readers.paths import member, sibling, strip_gz
from palate.data.readers.text import read_bytes, table, utf8

NAME = "movielens-100k"
SUMMARY = "MovieLens 100K: u.data, u.item"

# The order of the 19 flags at the end of each row of u.item, as in the publisher's u.genre.
GENRES = ["unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"]


def find(path: Path) -> Files | None:
    """A folder with ``u.data``, or that file."""
    data = member(path, "u.data") if path.is_dir() else path
    if data is None or strip_gz(data).name != "u.data":
        return None
    return Files(data, sibling(data, "u.item"))


def interactions(path: Path, columns: Columns) -> Read:
    """Events of ``u.data``."""
    names = ["user", "item", "rating", "time"]
    frame = table(read_bytes(path), path, "\t", names=names, quoted=False)
    return typed_interactions(frame, columns, path, first_row=1)


def items(path: Path, columns: Columns) -> pl.DataFrame:
    """Items of ``u.item``: title with year, release date, genres."""
    names = ["item", "title", "released", "video", "url", *GENRES]
    raw = utf8(read_bytes(path), path, legacy="latin-1")
    frame = table(raw, path, "|", names=names, quoted=False)
    genres = [pl.when(pl.col(g) == "1").then(pl.lit(g)) for g in GENRES]
    frame = frame.select(
        "item", "title", "released", genres=pl.concat_str(genres, separator=", ", ignore_nulls=True)
    )
    return typed_items(frame, columns, path, first_row=1)
