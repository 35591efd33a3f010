"""Documents, and the store that keeps them: SQLite with versions.

A change keeps the older version; a deletion erases the words of all versions and leaves a line
that says when. A reader sees the store as it was when its view began (write-ahead log).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from palate.errors import DataError, RunError

LIVE, REPLACED, DELETED = 1, 0, -1
BUSY = 5000  # milliseconds that a lock is waited for
CHUNK = 500  # values in one question to SQLite

SCHEMA = """
CREATE TABLE documents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, version INTEGER NOT NULL,
  state INTEGER NOT NULL, title TEXT, text TEXT, fields TEXT, time REAL, digest BLOB,
  at REAL NOT NULL, UNIQUE (id, version));
CREATE UNIQUE INDEX live ON documents (id) WHERE state = 1;
CREATE TABLE dead (number INTEGER PRIMARY KEY);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Document:
    """Something that can be found.

    Attributes:
        id: unique in its collection.
        fields: anything else that is known; only text of fields that the index names is searched.
        time: seconds since 1970, where it is known.
        version: counted from 1 by the store; 0 for a document that is not in one.
    """

    id: str
    text: str
    title: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    time: float | None = None
    version: int = 0

    def digest(self) -> bytes:
        """16 bytes that stand for all but the version."""
        told = json.dumps(
            [self.id, self.title, self.text, dict(self.fields), self.time],
            ensure_ascii=False, sort_keys=True, default=str,
        )  # fmt: skip
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True)
class Change:
    """One line of a document's history."""

    version: int
    state: Literal["live", "replaced", "deleted"]
    at: float


class DocumentStore:
    """The documents of an index, in one SQLite file.

    A store is used by one thread at a time. Everything written between :meth:`begin` and
    :meth:`commit` becomes visible at once, or never.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        """Open the file, or make it.

        Raises:
            RunError: it is not there, or it is not a store.
        """
        self.path = path
        if not create and not path.is_file():
            raise RunError(f"{path.parent}: no search index; make one with: palate search index")
        try:
            self.connection = sqlite3.connect(
                path, isolation_level=None, timeout=BUSY / 1000, check_same_thread=False
            )
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            if create:
                self.connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        except sqlite3.DatabaseError as error:
            raise RunError(f"{path}: not a store of documents ({error})") from None

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self.connection.close()

    # A view and a transaction

    def begin(self, write: bool = False) -> None:
        """Begin a view, which stays as it is until :meth:`end`; or a transaction."""
        self.connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def commit(self) -> None:
        """Make what was written visible to those who look from now on."""
        self.connection.execute("COMMIT")

    def end(self) -> None:
        """Drop the view, or what was written and not committed."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    # What is known beside the documents

    def meta(self, key: str) -> Any:
        """A value that was set; None where it was not."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_meta(self, key: str, value: Any) -> None:
        """Set a value that JSON can hold."""
        told = json.dumps(value, ensure_ascii=False)
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, told))

    # Documents

    def put(self, document: Document) -> tuple[int, int] | None:
        """Store a document under a new number; None if it stands there just so already.

        Returns:
            Its number, and that of the version that it replaces (0 for none).
        """
        if not document.id:
            raise DataError("a document has an empty id")
        digest = document.digest()
        row = self.connection.execute(
            "SELECT number, version, digest FROM documents WHERE id = ? AND state = 1",
            (document.id,),
        ).fetchone()
        if row is not None and row[2] == digest:
            return None
        if row is not None:
            self._end(row[0], REPLACED)
            version = row[1] + 1
        else:
            version = 1 + self._last_version(document.id)
        fields = json.dumps(dict(document.fields), ensure_ascii=False, default=str)
        cursor = self.connection.execute(
            "INSERT INTO documents (id, version, state, title, text, fields, time, digest, at) "
            "VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?)",
            (document.id, version, _clean(document.title), _clean(document.text), _clean(fields),
             document.time, digest, time.time()),
        )  # fmt: skip
        return int(cursor.lastrowid or 0), row[0] if row is not None else 0

    def delete(self, document: str) -> int | None:
        """Erase a document's words; the number it had, or None if there is none of that id."""
        row = self.connection.execute(
            "SELECT number FROM documents WHERE id = ? AND state = 1", (document,)
        ).fetchone()
        if row is None:
            return None
        self.connection.execute(
            "UPDATE documents SET title = NULL, text = NULL, fields = NULL, digest = NULL "
            "WHERE id = ?",
            (document,),
        )
        self._end(row[0], DELETED)
        return int(row[0])

    def get(self, document: str, version: int | None = None) -> Document | None:
        """A document as it is, or as it was; None if there is none, or its words are erased."""
        which = "state = 1" if version is None else "version = ?"
        row = self.connection.execute(
            "SELECT id, text, title, fields, time, version FROM documents "
            f"WHERE id = ? AND {which}",
            (document,) if version is None else (document, version),
        ).fetchone()
        return None if row is None or row[1] is None else _document(row)

    def numbered(self, numbers: Sequence[int]) -> Iterator[Document]:
        """The documents of these numbers, in their order, whatever state they are in."""
        for start in range(0, len(numbers), CHUNK):
            part = [int(number) for number in numbers[start : start + CHUNK]]
            rows = self.connection.execute(
                "SELECT id, text, title, fields, time, version, number FROM documents "
                f"WHERE number IN ({','.join('?' * len(part))})",
                part,
            )
            found = {row[6]: _document(row) for row in rows}
            yield from (found[number] for number in part)

    def ids(self) -> list[str]:
        """The ids of all live documents, in the order of their numbers."""
        rows = self.connection.execute("SELECT id FROM documents WHERE state = 1 ORDER BY number")
        return [row[0] for row in rows]

    def history(self, document: str) -> list[Change]:
        """What happened to a document, oldest first."""
        words: dict[int, Any] = {LIVE: "live", REPLACED: "replaced", DELETED: "deleted"}
        rows = self.connection.execute(
            "SELECT version, state, at FROM documents WHERE id = ? ORDER BY version", (document,)
        )
        return [Change(version, words[state], at) for version, state, at in rows]

    def count(self) -> int:
        """How many documents are live."""
        row = self.connection.execute("SELECT count(*) FROM documents WHERE state = 1").fetchone()
        return int(row[0])

    def dead(self) -> list[int]:
        """Numbers that stand in a segment and are not to be found."""
        return [row[0] for row in self.connection.execute("SELECT number FROM dead")]

    def forget_dead(self, numbers: Iterable[int]) -> None:
        """These numbers stand in no segment any more."""
        self.connection.executemany("DELETE FROM dead WHERE number = ?", ((int(n),) for n in numbers))

    def _last_version(self, document: str) -> int:
        row = self.connection.execute(
            "SELECT max(version) FROM documents WHERE id = ?", (document,)
        ).fetchone()
        return row[0] or 0

    def _end(self, number: int, state: int) -> None:
        self.connection.execute(
            "UPDATE documents SET state = ?, at = ? WHERE number = ?", (state, time.time(), number)
        )
        self.connection.execute("INSERT OR IGNORE INTO dead VALUES (?)", (number,))


def _document(row: Sequence[Any]) -> Document:
    fields = json.loads(row[3]) if row[3] else {}
    return Document(row[0], row[1] or "", row[2] or "", fields, row[4], row[5])


def _clean(text: str) -> str:
    """Text that UTF-8 can hold; half a surrogate pair cannot be stored."""
    return text.encode("utf-8", "replace").decode("utf-8")
