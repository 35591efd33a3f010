"""The split of data to which an update came: its newest events validate and test.

Legend: u users, e events, n questions.
"""

from __future__ import annotations

import numpy as np

from palate.data.cases import Flags, Indices, Split
from palate.data.cuts import cases_at
from palate.data.dataset import Dataset
from palate.data.questions import Questions
from palate.data.split_names import SplitName
from palate.data.splits.dates import date
from palate.errors import DataError


def update(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Two dates cut the last update's events 8:1:1; before the first of them all events train.

    A user's last event of the update in a part is its target, and all before it the history.
    Events that were there before the update are never targets, whatever their time: a model
    that learned before may know them.
    """
    fresh, first, second = _dates(dataset)
    sequences, times = dataset.sequences, dataset.times
    rows = sequences.rows()
    within = np.arange(len(rows)) - sequences.offsets[rows]
    before = np.bincount(rows[times < first], minlength=len(sequences))
    train = np.flatnonzero(before)
    at = {
        part: _last(rows, within, fresh & inside, len(sequences))
        for part, inside in (
            ("validation", (times >= first) & (times < second)),
            ("test", times >= second),
        )
    }
    # A target needs something to be known about its user.
    held = {part: np.flatnonzero(last > 0) for part, last in at.items()}
    for part, users in held.items():
        if not len(users):
            raise DataError(
                f"{dataset.name}: of the update's events, none of the {part} part follows another "
                "of its user; bring a longer period"
            )
    came = int(fresh.sum())
    notes = (
        f"The last update's {came:,} events, cut 8:1:1: all before {date(first)} trains, "
        f"validation is before {date(second)}; a user's last event of the update in a part is the "
        "target and all earlier events are the history.",
    )
    cases = {part: cases_at(sequences, users, at[part][users]) for part, users in held.items()}
    return Split(
        catalogue=dataset.catalogue,
        train=cases_at(sequences, train, before[train] - 1),
        validation=cases["validation"],
        test=cases["test"],
        name=str(name),
        notes=notes,
    )


def update_questions(dataset: Dataset, seed: int = 0) -> tuple[Questions, Questions, Questions]:
    """Training, validation and test questions about the last update's events, in order of time.

    Each event that follows another of its user is one; where nobody says what they liked, it
    stands beside an item drawn at random.
    """
    fresh, first, second = _dates(dataset)
    sequences, times = dataset.sequences, dataset.times
    places = sequences.places()
    places = places[fresh[places]]
    places = places[np.argsort(times[places], kind="stable")]
    bounds = np.searchsorted(times[places], [first, second])
    n_items = len(dataset.catalogue)
    train, validation, test = (
        Questions.of_likes(sequences, part, n_items, seed) for part in np.split(places, bounds)
    )
    return train, validation, test


def _dates(dataset: Dataset) -> tuple[Flags, int, int]:
    """[e] the last update's events, and the two dates, of which each part has events."""
    fresh = dataset.of_update
    if fresh is None:
        raise DataError(
            f"{dataset.name}: no update came to these data, so there is no newest period; train "
            "with another --split, and bring later events with: palate update RUN --with FILE"
        )
    ordered = np.sort(dataset.times[fresh])
    distinct = np.unique(ordered)
    if len(distinct) < 3:
        raise DataError(
            f"{dataset.name}: the update's {len(ordered)} events have {len(distinct)} different "
            "times, and cutting them in three needs three; bring a longer period, or finer times"
        )
    # Of few times, as of days, those that are nearest and leave something in each part.
    last = len(distinct) - 1
    second = min(max(2, np.searchsorted(distinct, ordered[int(0.9 * len(ordered))])), last)
    wanted = np.searchsorted(distinct, ordered[int(0.8 * len(ordered))])
    first = min(max(1, wanted), second - 1)
    return fresh, int(distinct[first]), int(distinct[second])


def _last(rows: Indices, within: Indices, which: Flags, users: int) -> Indices:
    """[u] place in each user's sequence of the last event that is meant; -1 where none is."""
    last = np.full(users, -1)
    np.maximum.at(last, rows[which], within[which])
    return last
