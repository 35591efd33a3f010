"""What layouts share: columns, lines of files, rows that become documents."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from palate.data.readers.columns import locate
from palate.errors import DataError
from palate.search.documents import Document
from palate.search.results import Query

ID = tuple(
    "id docid docno documentid pid passageid key corpusid queryid qid topic item itemid doi "
    "url path".split()
)
TITLE = tuple("title headline name subject".split())
TEXT = tuple("text abstract body content contents passage document description query".split())
TIME = tuple("time timestamp date published publishedat created createdat year".split())


@dataclass(frozen=True)
class Columns:
    """Names of columns that a person gave; None finds the column by common names.

    Attributes:
        text: one or more, whose texts are joined.
    """

    id: str | None = None
    title: str | None = None
    text: tuple[str, ...] = ()
    time: str | None = None


@dataclass(frozen=True)
class Roles:
    """Which column of a table is what. ``id`` is None where rows are numbered."""

    id: str | None
    title: str | None
    text: tuple[str, ...]
    time: str | None

    @classmethod
    def of(cls, names: list[str], columns: Columns, path: Path) -> Roles:
        """Found among the columns of a table.

        Raises:
            DataError: a column that was named is not there, or there is no text.
        """
        given = [locate(names, "text", name, path) for name in columns.text]
        text = tuple(str(name) for name in given) or tuple(
            name for name in [locate(names, "text", None, path, TEXT)] if name
        )
        title = locate(names, "title", columns.title, path, TITLE)
        if not text and title is None:
            raise DataError(
                f"{path}: row 1: no text column among {names}; name it with --text-column"
            )
        if title in text:
            title = None
        return cls(
            locate(names, "id", columns.id, path, ID),
            title,
            text,
            locate(names, "time", columns.time, path, TIME),
        )

    def document(self, row: Mapping[str, Any], number: int, path: Path) -> Document:
        """A row as a document; columns that play no role become its fields."""
        known = {self.id, self.title, self.time, *self.text}
        return Document(
            self.name(row, number, path),
            "\n".join(text for text in (_words(row.get(name)) for name in self.text) if text),
            _words(row.get(self.title)) if self.title else "",
            {k: v for k, v in row.items() if k not in known and v is not None},
            moment(row.get(self.time), path, number) if self.time else None,
        )

    def query(self, row: Mapping[str, Any], number: int, path: Path) -> Query:
        """A row as a query."""
        known = {self.id, *self.text}
        text = " ".join(_words(row.get(name)) for name in self.text)
        if not text and self.title:
            text = _words(row.get(self.title))
        user = row.get("user")
        fields = {k: v for k, v in row.items() if k not in known and v is not None}
        return Query(
            self.name(row, number, path), text, None if user is None else str(user), fields
        )

    def name(self, row: Mapping[str, Any], number: int, path: Path) -> str:
        """The id of a row."""
        if self.id is None:
            return str(number)
        value = row.get(self.id)
        if value is None or str(value).strip() == "":
            raise DataError(f"{path}: row {number}: column '{self.id}' is empty; give it an id")
        return str(value).strip()


def moment(value: Any, path: Path, number: int) -> float | None:
    """Seconds since 1970 of a year, a date, or a number of (milli)seconds."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        try:
            return moment(datetime.fromisoformat(str(value).strip()), path, number)
        except ValueError:
            raise DataError(
                f"{path}: row {number}: '{value}' is no time; seconds, a year or 2024-05-31"
            ) from None
    if 1000 <= seconds < 3000:
        return datetime(int(seconds), 1, 1, tzinfo=UTC).timestamp()
    return seconds / 1000 if seconds > 1e11 else seconds


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, unpacked if the file is gzipped.

    Raises:
        DataError: not UTF-8, or a gzip that breaks off.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    row = 0
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            for row, line in enumerate(file, start=1):
                yield row, line.decode("utf-8").removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: row {row}: byte 0x{error.object[error.start]:02x} is not UTF-8; convert "
            "the file, for instance: iconv -f latin1 -t utf-8"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: row {row + 1}: the gzip breaks off or is damaged ({error}); download it again"
        ) from None


def grade(value: str, path: Path, row: int) -> int:
    """A grade of a judgement."""
    try:
        return int(float(value))
    except ValueError:
        raise DataError(f"{path}: row {row}: '{value}' is no grade; a whole number") from None


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
