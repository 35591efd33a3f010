"""The proof that a split lets no model see what it is tested on. It runs on every split."""

from __future__ import annotations

import numpy as np

from palate.data.cases import Cases, Indices, Split
from palate.data.dataset import Dataset
from palate.errors import LeakageError


def check_leakage(split: Split, dataset: Dataset) -> None:
    """Check a split against the true sequences of its users.

    Every training sequence, and every history with its target, must be how the user's true
    sequence begins; so a part is known by the number of events it reaches to. Then:

    * no training sequence reaches to a held-out target of the same user, and no validation case
      to the test target;
    * ``user-holdout``: no user is in two parts;
    * ``temporal``: every event of an earlier part is older than every target of a later one.

    Raises:
        LeakageError: one of these does not hold.
    """
    position = {user: number for number, user in enumerate(dataset.users)}
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    reach = {}
    for name, cases in parts.items():
        users = np.array([position[user] for user in cases.histories.users], dtype=np.int64)
        if len(np.unique(users)) != len(users):
            raise LeakageError(f"{split.name}: a user has two {name} cases")
        _check_prefixes(f"{split.name} {name}", cases, users, dataset)
        reach[name] = np.zeros(len(dataset.users), dtype=np.int64)
        reach[name][users] = cases.histories.lengths + 1
    for earlier, later in (("train", "validation"), ("train", "test"), ("validation", "test")):
        both = (reach[earlier] > 0) & (reach[later] > 0)
        if split.name == "user-holdout" and both.any():
            user = dataset.users[int(both.argmax())]
            raise LeakageError(f"{split.name}: user '{user}' is in both {earlier} and {later}")
        leaks = both & (reach[earlier] >= reach[later])
        if leaks.any():
            user = dataset.users[int(leaks.argmax())]
            raise LeakageError(f"{split.name}: {earlier} holds the {later} target of '{user}'")
        if split.name == "temporal":
            _check_clock(earlier, reach[earlier], later, reach[later], dataset)


def _check_prefixes(part: str, cases: Cases, users: Indices, dataset: Dataset) -> None:
    found = cases.sequences()
    too_long = found.lengths > dataset.sequences.lengths[users]
    if not too_long.any():
        true = dataset.sequences.spans(users, np.zeros_like(users), found.lengths)
        wrong = found.items != true.items
        if not wrong.any():
            return
        case = int(found.rows()[wrong.argmax()])
    else:
        case = int(too_long.argmax())
    user = dataset.users[int(users[case])]
    raise LeakageError(f"{part}: the events of '{user}' are not how the user's sequence begins")


def _check_clock(
    earlier: str, reach_earlier: Indices, later: str, reach_later: Indices, dataset: Dataset
) -> None:
    starts = dataset.sequences.offsets[:-1]
    newest = dataset.times[(starts + reach_earlier - 1)[reach_earlier > 0]].max(initial=-(2**63))
    targets = dataset.times[(starts + reach_later - 1)[reach_later > 0]]
    if len(targets) and newest >= targets.min():
        raise LeakageError(
            f"temporal: {earlier} has an event at {newest}, {later} a target at {targets.min()}"
        )
