"""Sets of codes, one for each row, in two flat arrays.

Legend: n rows, c codes of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.data.cases import Flags, Indices

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Ragged:
    """A set of codes for each row.

    Attributes:
        offsets: [n + 1] int64; row ``i`` is ``codes[offsets[i]:offsets[i + 1]]``.
        codes: [c] int32 numbers in a vocabulary; in each row ascending, none twice.
    """

    offsets: Indices
    codes: Codes

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Ragged:
        """From plain lists, in any order and with repetitions."""
        rows = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        return cls.from_pairs(rows, np.array([c for one in lists for c in one], int), len(lists))

    @classmethod
    def from_pairs(cls, rows: Indices, codes: npt.NDArray[np.integer], n: int) -> Ragged:
        """From the row and the code of each entry, in any order and with repetitions."""
        codes = np.asarray(codes, dtype=np.int64)
        width = int(codes.max(initial=0)) + 1
        pairs = np.sort(np.asarray(rows, dtype=np.int64) * width + codes)
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        return cls(
            offsets_of(np.bincount(pairs // width, minlength=n)), (pairs % width).astype("i4")
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Codes:
        return self.codes[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[Codes]:
        return (self[row] for row in range(len(self)))

    @property
    def lengths(self) -> Indices:
        """[n] number of codes of each row."""
        return np.diff(self.offsets)

    def rows(self) -> Indices:
        """[c] the row of each code."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: npt.ArrayLike) -> Ragged:
        """The rows at the given positions, in that order."""
        offsets, places = gather(self.offsets, rows)
        return Ragged(offsets, self.codes[places])

    def dense(self, width: int) -> Flags:
        """[n, width] True where a row holds a code."""
        held = np.zeros((len(self), width), dtype=bool)
        held[self.rows(), self.codes] = True
        return held


def gather(offsets: Indices, rows: npt.ArrayLike) -> tuple[Indices, Indices]:
    """Of ragged rows, those at the given positions.

    Args:
        offsets: [n + 1] where each row begins.
        rows: [m] positions of rows, in any order and with repetitions.

    Returns:
        [m + 1] new offsets, and the place of each of their entries among the old entries.
    """
    rows = np.asarray(rows, dtype=np.int64)
    lengths = np.diff(offsets)[rows]
    new = offsets_of(lengths)
    return new, np.repeat(offsets[:-1][rows] - new[:-1], lengths) + np.arange(new[-1])


def offsets_of(lengths: Indices) -> Indices:
    """[n + 1] where rows of the given lengths begin, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
