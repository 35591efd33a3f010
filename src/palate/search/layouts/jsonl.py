"""JSON lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from palate.data.readers.paths import strip_gz
from palate.errors import DataError
from palate.search.documents import Document
from palate.search.layouts.base import Columns, Roles, lines
from palate.search.results import Query

NAME = "jsonl"
SUMMARY = "JSON lines"

PEEK = 50  # rows whose keys stand for those of the file; one alone may leave out empty ones


def find(path: Path) -> bool:
    """A file by its suffix."""
    return path.is_file() and strip_gz(path).suffix in (".jsonl", ".ndjson", ".json")


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """One per line."""
    roles, rows = _read(path, columns)
    return (roles.document(row, number, path) for number, row in rows)


def queries(path: Path, columns: Columns) -> Iterator[Query]:
    """One per line."""
    roles, rows = _read(path, columns)
    return (roles.query(row, number, path) for number, row in rows)


def _read(path: Path, columns: Columns) -> tuple[Roles, Iterator[tuple[int, dict[str, Any]]]]:
    rows = _objects(path)
    first = list(islice(rows, PEEK))
    if not first:
        raise DataError(f"{path}: the file is empty; check the export or the download")
    names = list(dict.fromkeys(key for _, row in first for key in row))
    return Roles.of(names, columns, path), chain(first, rows)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise DataError(
                f"{path}: row {number}: not a JSON object ({error}); one object per line"
            ) from None
        if not isinstance(value, dict):
            raise DataError(f"{path}: row {number}: not a JSON object but {type(value).__name__}")
        yield number, value
