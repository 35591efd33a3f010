"""Readers, one module per format, and how a path finds its reader."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from palate.data.readers import (
    amazon,
    atomic,
    delimited,
    hetrec_lastfm,
    jsonlines,
    movielens_1m,
    movielens_100k,
    movielens_csv,
    parquet,
    sequences,
)
from palate.data.readers.base import Columns, Files, Interactions, Items, Reader, ReadsUsers
from palate.errors import ConfigError, DataError

__all__ = [
    "READERS",
    "Columns",
    "Files",
    "Interactions",
    "Items",
    "Reader",
    "ReadsUsers",
    "detect",
    "detect_items",
    "reader",
]

# Particular layouts before general ones: the first that recognises a path reads it.
READERS: dict[str, Reader] = {
    module.NAME: cast(Reader, module)
    for module in (
        atomic,
        movielens_100k,
        movielens_1m,
        movielens_csv,
        hetrec_lastfm,
        amazon,
        sequences,
        parquet,
        jsonlines,
        delimited,
    )
}


def reader(name: str) -> Reader:
    """The reader of a format.

    Raises:
        ConfigError: no format has that name.
    """
    if name not in READERS:
        raise ConfigError(f"no format '{name}'; there are: auto, {', '.join(READERS)}")
    return READERS[name]


def detect(path: Path, name: str = "auto") -> tuple[Reader, Files]:
    """The reader of a path and the files it found there.

    Args:
        path: a file of interactions, or a folder.
        name: of the format, or ``auto``.

    Raises:
        DataError: the path does not exist, or no reader recognises it.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    for candidate in READERS.values() if name == "auto" else [reader(name)]:
        files = candidate.find(path)
        if files is not None:
            return candidate, files
    if name == "auto":
        raise DataError(f"{path}: no known format found there. Known: {_known()}")
    if path.is_file():
        return reader(name), Files(path)  # the person knows better than the name of the file
    raise DataError(f"{path}: not recognised as {name} ({reader(name).SUMMARY})")


def detect_items(path: Path) -> Reader:
    """The reader of a file of items.

    Raises:
        DataError: the path is no file, or no reader recognises it.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    for candidate in READERS.values():
        if candidate.has_items(path):
            return candidate
    raise DataError(f"{path}: no known format of items. Known: {_known()}")


def _known() -> str:
    return "; ".join(each.SUMMARY for each in READERS.values())
