"""The split that asks how well items are served that training never saw.

Legend: u users, i items, e events, c cold items.
"""

from __future__ import annotations

import numpy as np

from palate.data.cases import Indices, Split
from palate.data.cuts import Mask, cases_at, known_before, training_until
from palate.data.dataset import Dataset
from palate.data.split_names import SplitName
from palate.errors import DataError


def cold_items(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """A share of the items, the newest ones, tests; as many before them validate.

    An item is as old as its first event. Where there is no clock, the items are drawn at random.
    A user's target is the last event with a cold item that has a warm one before it, and the
    history is the warm ones before it; a user who also validates does so before that. Training ends
    where a user's first target stands, and holds warm items only.
    """
    sequences, n = dataset.sequences, dataset.sequences.lengths
    validating, testing = draw_cold_items(dataset, name.share, seed)
    warm = ~np.isin(sequences.items, np.concatenate([validating, testing]))
    test_at = _last_targets(dataset, np.isin(sequences.items, testing), warm, n)
    until = np.where(test_at >= 0, test_at, n)
    validation_at = _last_targets(dataset, np.isin(sequences.items, validating), warm, until)
    test, validation = np.flatnonzero(test_at >= 0), np.flatnonzero(validation_at >= 0)
    if not len(test) or not len(validation):
        raise DataError(
            f"{dataset.name}: nobody has an event with one of the {len(testing)} cold items after "
            f"one with a warm item; take a larger share than {name} or use --split user-holdout"
        )
    until = np.where(validation_at >= 0, validation_at, until)
    train = training_until(sequences, np.arange(len(n)), until, warm)
    chosen = "by first event" if dataset.has_clock else f"drawn at random (seed {seed})"
    which = "newest items" if dataset.has_clock else "items"
    notes = [
        f"Cold items: the {len(testing)} {which} {chosen} are tested, {len(validating)} more "
        "validate; neither is in training or in a history. A user's last event with one is the "
        "target; it competes with the whole catalogue.",
        "Cold items leak time: training users' events may be later than the tested ones.",
    ]
    if len(train) < len(n):
        notes.append(f"{len(n) - len(train)} of {len(n)} users have no event that may train.")
    return Split(
        catalogue=dataset.catalogue,
        train=train,
        validation=cases_at(sequences, validation, validation_at[validation], warm),
        test=cases_at(sequences, test, test_at[test], warm),
        name=str(name),
        notes=tuple(notes),
        cold=np.sort(np.concatenate([validating, testing])),
    )


def draw_cold_items(dataset: Dataset, share: float, seed: int) -> tuple[Indices, Indices]:
    """Items that validate [c] and items that test [c], out of those with events."""
    items, where = np.unique(dataset.item_codes, return_index=True)
    count = max(1, round(share * len(items)))
    if 2 * count >= len(items):
        raise DataError(
            f"{dataset.name}: of {len(items)} items with events, {count} cannot test and {count} "
            "validate; bring more items"
        )
    if dataset.has_clock:
        first = np.full(len(dataset.catalogue), np.iinfo(np.int64).max)
        np.minimum.at(first, dataset.item_codes, dataset.interactions["time"].to_numpy())
        ordered = items[np.lexsort((where, first[items]))]  # equal times keep file order
    else:
        ordered = np.random.default_rng(seed).permutation(items)
    return ordered[-2 * count : -count], ordered[-count:]


def _last_targets(dataset: Dataset, cold: Mask, warm: Mask, until: Indices) -> Indices:
    """[u] each user's last cold event before *until* with a warm one before it; -1 without one."""
    sequences = dataset.sequences
    starts, rows = sequences.offsets[:-1], sequences.rows()
    place = np.arange(len(rows)) - starts[rows]
    before = known_before(sequences, warm)
    able = cold & (before[:-1] > before[starts][rows]) & (place < until[rows])
    at = np.full(len(sequences), -1, dtype=np.int64)
    np.maximum.at(at, rows[able], place[able])
    return at
