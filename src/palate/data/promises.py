"""What each kind of split promises beside hiding its targets, checked without trusting the split.

Legend: u users, i items, n cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from palate.data.cases import Indices, Split
from palate.data.dataset import Dataset
from palate.data.split_names import SplitName
from palate.errors import LeakageError

Users = Mapping[str, Indices]  # of each part, [n] numbers of its users


def check_promises(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    """Check the promises of a kind of split:

    * ``user-holdout``, ``cold-users``: no user is in two parts;
    * ``cold-users:K``: every history of a held-out user has K events;
    * ``few-shot:N``: N users train;
    * ``cross-domain``: no user both validates and tests; training has no event of a held-out user
      but in the source domain; held-out histories hold the source domain, targets are in the other;
    * ``cold-items``: cold items are in no training sequence and no history, every target is one,
      none is a target of both validation and test, and no warm item is newer than a cold one;
    * ``update``: every target came with the last update.

    Raises:
        LeakageError: one of these does not hold.
    """
    if name.kind in CHECKS:
        CHECKS[name.kind](split, name, dataset, users)


def _user_holdout(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    for earlier, later in (("train", "validation"), ("train", "test"), ("validation", "test")):
        _disjoint(name, dataset, users, earlier, later)


def _disjoint(name: SplitName, dataset: Dataset, users: Users, earlier: str, later: str) -> None:
    both = np.intersect1d(users[earlier], users[later])
    if len(both):
        user = dataset.users[int(both[0])]
        raise LeakageError(f"{name}: user '{user}' is in both {earlier} and {later}")


def _cold_users(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    _user_holdout(split, name, dataset, users)
    for part, cases in (("validation", split.validation), ("test", split.test)):
        wrong = cases.histories.lengths != name.number
        if wrong.any():
            case = int(wrong.argmax())
            raise LeakageError(
                f"{name}: the {part} history of '{cases.histories.users[case]}' has "
                f"{cases.histories.lengths[case]} events"
            )


def _few_shot(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    if len(split.train) != name.number:
        raise LeakageError(f"{name}: {len(split.train)} users train")


def _cross_domain(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    _disjoint(name, dataset, users, "validation", "test")
    domains, codes = dataset.catalogue.domains, dataset.catalogue.domain_codes
    source, target = domains.index(name.source), domains.index(name.target)
    sequences = split.train.sequences()
    held = np.isin(users["train"], np.concatenate([users["validation"], users["test"]]))
    foreign = held[sequences.rows()] & (codes[sequences.items] != source)
    if foreign.any():
        event = int(foreign.argmax())
        raise LeakageError(
            f"{name}: training holds an event in '{domains[codes[sequences.items[event]]]}' of "
            f"'{sequences.users[sequences.rows()[event]]}', who is held out"
        )
    for part, cases in (("validation", split.validation), ("test", split.test)):
        if (codes[cases.histories.items] != source).any():
            raise LeakageError(f"{name}: a {part} history holds more than '{name.source}'")
        if (codes[cases.targets] != target).any():
            raise LeakageError(f"{name}: a {part} target is not in '{name.target}'")


def _cold_items(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    cold = np.zeros(split.n_items, dtype=bool)
    cold[[] if split.cold is None else split.cold] = True
    held = {
        "training": split.train.sequences().items,
        "a validation history": split.validation.histories.items,
        "a test history": split.test.histories.items,
    }
    for where, items in held.items():
        if cold[items].any():
            item = split.catalogue.items[int(items[cold[items].argmax()])]
            raise LeakageError(f"{name}: cold item '{item}' is in {where}")
    for part, cases in (("validation", split.validation), ("test", split.test)):
        if not cold[cases.targets].all():
            item = split.catalogue.items[int(cases.targets[cold[cases.targets].argmin()])]
            raise LeakageError(f"{name}: the {part} target '{item}' is not a cold item")
    both = np.intersect1d(split.validation.targets, split.test.targets)
    if len(both):
        item = split.catalogue.items[int(both[0])]
        raise LeakageError(f"{name}: '{item}' is a target of both validation and test")
    if dataset.has_clock:
        _check_newest(name, dataset, cold)


def _check_newest(name: SplitName, dataset: Dataset, cold: np.ndarray) -> None:
    first = np.full(len(cold), np.iinfo(np.int64).max)
    np.minimum.at(first, dataset.sequences.items, dataset.times)
    there = np.bincount(dataset.sequences.items, minlength=len(cold)) > 0
    newest_warm = first[there & ~cold].max(initial=np.iinfo(np.int64).min)
    oldest_cold = first[there & cold].min(initial=np.iinfo(np.int64).max)
    if newest_warm > oldest_cold:
        raise LeakageError(
            f"{name}: a warm item first appears at {newest_warm}, a cold one at {oldest_cold}"
        )


def _update(split: Split, name: SplitName, dataset: Dataset, users: Users) -> None:
    fresh = dataset.of_update
    if fresh is None:
        raise LeakageError(f"{name}: no update came to these data")
    pairs = dataset.sequences.rows() * split.n_items + dataset.sequences.items
    for part, cases in (("validation", split.validation), ("test", split.test)):
        came = np.isin(users[part] * split.n_items + cases.targets, pairs[fresh])
        if not came.all():
            user = cases.histories.users[int(came.argmin())]
            raise LeakageError(f"{name}: the {part} target of '{user}' was there before the update")


CHECKS: dict[str, Callable[[Split, SplitName, Dataset, Users], None]] = {
    "user-holdout": _user_holdout,
    "cold-users": _cold_users,
    "few-shot": _few_shot,
    "cross-domain": _cross_domain,
    "cold-items": _cold_items,
    "update": _update,
}
