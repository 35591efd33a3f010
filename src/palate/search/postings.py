"""Which terms stand how often in which documents: an inverted index that never changes.

A folder of arrays, read through memory maps, so that opening one costs nothing and a query reads
what its terms need. The arrays are those of bm25s (compressed sparse columns), with counts in the
place of scores, because scores depend on what other segments hold.

Legend: n documents, v terms, p postings.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Strings(Sequence[bytes]):
    """Many byte strings in two arrays: their bytes, and [n + 1] where each begins."""

    def __init__(self, data: Array, offsets: Array) -> None:
        self.data = data
        self.offsets = offsets

    @classmethod
    def of(cls, strings: Sequence[bytes]) -> Strings:
        """From a list."""
        lengths = np.fromiter(map(len, strings), dtype=np.int64, count=len(strings))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(np.frombuffer(b"".join(strings), dtype=np.uint8), offsets)

    @classmethod
    def open(cls, folder: Path, name: str) -> Strings:
        """From the files of :meth:`save`."""
        return cls(read_array(folder, f"{name}.bytes"), read_array(folder, f"{name}.offsets"))

    def save(self, folder: Path, name: str) -> None:
        """Write ``NAME.bytes.npy`` and ``NAME.offsets.npy``."""
        write_array(folder, f"{name}.bytes", self.data)
        write_array(folder, f"{name}.offsets", self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def whole(self) -> list[bytes]:
        """All of them, read at once."""
        raw, ends = self.data.tobytes(), self.offsets.tolist()
        return [raw[start:end] for start, end in zip(ends, ends[1:], strict=False)]


@dataclass(frozen=True)
class Postings:
    """The inverted index of one field of one segment.

    Attributes:
        terms: [v] in the order of their bytes.
        starts: [v + 1] postings of term ``i`` are ``starts[i]:starts[i + 1]``.
        documents: [p] int32 places of documents in the segment, ascending within a term.
        values: [p] counts (uint16), or weights (float32) where a model gave them.
        lengths: [n] int32 terms of each document, repeated ones too.
    """

    terms: Strings
    starts: Array
    documents: Array
    values: Array
    lengths: Array

    @classmethod
    def of(
        cls,
        terms: Sequence[str],
        places: Array,
        flat: Array,
        lengths: Array,
    ) -> Postings:
        """Counted from the terms of each document.

        Args:
            terms: [v] sorted by their UTF-8.
            places: [v] place in *terms* of each number that *flat* uses.
            flat: numbers of the terms of all documents, one after another.
            lengths: [n] how many of them each document has.
        """
        rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        pairs = places[flat].astype(np.int64) * max(len(lengths), 1) + rows
        pairs, counts = np.unique(pairs, return_counts=True)
        values = np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)
        return cls._of_pairs(terms, pairs, values, lengths)

    @classmethod
    def weighted(
        cls, terms: Sequence[str], columns: Array, rows: Array, values: Array, n: int
    ) -> Postings:
        """From weights: term ``columns[i]`` of document ``rows[i]`` has ``values[i]``."""
        pairs = columns.astype(np.int64) * max(n, 1) + rows
        order = np.argsort(pairs)
        lengths = np.bincount(rows, minlength=n)
        return cls._of_pairs(terms, pairs[order], values[order].astype(np.float32), lengths)

    @classmethod
    def _of_pairs(
        cls, terms: Sequence[str], pairs: Array, values: Array, lengths: Array
    ) -> Postings:
        columns, documents = np.divmod(pairs, max(len(lengths), 1))
        starts = np.zeros(len(terms) + 1, dtype=np.int64)
        np.cumsum(np.bincount(columns, minlength=len(terms)), out=starts[1:])
        encoded = Strings.of([term.encode() for term in terms])
        return cls(encoded, starts, documents.astype(np.int32), values, lengths.astype(np.int32))

    @classmethod
    def open(cls, folder: Path, name: str) -> Postings:
        """From the files of :meth:`save`."""
        arrays = (read_array(folder, f"{name}.{part}") for part in PARTS)
        return cls(Strings.open(folder, f"{name}.terms"), *arrays)

    def save(self, folder: Path, name: str) -> None:
        """Write the arrays as ``NAME.*.npy``."""
        self.terms.save(folder, f"{name}.terms")
        for part in PARTS:
            write_array(folder, f"{name}.{part}", getattr(self, part))

    def find(self, term: bytes) -> int:
        """The number of a term; -1 where no document has it."""
        place = bisect.bisect_left(self.terms, term)
        return place if place < len(self.terms) and self.terms[place] == term else -1


PARTS = ("starts", "documents", "values", "lengths")


def merged(parts: Sequence[Postings], kept: Sequence[Array]) -> Postings:
    """Several as one, their documents one after another.

    Args:
        kept: for each part, [n] which documents stay.
    """
    words = [part.terms.whole() for part in parts]
    terms = sorted(set().union(*words))
    place = {term: number for number, term in enumerate(terms)}
    columns, rows, values, lengths, base = [], [], [], [], 0
    for part, own, keep in zip(parts, words, kept, strict=True):
        moved = np.fromiter((place[term] for term in own), dtype=np.int64, count=len(own))
        stays = keep[part.documents]
        column = np.repeat(moved, np.diff(part.starts))[stays]
        columns.append(column)
        rows.append(base + (np.cumsum(keep, dtype=np.int64) - 1)[part.documents[stays]])
        values.append(part.values[stays])
        lengths.append(part.lengths[keep])
        base += int(keep.sum())
    column = np.concatenate(columns)
    order = np.argsort(column, kind="stable")  # documents ascend within a term already
    starts = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(column, minlength=len(terms)), out=starts[1:])
    used = np.diff(starts) > 0  # terms of deleted documents only are forgotten
    starts = np.concatenate([[0], starts[1:][used]])
    alive = [term for term, flag in zip(terms, used.tolist(), strict=True) if flag]
    return Postings(
        Strings.of(alive),
        starts,
        np.concatenate(rows)[order].astype(np.int32),
        np.concatenate(values)[order],
        np.concatenate(lengths),
    )


def read_array(folder: Path, name: str) -> Array:
    path = folder / f"{name}.npy"
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an array without elements cannot be mapped
        array = np.load(path, allow_pickle=False)
    # A plain view: the memory map's own class makes every slice slower.
    return array.view(np.ndarray)


def write_array(folder: Path, name: str, array: Array) -> None:
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
