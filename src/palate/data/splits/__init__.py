"""Splits: which events train, which validate, which test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from palate.data.cases import Cases, Indices, Split
from palate.data.cuts import Mask, positions
from palate.data.dataset import Dataset
from palate.data.leakage import check_leakage, known_events
from palate.data.split_names import SplitName, parse_split
from palate.data.splits.cold_items import cold_items
from palate.data.splits.cross_domain import cross_domain
from palate.data.splits.dates import date
from palate.data.splits.few import cold_users, few_shot
from palate.data.splits.update import update
from palate.data.splits.whole import leave_one_out, temporal, user_holdout

__all__ = ["SPLITS", "date", "make_split"]

SPLITS: dict[str, Callable[[Dataset, SplitName, int], Split]] = {
    "leave-one-out": leave_one_out,
    "user-holdout": user_holdout,
    "temporal": temporal,
    "few-shot": few_shot,
    "cross-domain": cross_domain,
    "cold-items": cold_items,
    "cold-users": cold_users,
    "update": update,
}


def make_split(dataset: Dataset, how: str, seed: int = 0, test_users: int | None = None) -> Split:
    """Split *dataset* and prove that no target leaks.

    Args:
        how: a name as :func:`~palate.data.split_names.parse_split` reads it, such as
            ``leave-one-out`` or ``few-shot:64``.
        seed: of every draw: of users who are held out or train, of items that are cold, and of
            those who are tested.
        test_users: test so many of the users who could be tested; None tests all.

    Raises:
        ConfigError: *how* is not the name of a split.
        DataError: too few events, users, items or domains for this split.
        LeakageError: a model could see what it is tested on.
    """
    name = parse_split(how)
    split = SPLITS[name.kind](dataset, name, seed)
    check_leakage(split, dataset)
    if dataset.has_clock:
        times = training_times(split.train, dataset, known_events(split, dataset))
        split = replace(split, train_times=times)
    if test_users is not None and test_users < len(split.test):
        split = _fewer_tested(split, test_users, seed)
    return split


def _fewer_tested(split: Split, users: int, seed: int) -> Split:
    rows = np.random.default_rng(seed).choice(len(split.test), users, replace=False)
    note = f"{users} of {len(split.test)} users are tested, drawn at random (seed {seed})."
    return replace(split, test=split.test.take(np.sort(rows)), notes=(*split.notes, note))


def training_times(train: Cases, dataset: Dataset, known: Mask | None = None) -> Indices:
    """[e] times of the events of ``train.sequences()``, the first known ones of their users."""
    number = {user: position for position, user in enumerate(dataset.users)}
    which = np.array([number[user] for user in train.histories.users], dtype=np.int64)
    lengths = train.histories.lengths + 1
    places = positions(dataset.sequences, known).spans(which, np.zeros_like(which), lengths)
    return dataset.times[places.items]
