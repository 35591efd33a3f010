"""Parquet, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from palate.errors import DataError
from palate.search.documents import Document
from palate.search.layouts.base import Columns, Roles
from palate.search.results import Query

NAME = "parquet"
SUMMARY = "Parquet"

PIECE = 20_000  # rows read at a time


def find(path: Path) -> bool:
    """A file by its suffix."""
    return path.is_file() and path.suffix in (".parquet", ".pq")


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """One per row."""
    roles, rows = _read(path, columns)
    return (roles.document(row, number, path) for number, row in rows)


def queries(path: Path, columns: Columns) -> Iterator[Query]:
    """One per row."""
    roles, rows = _read(path, columns)
    return (roles.query(row, number, path) for number, row in rows)


def _read(path: Path, columns: Columns) -> tuple[Roles, Iterator[tuple[int, dict[str, Any]]]]:
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        frame = pl.scan_parquet(path)
        names = frame.collect_schema().names()
        count = int(frame.select(pl.len()).collect().item())
    except (PolarsError, OSError) as error:
        raise DataError(f"{path}: not a Parquet file ({str(error).splitlines()[0]})") from None

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for start in range(0, count, PIECE):
            piece = frame.slice(start, PIECE).collect()
            yield from enumerate(piece.iter_rows(named=True), start=start + 1)

    return Roles.of(names, columns, path), rows()
