"""Tables with ``::`` between the columns: MovieLens 1M and 10M, MovieTweetings."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Read
from palate.data.readers.columns import typed_interactions, typed_items
from palate.data.readers.paths import member, sibling, strip_gz
from palate.data.readers.text import head, read_bytes, table, utf8
from palate.errors import DataError

NAME = "movielens-1m"
SUMMARY = "MovieLens 1M and 10M, MovieTweetings: ratings.dat, movies.dat"

UNIT = "\x1f"  # stands in for ::, since a table has one-byte separators


def find(path: Path) -> Files | None:
    """A folder with ``ratings.dat``, or a ``.dat`` file with ``::``."""
    data = member(path, "ratings.dat") if path.is_dir() else path
    if data is None or strip_gz(data).suffix != ".dat" or b"::" not in head(data, 200):
        return None
    return Files(data, sibling(data, "movies.dat"))


def interactions(path: Path, columns: Columns) -> Read:
    """Events of ``ratings.dat``."""
    frame = _table(path, ["user", "item", "rating", "time"])
    return typed_interactions(frame, columns, path, first_row=1)


def items(path: Path, columns: Columns) -> pl.DataFrame:
    """Items of ``movies.dat``: title with year, genres."""
    frame = _table(path, ["item", "title", "genres"])
    frame = frame.with_columns(pl.col("genres").str.replace_all("|", ", ", literal=True))
    return typed_items(frame, columns, path, first_row=1)


def _table(path: Path, names: list[str]) -> pl.DataFrame:
    raw = utf8(read_bytes(path), path, legacy="latin-1")  # 1M is latin-1, MovieTweetings UTF-8
    lines = raw.split(b"\n") if raw.count(b"::") != raw.count(b"\n") * (len(names) - 1) else []
    for row, line in enumerate(lines, start=1):
        if line.strip() and line.count(b"::") != len(names) - 1:
            raise DataError(
                f"{path}: row {row}: {line.count(b'::') + 1} columns where {len(names)} are "
                f"expected ({'::'.join(names)}); mend or delete the row"
            )
    return table(raw.replace(b"::", UNIT.encode()), path, UNIT, names=names, quoted=False)
