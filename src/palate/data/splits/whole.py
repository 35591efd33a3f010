"""The splits that look at all users alike: leave-one-out, user hold-out, global temporal.

Legend: u users, e events. A user's sequence is cut at positions: a case takes the event at a
position as its target and all events before it as its history.
"""

from __future__ import annotations

import numpy as np

from palate.data.cases import Split
from palate.data.cuts import cases_at, held_out
from palate.data.dataset import Dataset
from palate.data.split_names import SplitName
from palate.data.splits.dates import date
from palate.errors import DataError


def leave_one_out(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Each user's last event tests, the one before validates, the others train."""
    sequences = dataset.sequences
    n = sequences.lengths
    enough = np.flatnonzero(n >= 3)
    if not len(enough):
        raise DataError(
            f"{dataset.name}: no user has 3 events, so leave-one-out has nobody to test (the user "
            f"with most, '{dataset.users[int(n.argmax())]}', has {n.max()}); use --split temporal "
            "or bring more events"
        )
    notes = [
        "Leave-one-out leaks time: a model may train on events that happened after those it is "
        "tested on, so compare methods with it and do not read it as a forecast."
    ]
    if len(enough) < len(n):
        notes.append(
            f"{len(n) - len(enough)} of {len(n)} users have fewer than 3 events: all their events "
            "train, none is tested."
        )
    return Split(
        catalogue=dataset.catalogue,
        train=cases_at(sequences, np.arange(len(n)), np.where(n >= 3, n - 3, n - 1)),
        validation=cases_at(sequences, enough, n[enough] - 2),
        test=cases_at(sequences, enough, n[enough] - 1),
        name=str(name),
        notes=tuple(notes),
    )


def user_holdout(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Of ten users one validates and one tests, by their last event; eight train whole."""
    sequences = dataset.sequences
    n = sequences.lengths
    able = np.flatnonzero(n >= 2)
    if len(able) < 3:
        raise DataError(
            f"{dataset.name}: {len(able)} users have 2 events, user-holdout needs at least 3 such "
            "users (8:1:1); bring more users or use --split leave-one-out"
        )
    validation, test = held_out(able, seed)
    train = np.setdiff1d(np.arange(len(n)), np.concatenate([validation, test]))
    notes = [
        f"User hold-out 8:1:1 (seed {seed}): the {len(test)} tested users are unknown to "
        "training; the last event of each is the target and those before it the history.",
        "User hold-out leaks time: training users' events may be later than the tested ones.",
    ]
    if len(able) < len(n):
        notes.append(f"{len(n) - len(able)} users have a single event: they only train.")
    return Split(
        catalogue=dataset.catalogue,
        train=cases_at(sequences, train, n[train] - 1),
        validation=cases_at(sequences, validation, n[validation] - 1),
        test=cases_at(sequences, test, n[test] - 1),
        name=str(name),
        notes=tuple(notes),
    )


def temporal(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Two dates cut all events 8:1:1; a user's last event in a period is its target."""
    if not dataset.has_clock:
        raise DataError(
            f"{dataset.name}: the events have an order but no times, so no date can cut them; "
            "use --split leave-one-out or user-holdout"
        )
    sequences, times = dataset.sequences, dataset.times
    ordered = np.sort(times)
    first, second = ordered[int(0.8 * len(ordered))], ordered[int(0.9 * len(ordered))]
    if not ordered[0] < first < second:
        raise DataError(
            f"{dataset.name}: times from {ordered[0]} to {ordered[-1]} pile up so that they cannot "
            "be cut 8:1:1; use --split leave-one-out"
        )
    rows = sequences.rows()
    users = len(sequences)
    before_first = np.bincount(rows[times < first], minlength=users)
    before_second = np.bincount(rows[times < second], minlength=users)
    n = sequences.lengths
    train = np.flatnonzero(before_first)
    # A target needs something to be known about its user.
    validation = np.flatnonzero((before_second > before_first) & (before_second > 1))
    test = np.flatnonzero((n > before_second) & (n > 1))
    if not len(validation) or not len(test):
        raise DataError(
            f"{dataset.name}: nobody has an earlier event and one in both of the last two periods; "
            "use --split leave-one-out"
        )
    reached = before_first.copy()
    reached[validation] = before_second[validation]
    reached[test] = n[test]
    notes = [
        f"Global temporal split: training ends before {date(first)}, validation before "
        f"{date(second)}; a user's last event in a period is the target and all earlier "
        "events are the history."
    ]
    if reached.sum() < n.sum():
        notes.append(
            f"{int(n.sum() - reached.sum())} events are the first of users who appear after "
            "training ends: they have no history and are not tested."
        )
    return Split(
        catalogue=dataset.catalogue,
        train=cases_at(sequences, train, before_first[train] - 1),
        validation=cases_at(sequences, validation, before_second[validation] - 1),
        test=cases_at(sequences, test, n[test] - 1),
        name=str(name),
        notes=tuple(notes),
    )
