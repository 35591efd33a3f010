"""What a reader of one file format promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class Files:
    """The files of one data set.

    Attributes:
        interactions: who touched what.
        items: what the items are, where there is such a file.
    """

    interactions: Path
    items: Path | None = None


@dataclass(frozen=True)
class Columns:
    """Names of columns that a person gave; None finds the column by common names.

    ``time`` may be ``-``: the order of the rows is the order of the events.
    """

    user: str | None = None
    item: str | None = None
    time: str | None = None
    rating: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class Read:
    """Interactions as read.

    Attributes:
        frame: columns ``user``, ``item``, ``time`` and perhaps ``rating``, in file order.
        note: which columns were taken, and what else a person should know.
        has_clock: False where the order of rows stands in for time.
        dropped: events that the reader folded away; the note says why.
    """

    frame: pl.DataFrame
    note: str
    has_clock: bool = True
    dropped: int = 0


class Reader(Protocol):
    """One file format. Each module of this folder is one."""

    NAME: str
    SUMMARY: str

    @staticmethod
    def find(path: Path) -> Files | None:
        """The files at *path* (a file or a folder) if they are of this format."""

    @staticmethod
    def interactions(path: Path, columns: Columns) -> Read:
        """Who touched what."""

    @staticmethod
    def items(path: Path, columns: Columns) -> pl.DataFrame:
        """``item``, ``title`` (perhaps null) and other attributes, one row per item."""
