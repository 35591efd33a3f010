"""A data set: a catalogue, its interactions, and the record of how it was made.

Legend: u users, i items, e events.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.cases import Flags, Histories, Indices
from palate.data.catalogue import Catalogue


@dataclass(frozen=True)
class Step:
    """What one step of preparing a data set kept and dropped.

    Attributes:
        name: of the step: ``read``, ``min rating``, ``duplicates``, ``k-core``, ``catalogue``.
        users: users with events after the step.
        items: items with events after the step; for ``catalogue`` all items that can be ranked.
        events: events after the step.
        dropped_events: events that the step took away.
        note: what the step did, in a plain sentence.
    """

    name: str
    users: int
    items: int
    events: int
    dropped_events: int
    note: str


@dataclass(frozen=True)
class Dataset:
    """Who touched what, when.

    Attributes:
        catalogue: [i] every item that can be recommended.
        interactions: [e] columns ``user`` and ``item`` (strings), ``time`` (int64, in the unit of
            the source), ``rating`` (float64) where the source has one, and ``update`` (int32), the
            number of the update that an event came with, where there were any; in file order.
            An event's domain is that of its item.
        steps: what each step of preparation kept and dropped.
        has_clock: False where the order of rows stands in for time.
        user_attributes: ``user`` and what the source says of the users, or None.
        like_from: lowest rating of what a person liked; None where nothing is rated.
    """

    name: str
    catalogue: Catalogue
    interactions: pl.DataFrame
    steps: tuple[Step, ...] = ()
    licence: str | None = None
    citation: str | None = None
    has_clock: bool = True
    user_attributes: pl.DataFrame | None = None
    like_from: float | None = None

    @cached_property
    def users(self) -> list[str]:
        """[u] user ids in order of first appearance; a position here is a user's number."""
        return self._user_ids.to_list()

    @cached_property
    def _user_ids(self) -> pl.Series:
        return self.interactions["user"].unique(maintain_order=True)

    @cached_property
    def user_codes(self) -> Indices:
        """[e] the user's number of each event, in file order."""
        return encode(self.interactions["user"], self._user_ids)

    @cached_property
    def item_codes(self) -> Indices:
        """[e] the item index of each event, in file order."""
        return encode(self.interactions["item"], self.catalogue.frame["item"])

    @cached_property
    def order(self) -> Indices:
        """[e] positions of events by user, then time; equal times keep file order."""
        users, times = self.user_codes, self.interactions["time"].to_numpy()
        if not len(times):
            return np.empty(0, dtype=np.int64)
        span = int(times.max()) - int(times.min()) + 1
        if span * len(self.users) >= 2**63:
            return np.lexsort((times, users))
        # One integer key sorts in half the time of two keys.
        return np.argsort(users * span + (times - times.min()), kind="stable")

    @cached_property
    def sequences(self) -> Histories:
        """[u] all events of each user, oldest first."""
        counts = np.bincount(self.user_codes, minlength=len(self.users))
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return Histories(self.item_codes[self.order], offsets, self.users, self._liked)

    @cached_property
    def _liked(self) -> Flags | None:
        """[e] in the order of :attr:`sequences`; what a person touched and did not rate, they
        liked."""
        if self.like_from is None:
            return None
        liked = (self.interactions["rating"] >= self.like_from).fill_null(True)
        return liked.to_numpy()[self.order]

    @cached_property
    def times(self) -> npt.NDArray[np.int64]:
        """[e] times in the order of :attr:`sequences`."""
        return self.interactions["time"].to_numpy()[self.order]

    @cached_property
    def of_update(self) -> Flags | None:
        """[e] in the order of :attr:`sequences`; True at events of the last update, if any."""
        if "update" not in self.interactions.columns:
            return None
        numbers = self.interactions["update"].to_numpy()[self.order]
        last: Flags = numbers == numbers.max()
        return last

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content: equal for equal events and catalogue, whatever the source."""
        content = hashlib.sha256()
        for part in (self.user_codes, self.item_codes, self.interactions["time"].to_numpy()):
            content.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        if "rating" in self.interactions.columns:
            ratings = self.interactions["rating"].to_numpy()
            content.update(np.ascontiguousarray(ratings, dtype="<f8").tobytes())
        if "update" in self.interactions.columns:
            numbers = self.interactions["update"].to_numpy()
            content.update(np.ascontiguousarray(numbers, dtype="<i8").tobytes())
        for texts in (self.users, *(self._column(c) for c in sorted(self.catalogue.frame.columns))):
            content.update("\x1e".join(texts).encode() + b"\x1d")
        return content.hexdigest()

    def _column(self, name: str) -> list[str]:
        return [name, *("" if v is None else str(v) for v in self.catalogue.frame[name])]


def encode(values: pl.Series, ids: pl.Series) -> Indices:
    """[e] the position of each value among *ids*, which must hold every value."""
    return values.cast(pl.Enum(ids)).to_physical().cast(pl.Int64).to_numpy()
