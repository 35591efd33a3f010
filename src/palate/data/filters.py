"""Filters of events, and the record of what each kept and dropped.

Legend: e events.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.dataset import Step, encode

Mask = npt.NDArray[np.bool_]


class Events:
    """Events while they are filtered: the table, integer codes beside it, and the steps so far.

    Attributes:
        table: [e] columns ``user``, ``item``, ``time`` and perhaps ``rating`` and ``domain``.
        steps: one per call of :meth:`record` or :meth:`keep`.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table
        self.steps: list[Step] = []
        self._item_ids = table["item"].unique(maintain_order=True)
        self._users = encode(table["user"], table["user"].unique(maintain_order=True))
        self._items = encode(table["item"], self._item_ids)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def items(self) -> pl.Series:
        """Ids of the items that have events, in order of first appearance."""
        return self._item_ids.gather(np.flatnonzero(np.bincount(self._items)))

    def record(self, name: str, note: str, dropped: int = 0) -> None:
        """Count what there is now."""
        users = int(np.count_nonzero(np.bincount(self._users)))
        items = int(np.count_nonzero(np.bincount(self._items)))
        self.steps.append(Step(name, users, items, len(self), dropped, note))

    def keep(self, kept: Mask, name: str, note: str) -> None:
        """Drop the events that are not *kept*, and record it."""
        dropped = int(len(kept) - kept.sum())
        if dropped:
            self.table = self.table.filter(pl.Series(kept))
            self._users, self._items = self._users[kept], self._items[kept]
        self.record(name, note, dropped)

    def rated(self, least: float) -> Mask:
        """[e] True at events rated at least *least*; an event without a rating is not."""
        return (self.table["rating"] >= least).fill_null(False).to_numpy()

    def last_of_pairs(self) -> Mask:
        """[e] True at each user's newest event with each item; of equal times, the last row."""
        newest_first = np.argsort(self.table["time"].to_numpy(), kind="stable")[::-1]
        pairs = self._users * len(self._item_ids) + self._items
        _, first = np.unique(pairs[newest_first], return_index=True)
        kept = np.zeros(len(pairs), dtype=bool)
        kept[newest_first[first]] = True
        return kept

    def of_some_users(self, n: int, seed: int) -> Mask:
        """[e] True at the events of *n* users drawn at random; of all, where there are no more."""
        users = np.unique(self._users)
        drawn = np.random.default_rng(seed).choice(users, min(n, len(users)), replace=False)
        return np.isin(self._users, drawn)

    def k_core(self, k: int) -> Mask:
        """[e] True at events whose user and item both keep at least *k* events."""
        kept = np.ones(len(self), dtype=bool)
        users, items, where = self._users, self._items, np.arange(len(self))
        while True:
            enough = (np.bincount(users) >= k)[users] & (np.bincount(items) >= k)[items]
            if enough.all():
                return kept
            kept[where[~enough]] = False
            users, items, where = users[enough], items[enough], where[enough]
