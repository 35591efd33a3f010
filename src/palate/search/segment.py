"""A segment: some of the documents of an index, in files that never change.

Deleted documents stay in the files until segments are merged; the store of documents says which
they are. Files that are computed from a segment when they are first needed (vectors) lie in its
folder too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from palate.search.analysis import Analyzer, Numbering
from palate.search.documents import Document
from palate.search.postings import Array, Postings, Strings, merged, read_array, write_array

T = TypeVar("T")
FLAT = "flat"  # the field that holds title and text


class Segment:
    """The files of a segment, opened when they are needed.

    Attributes:
        name: of its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.numbers: npt.NDArray[np.int64] = read_array(folder, "numbers")
        self.ids = Strings.open(folder, "ids")
        self._postings: dict[str, Postings | None] = {}
        self._made: dict[Any, Any] = {}
        self._lock = threading.RLock()

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What *make* returns, made once for this segment."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def ranks(self) -> npt.NDArray[np.int32]:
        """[n] place of each document in the order of the ids."""
        return read_array(self.folder, "ranks")

    def postings(self, field: str) -> Postings | None:
        """The inverted index of a field; None where no document of the segment has it."""
        if field not in self._postings:
            there = (self.folder / f"{field}.starts.npy").exists()
            self._postings[field] = Postings.open(self.folder, field) if there else None
        return self._postings[field]

    def places(self, numbers: Array) -> npt.NDArray[np.int64]:
        """Places in this segment of those documents of *numbers* that it holds."""
        if not len(self.numbers) or not len(numbers):
            return np.empty(0, dtype=np.int64)
        at = np.searchsorted(self.numbers, numbers)
        at[at == len(self.numbers)] = 0
        return at[self.numbers[at] == numbers]

    def id(self, place: int) -> str:
        """The id of the document at a place."""
        return str(self.ids[place].decode())


class SegmentWriter:
    """Gathers documents in memory and writes them as a segment."""

    def __init__(self, analyzer: Analyzer, fields: Sequence[str], appended: Sequence[str]) -> None:
        self._appended = tuple(appended)
        self._names = (FLAT, *fields)
        self._numbering = {name: Numbering(analyzer) for name in self._names}
        self._terms: dict[str, list[tuple[Array, Array]]] = {name: [] for name in self._names}
        self._waiting: list[Document] = []
        self._ids: list[str] = []
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, number: int, document: Document) -> None:
        """Take a document; numbers ascend."""
        self._numbers.append(number)
        self._ids.append(document.id)
        self._waiting.append(document)
        if len(self._waiting) >= 1000:
            self._encode()

    def _encode(self) -> None:
        for name in self._names:
            texts = (
                flat_text(one, self._appended) if name == FLAT else field_text(one, name)
                for one in self._waiting
            )
            self._terms[name].append(self._numbering[name].encode(texts))
        self._waiting = []

    def write(self, folder: Path) -> None:
        """Write the files; the folder must not be there."""
        self._encode()
        folder.mkdir(parents=True)
        for name in self._names:
            flat = np.concatenate([part[0] for part in self._terms[name]])
            lengths = np.concatenate([part[1] for part in self._terms[name]])
            if name == FLAT or len(flat):
                terms, places = self._numbering[name].sorted()
                Postings.of(terms, places, flat, lengths).save(folder, name)
        _save_names(folder, self._ids, np.array(self._numbers, dtype=np.int64))
        settle(folder)


def merge(segments: Sequence[Segment], dead: Array, fields: Sequence[str], folder: Path) -> int:
    """Write several segments as one, without the *dead*; how many documents it holds.

    Segments come in the order of their documents' numbers.
    """
    kept = []
    for segment in segments:
        keep = np.ones(len(segment), dtype=bool)
        keep[segment.places(dead)] = False
        kept.append(keep)
    folder.mkdir(parents=True)
    for name in (FLAT, *fields):
        parts = [segment.postings(name) for segment in segments]
        if any(part is not None for part in parts):
            whole = [
                _nothing(len(segment)) if part is None else part
                for part, segment in zip(parts, segments, strict=True)
            ]
            merged(whole, kept).save(folder, name)
    numbers = np.concatenate([s.numbers[k] for s, k in zip(segments, kept, strict=True)])
    ids = [
        id
        for segment, keep in zip(segments, kept, strict=True)
        for id, flag in zip(segment.ids.whole(), keep.tolist(), strict=True)
        if flag
    ]
    _save_names(folder, [id.decode() for id in ids], numbers)
    settle(folder)
    return len(numbers)


def flat_text(document: Document, appended: Sequence[str] = ()) -> str:
    """What lexical search reads: title, text, and fields whose words count as words of the text."""
    more = (field_text(document, name) for name in appended)
    return " ".join(part for part in (document.title, document.text, *more) if part)


def field_text(document: Document, name: str) -> str:
    """The text of a field; lists are joined."""
    value = document.fields.get(name)
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def settle(folder: Path) -> None:
    """Have the files of a folder on the disk, so that a commit never outlives what it names."""
    for path in (*folder.iterdir(), folder, folder.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _save_names(folder: Path, ids: Sequence[str], numbers: Array) -> None:
    ranks = np.empty(len(ids), dtype=np.int32)
    ranks[np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)] = np.arange(
        len(ids), dtype=np.int32
    )
    Strings.of([id.encode() for id in ids]).save(folder, "ids")
    write_array(folder, "ranks", ranks)
    write_array(folder, "numbers", numbers)


def _nothing(n: int) -> Postings:
    none = np.empty(0, dtype=np.int32)
    return Postings(
        Strings.of([]), np.zeros(1, np.int64), none, none.astype(np.uint16), np.zeros(n, np.int32)
    )
