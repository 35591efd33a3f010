"""Splits where little is known: few users to train on, or few events of a new user."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from palate.data.cases import Split
from palate.data.cuts import cases_at, held_out
from palate.data.dataset import Dataset
from palate.data.split_names import SplitName
from palate.data.splits.whole import leave_one_out
from palate.errors import DataError


def few_shot(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Leave-one-out, of which only N users' training sequences train.

    They are drawn among the users with two training events or more: one event has no next one to
    learn from.
    """
    whole = leave_one_out(dataset, name, seed)
    able = np.flatnonzero(whole.train.histories.lengths >= 1)
    if len(able) < name.number:
        raise DataError(
            f"{dataset.name}: {len(able)} users have two training events (4 in all, or 2 if they "
            f"are not tested), so few-shot:{name.number} cannot draw {name.number}; use "
            f"--split few-shot:{max(1, len(able))} or less"
        )
    drawn = np.sort(np.random.default_rng(seed).choice(able, name.number, replace=False))
    train = whole.train.take(drawn)
    note = (
        f"Few-shot: {name.number} of {len(able)} users train, drawn at random (seed {seed}), with "
        f"{len(train.sequences().items)} events; all {len(whole.test)} users validate and test as "
        "in leave-one-out."
    )
    leaks = whole.notes[0]  # the other notes count users who train, and here they do not
    return replace(whole, train=train, notes=(note, leaks))


def cold_users(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Of ten users one validates and one tests, by their first K events and the one after."""
    sequences, k = dataset.sequences, name.number
    n = sequences.lengths
    able = np.flatnonzero(n > k)
    if len(able) < 3:
        raise DataError(
            f"{dataset.name}: {len(able)} users have {k + 1} events, cold-users:{k} needs at least "
            "3 such users (8:1:1); take a smaller K or bring more events"
        )
    validation, test = held_out(able, seed)
    train = np.setdiff1d(np.arange(len(n)), np.concatenate([validation, test]))
    events = "event" if k == 1 else f"{k} events"
    notes = [
        f"Cold users 8:1:1 (seed {seed}): the {len(test)} tested users are unknown to training; "
        f"the first {events} of each are the history and the next one is the target.",
        "Cold users leak time: training users' events may be later than the tested ones.",
    ]
    if len(able) < len(n):
        notes.append(f"{len(n) - len(able)} users have {k} events or fewer: they only train.")
    return Split(
        catalogue=dataset.catalogue,
        train=cases_at(sequences, train, n[train] - 1),
        validation=cases_at(sequences, validation, np.full_like(validation, k)),
        test=cases_at(sequences, test, np.full_like(test, k)),
        name=str(name),
        notes=tuple(notes),
    )
