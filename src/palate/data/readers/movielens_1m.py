"""Tables with ``::`` between the columns: MovieLens 1M and 10M, MovieTweetings."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.encoding import utf8
from palate.data.readers.paths import member, sibling, strip_gz
from palate.data.readers.text import head, read_bytes, table
from palate.data.readers.typed import typed_interactions, typed_items, typed_users
from palate.errors import DataError

NAME = "movielens-1m"
SUMMARY = "MovieLens 1M and 10M, MovieTweetings: ratings.dat, movies.dat, users.dat"

UNIT = "\x1f"  # stands in for ::, since a table has one-byte separators


def find(path: Path) -> Files | None:
    """A folder with ``ratings.dat``, or a ``.dat`` file with ``::``."""
    data = member(path, "ratings.dat") if path.is_dir() else path
    if data is None or not has_items(data):
        return None
    users = sibling(data, "users.dat")
    if users is not None and head(users).split(b"\n")[0].count(b"::") != 4:
        users = None  # MovieTweetings' users.dat maps to accounts: not attributes
    return Files(data, sibling(data, "movies.dat"), users)


def has_items(path: Path) -> bool:
    """A ``.dat`` file with ``::``."""
    return strip_gz(path).suffix == ".dat" and b"::" in head(path, 200)


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of ``ratings.dat``."""
    frame = _table(path, ["user", "item", "rating", "time"])
    return typed_interactions(frame, columns, path, first_row=1)


def items(path: Path, columns: Columns) -> Items:
    """Items of ``movies.dat``: title with year, genres."""
    frame = _table(path, ["item", "title", "genres"])
    frame = frame.with_columns(pl.col("genres").str.replace_all("|", ", ", literal=True))
    return typed_items(frame, columns, path, first_row=1)


def users(path: Path, columns: Columns) -> pl.DataFrame:
    """Users of MovieLens 1M's ``users.dat``."""
    frame = _table(path, ["user", "gender", "age", "occupation", "zip_code"])
    return typed_users(frame, columns, path, first_row=1)


def _table(path: Path, names: list[str]) -> pl.DataFrame:
    # 1M is latin-1, MovieTweetings UTF-8.
    raw = utf8(read_bytes(path), path, "::", names, legacy="latin-1")
    wide = len(names) - 1
    if raw.count(b"::") != wide * (raw.count(b"\n") + (not raw.endswith(b"\n"))):
        for row, line in enumerate(raw.split(b"\n"), start=1):
            if line.strip() and line.count(b"::") != wide:
                raise DataError(
                    f"{path}: row {row}: {line.count(b'::') + 1} columns where {wide + 1} are "
                    f"expected ({'::'.join(names)}); mend or delete the row"
                )
    return table(raw.replace(b"::", UNIT.encode()), path, UNIT, names=names, quoted=False)
