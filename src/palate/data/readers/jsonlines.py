"""JSON lines: one object per line, keys by common names or as given."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.columns import wanted
from palate.data.readers.delimited import EVENTS
from palate.data.readers.encoding import utf8
from palate.data.readers.paths import member, strip_gz
from palate.data.readers.text import read_bytes
from palate.data.readers.typed import typed_interactions, typed_items
from palate.errors import DataError

NAME = "jsonl"
SUMMARY = "JSON lines, keys found by common names or given"

SUFFIXES = (".jsonl", ".ndjson", ".json")
PEEK = 100  # rows whose keys stand for those of the file


def find(path: Path) -> Files | None:
    """A file by its suffix, or a folder with ``interactions.jsonl`` and perhaps ``items.jsonl``."""
    if path.is_file():
        return Files(path) if has_items(path) else None
    for suffix in SUFFIXES:
        found = member(path, *(stem + suffix for stem in EVENTS))
        if found is not None:
            return Files(found, member(path, *("items" + other for other in SUFFIXES)))
    return None


def has_items(path: Path) -> bool:
    """A file by its suffix."""
    return strip_gz(path).suffix in SUFFIXES


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events, one per line."""
    raw = utf8(read_bytes(path), path, "")
    names: dict[str, None] = {}
    for _, row in zip(range(PEEK), objects(raw, path), strict=False):
        names |= dict.fromkeys(row)
    keys = wanted(list(names), columns) or list(names)
    try:
        frame = pl.read_ndjson(io.BytesIO(raw), schema=dict.fromkeys(keys, pl.String()))
    except PolarsError as error:
        for _ in objects(raw, path):  # raises at the row that is no object
            pass
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from None
    return typed_interactions(frame, columns, path, first_row=1)


def items(path: Path, columns: Columns) -> Items:
    """Items, one per line; lists become comma lists."""
    rows = list(objects(utf8(read_bytes(path), path, ""), path))
    return typed_items(flat_table(rows), columns, path, first_row=1)


def objects(raw: bytes, path: Path) -> Iterator[dict[str, Any]]:
    """The object of each line.

    Amazon's metadata of 2014 are Python literals rather than JSON; both are read.

    Raises:
        DataError: a line holds no object.
    """
    for row, line in enumerate(raw.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            try:
                value = ast.literal_eval(line.decode())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                raise DataError(
                    f"{path}: row {row}: not a JSON object ({error}); one object per line"
                ) from None
        if not isinstance(value, dict):
            raise DataError(f"{path}: row {row}: not a JSON object but {type(value).__name__}")
        yield value


def flat_table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a table: numbers stay numbers, everything nested becomes text."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {int} or kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Int64 if kinds <= {int} else pl.Float64)
    return pl.Series(name, [text_of(v) for v in values], dtype=pl.String)


def text_of(value: Any) -> str | None:
    """A JSON value as a person would write it: lists with commas, empty ones as nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(t for t in map(text_of, value) if t) or None
    if isinstance(value, dict):
        pairs = ((key, text_of(each)) for key, each in value.items())
        return "; ".join(f"{key}: {text}" for key, text in pairs if text) or None
    return str(value)
