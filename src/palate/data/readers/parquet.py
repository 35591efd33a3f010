"""Parquet: columns by common names or as given."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.columns import wanted
from palate.data.readers.delimited import EVENTS
from palate.data.readers.paths import member
from palate.data.readers.typed import typed_interactions, typed_items
from palate.errors import DataError

NAME = "parquet"
SUMMARY = "Parquet, columns found by common names or given"


def find(path: Path) -> Files | None:
    """A ``.parquet`` file, or a folder with ``interactions.parquet``."""
    if path.is_file():
        return Files(path) if has_items(path) else None
    found = member(path, *(f"{stem}.parquet" for stem in EVENTS))
    return Files(found, member(path, "items.parquet")) if found is not None else None


def has_items(path: Path) -> bool:
    """A ``.parquet`` file."""
    return path.suffix in (".parquet", ".pq")


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of a Parquet file."""
    names = list(_schema(path))
    return typed_interactions(_rows(path, wanted(names, columns)), columns, path, first_row=1)


def items(path: Path, columns: Columns) -> Items:
    """Items of a Parquet file."""
    return typed_items(_rows(path), columns, path, first_row=1)


def _schema(path: Path) -> pl.Schema:
    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty; check the export or the download")
    try:
        return pl.scan_parquet(path).collect_schema()
    except (PolarsError, OSError) as error:
        raise DataError(
            f"{path}: not a whole Parquet file ({str(error).splitlines()[0]}); write it again"
        ) from None


def _rows(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    _schema(path)
    frame = pl.read_parquet(path, columns=columns)
    if frame.is_empty():
        raise DataError(f"{path}: the file has columns but no row; check the export")
    return frame
