"""CSV and TSV with a header: columns by common names or as given."""

from __future__ import annotations

from pathlib import Path

from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.columns import wanted
from palate.data.readers.paths import member, strip_gz
from palate.data.readers.text import first_line, has_quotes, read_bytes, table
from palate.data.readers.typed import typed_interactions, typed_items

NAME = "delimited"
SUMMARY = "CSV or TSV with a header, columns found by common names or given"

SUFFIXES = (".csv", ".tsv", ".txt")
EVENTS = ("interactions", "events", "ratings", "clicks", "reviews")


def find(path: Path) -> Files | None:
    """A file by its suffix, or a folder with ``interactions.csv`` and perhaps ``items.csv``."""
    if path.is_file():
        return Files(path) if strip_gz(path).suffix in SUFFIXES else None
    for suffix in SUFFIXES:
        found = member(path, *(stem + suffix for stem in EVENTS))
        if found is not None:
            return Files(found, member(path, *("items" + other for other in SUFFIXES)))
    return None


def has_items(path: Path) -> bool:
    """A file by its suffix."""
    return strip_gz(path).suffix in SUFFIXES


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of a file with a header."""
    raw = read_bytes(path)
    line = first_line(raw)
    separator = separator_of(line)
    names = [name.strip('"') for name in line.split(separator)]
    quoted = separator != "\t" or has_quotes(raw)
    frame = table(raw, path, separator, columns=wanted(names, columns), quoted=quoted)
    return typed_interactions(frame, columns, path, first_row=2)


def items(path: Path, columns: Columns) -> Items:
    """Items of a file with a header."""
    raw = read_bytes(path)
    separator = separator_of(first_line(raw))
    frame = table(raw, path, separator, quoted=separator != "\t" or has_quotes(raw))
    return typed_items(frame, columns, path, first_row=2)


def separator_of(line: str) -> str:
    """The separator of a header: the most frequent of tab, comma, semicolon and bar."""
    return max("\t,;|", key=line.count)
