"""Histories, cases and splits: what models learn from and are judged on.

Legend: n cases, e events in all histories together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from palate.data.catalogue import Catalogue

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Histories:
    """Ragged histories of item indices, oldest first.

    Attributes:
        items: [e] item indices of all histories, one after another.
        offsets: [n + 1] history ``i`` is ``items[offsets[i]:offsets[i + 1]]``.
        users: [n] user ids, or an empty list where the users are unknown.
        liked: [e] whether the person liked the item, or None where nobody said.
    """

    items: Indices
    offsets: Indices
    users: list[str] = field(default_factory=list)
    liked: Flags | None = None

    @classmethod
    def of(
        cls,
        lists: Sequence[Sequence[int]],
        users: Sequence[str] = (),
        liked: Sequence[Sequence[bool]] | None = None,
    ) -> Histories:
        """Histories from plain lists of item indices."""
        lengths = [len(one) for one in lists]
        flat = [item for one in lists for item in one]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        told = None
        if liked is not None:
            told = np.array([flag for one in liked for flag in one], dtype=bool)
        return cls(np.asarray(flat, dtype=np.int64), offsets, list(users), told)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Indices:
        return self.items[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[Indices]:
        return (self[i] for i in range(len(self)))

    @cached_property
    def lengths(self) -> Indices:
        """[n] number of events in each history."""
        return np.diff(self.offsets)

    def rows(self) -> Indices:
        """[e] for each event, the history it belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def places(self, known: int = 1) -> Indices:
        """Places in ``items`` of the events that so many events of their history come before."""
        rows = self.rows()
        return np.flatnonzero(np.arange(len(rows)) - self.offsets[rows] >= known)

    def take(self, which: Indices) -> Histories:
        """The histories at the given positions, in that order."""
        which = np.asarray(which, dtype=np.int64)
        return self.spans(which, np.zeros_like(which), self.lengths[which])

    def spans(self, which: Indices, start: Indices, stop: Indices) -> Histories:
        """Of each history in *which* the events from position *start* up to, not with, *stop*."""
        lengths = stop - start
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shifts = self.offsets[which] + start - offsets[:-1]
        events = np.repeat(shifts, lengths) + np.arange(offsets[-1])
        users = [self.users[i] for i in which.tolist()] if self.users else []
        liked = None if self.liked is None else self.liked[events]
        return Histories(self.items[events], offsets, users, liked)

    def newest(self, most: int) -> Histories:
        """Of each history its last events, at *most* so many."""
        starts = np.maximum(self.lengths - most, 0)
        return self.spans(np.arange(len(self)), starts, self.lengths)

    def padded(self, length: int, pad: int) -> Indices:
        """[n, length] the last *length* items of each history, padded on the left with *pad*."""
        matrix = np.full((len(self), length), pad, dtype=np.int64)
        ages = np.repeat(self.offsets[1:], self.lengths) - np.arange(len(self.items))  # 1 = newest
        kept = ages <= length
        matrix[self.rows()[kept], length - ages[kept]] = self.items[kept]
        return matrix


@dataclass(frozen=True)
class Cases:
    """Histories with the one item that came next.

    Attributes:
        histories: [n] what is known.
        targets: [n] item index of the event that followed.
        liked: [n] whether the person liked it, or None where nobody said.
    """

    histories: Histories
    targets: Indices
    liked: Flags | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, which: Indices) -> Cases:
        """The cases at the given positions, in that order."""
        liked = None if self.liked is None else self.liked[which]
        return Cases(self.histories.take(which), self.targets[which], liked)

    def some(self, wanted: int | None, seed: int) -> Cases:
        """So many of the cases, drawn at random and in their order; None, or too many, is all."""
        if wanted is None or wanted >= len(self):
            return self
        rows = np.random.default_rng(seed).choice(len(self), wanted, replace=False)
        return self.take(np.sort(rows))

    def sequences(self) -> Histories:
        """Each history with its target appended: the whole sequence, for training."""
        known = self.histories
        items = np.insert(known.items, known.offsets[1:], self.targets)
        liked = None
        if known.liked is not None and self.liked is not None:
            liked = np.insert(known.liked, known.offsets[1:], self.liked)
        offsets = known.offsets + np.arange(len(self) + 1)
        return Histories(items, offsets, known.users, liked)


@dataclass(frozen=True)
class Split:
    """Train, validation and test over one catalogue.

    Training cases hold a user's whole training sequence: its last event is the target, the
    events before it the history. Nothing in ``train`` may depend on a held-out event.

    Attributes:
        name: how it was made, e.g. ``leave-one-out``.
        notes: plain sentences that belong beside every result on this split.
        train_times: [e] times of the events of ``train.sequences()``, in the unit of the source;
            None where the data have an order only.
        cold: items that neither training nor a history may hold, in a split that sets some apart.
    """

    catalogue: Catalogue
    train: Cases
    validation: Cases
    test: Cases
    name: str
    notes: tuple[str, ...] = ()
    train_times: Indices | None = None
    cold: Indices | None = None

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.catalogue)
