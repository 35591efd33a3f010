"""What a reader of one file format promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl


@dataclass(frozen=True)
class Files:
    """The files of one data set.

    Attributes:
        interactions: who touched what.
        items: what the items are, where there is such a file.
        users: who the users are, where there is such a file.
    """

    interactions: Path
    items: Path | None = None
    users: Path | None = None


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
class Interactions:
    """Interactions as read.

    Attributes:
        frame: columns ``user``, ``item``, ``time`` and perhaps ``rating`` and ``domain``, in file
            order.
        note: which columns were taken, and what else a person should know.
        has_clock: False where the order of rows stands in for time.
        dropped: rows that the reader folded into others; the note says why.
    """

    frame: pl.DataFrame
    note: str
    has_clock: bool = True
    dropped: int = 0


@dataclass(frozen=True)
class Items:
    """Items as read.

    Attributes:
        frame: columns ``item`` (unique), ``title`` (null or empty where the source has none) and
            other attributes, ``domain`` among them where the source has it, in file order.
        first_row: what a person calls the first row of *frame* in the file.
        title_column: what the file calls the title.
        note: what a person should know.
        selective: False where the file describes far more than what the events are about, so that
            items without events do not belong in the catalogue.
    """

    frame: pl.DataFrame
    first_row: int
    title_column: str
    note: str = ""
    selective: bool = True


class Reader(Protocol):
    """One file format. Each module of this folder is one."""

    NAME: str
    SUMMARY: str

    @staticmethod
    def find(path: Path) -> Files | None:
        """The files at *path* (a file of interactions, or a folder) if they are of this format."""

    @staticmethod
    def has_items(path: Path) -> bool:
        """Whether *path* is a file of items of this format."""

    @staticmethod
    def interactions(path: Path, columns: Columns) -> Interactions:
        """Who touched what."""

    @staticmethod
    def items(path: Path, columns: Columns) -> Items:
        """What the items are."""


@runtime_checkable
class ReadsUsers(Protocol):
    """A reader of a format that also describes users."""

    @staticmethod
    def users(path: Path, columns: Columns) -> pl.DataFrame:
        """``user`` (unique) and attributes, one row per user."""
