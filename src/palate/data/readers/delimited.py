"""CSV and TSV with a header: columns by common names or as given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Files, Read
from palate.data.readers.columns import COMMON, ROW_ORDER, plain, typed_interactions, typed_items
from palate.data.readers.paths import member, strip_gz
from palate.data.readers.text import first_line, read_bytes, table

NAME = "delimited"
SUMMARY = "CSV or TSV with a header, columns found by common names or given"

SUFFIXES = (".csv", ".tsv", ".txt")


def find(path: Path) -> Files | None:
    """A file by its suffix, or a folder with ``interactions.csv`` and perhaps ``items.csv``."""
    if path.is_file():
        return Files(path) if strip_gz(path).suffix in SUFFIXES else None
    for suffix in SUFFIXES:
        found = member(path, *(stem + suffix for stem in ("interactions", "events", "ratings")))
        if found is not None:
            return Files(found, member(path, *("items" + other for other in SUFFIXES)))
    return None


def interactions(path: Path, columns: Columns) -> Read:
    """Events of a file with a header."""
    raw = read_bytes(path)
    line = first_line(raw)
    separator = separator_of(line)
    frame = table(raw, path, separator, columns=given_or_common(split(line, separator), columns))
    return typed_interactions(frame, columns, path, first_row=2)


def items(path: Path, columns: Columns) -> pl.DataFrame:
    """Items of a file with a header."""
    raw = read_bytes(path)
    frame = table(raw, path, separator_of(first_line(raw)))
    return typed_items(frame, columns, path, first_row=2)


def separator_of(line: str) -> str:
    """The separator of a header: the most frequent of tab, comma, semicolon and bar."""
    return max("\t,;|", key=line.count)


def split(line: str, separator: str) -> list[str]:
    """The names in a header."""
    return [name.strip('"') for name in line.split(separator)]


def given_or_common(names: Sequence[str], columns: Columns) -> list[str] | None:
    """The columns worth reading of a wide file; None reads all, so that errors can name them."""
    given = [(role, getattr(columns, role)) for role in ("user", "item", "time", "rating")]
    by_plain = {plain(name): name for name in reversed(names)}
    wanted = []
    for role, name in given:
        found = name or next((by_plain[c] for c in COMMON[role] if c in by_plain), None)
        if found in names:
            wanted.append(found)
        elif role != "rating" and name != ROW_ORDER:
            return None
    return wanted if len(set(names)) == len(names) else None
