"""Readers, one module per format, and how a path finds its reader."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from palate.data.readers import (
    atomic,
    delimited,
    movielens_1m,
    movielens_100k,
    movielens_csv,
)
from palate.data.readers.base import Columns, Files, Read, Reader
from palate.errors import ConfigError, DataError

__all__ = ["READERS", "Columns", "Files", "Read", "Reader", "detect", "reader"]

# Particular layouts before general ones: the first that recognises a path reads it.
READERS: dict[str, Reader] = {
    module.NAME: cast(Reader, module)
    for module in (atomic, movielens_100k, movielens_1m, movielens_csv, delimited)
}


def reader(name: str) -> Reader:
    """The reader of a format.

    Raises:
        ConfigError: no format has that name.
    """
    if name not in READERS:
        raise ConfigError(f"no format '{name}'; there are: {', '.join(READERS)}, auto")
    return READERS[name]


def detect(path: Path, name: str = "auto") -> tuple[Reader, Files]:
    """The reader of a path and the files it found there.

    Raises:
        DataError: the path does not exist, or no reader recognises it.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    for candidate in READERS.values() if name == "auto" else [reader(name)]:
        files = candidate.find(path)
        if files is not None:
            return candidate, files
    if name != "auto":
        raise DataError(f"{path}: not recognised as {name} ({reader(name).SUMMARY})")
    known = "; ".join(each.SUMMARY for each in READERS.values())
    raise DataError(f"{path}: no known format found there. Known: {known}")
