"""The proof that a split lets no model see what it is tested on. It runs on every split.

Legend: u users, i items, e events in the order of the sequences, n cases.
"""

from __future__ import annotations

import numpy as np

from palate.data.cases import Cases, Indices, Split
from palate.data.cuts import Mask, known_before, positions
from palate.data.dataset import Dataset
from palate.data.promises import check_promises
from palate.data.split_names import parse_split
from palate.errors import LeakageError

EARLIER_LATER = (("train", "validation"), ("train", "test"), ("validation", "test"))


def check_leakage(split: Split, dataset: Dataset) -> None:
    """Check a split against the true sequences of its users.

    First the promises of its kind, see :func:`~palate.data.promises.check_promises`. Then, of the
    events that training and histories may hold (see :func:`known_events`; in most splits all):
    every training sequence, and every history, must be how the user's true sequence of them
    begins, and every target a true event that follows. So a part is known by the number of events
    it reaches to, and:

    * no training sequence reaches to a held-out target of the same user, and no validation case
      to the test target;
    * ``temporal``, ``update``: every event of an earlier part is older than every target of a
      later one.

    Raises:
        LeakageError: one of these does not hold.
    """
    name = parse_split(split.name)
    position = {user: number for number, user in enumerate(dataset.users)}
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    users = {}
    for part, cases in parts.items():
        which = np.array([position[user] for user in cases.histories.users], dtype=np.int64)
        if len(np.unique(which)) != len(which):
            raise LeakageError(f"{split.name}: a user has two {part} cases")
        users[part] = which
    check_promises(split, name, dataset, users)
    known = known_events(split, dataset)
    unordered = name.kind == "cross-domain" and not dataset.has_clock
    reach = {}
    for part, cases in parts.items():
        told = f"{split.name} {part}"
        reach[part] = np.zeros(len(dataset.users), dtype=np.int64)
        if part == "train":
            found = _reach_of_training(told, cases, users[part], dataset, known)
        else:
            found = _reach_of_cases(told, cases, users[part], dataset, known, unordered)
        reach[part][users[part]] = found
    for earlier, later in EARLIER_LATER:
        both = (reach[earlier] > 0) & (reach[later] > 0)
        leaks = both & (reach[earlier] >= reach[later])
        if leaks.any() and not unordered:  # then promises alone keep the parts of a user apart
            user = dataset.users[int(leaks.argmax())]
            raise LeakageError(f"{split.name}: {earlier} holds the {later} target of '{user}'")
        if name.kind in ("temporal", "update"):
            _check_clock(name.kind, earlier, reach[earlier], later, reach[later], dataset)


def known_events(split: Split, dataset: Dataset) -> Mask | None:
    """[e] True at the events that training and histories may hold; None for all.

    ``cold-items``: those with warm items. ``cross-domain``: of users who are held out those in the
    source domain, of the others all.
    """
    name, sequences = parse_split(split.name), dataset.sequences
    if name.kind == "cold-items" and split.cold is not None:
        return ~np.isin(sequences.items, split.cold)
    if name.kind == "cross-domain":
        number = {user: position for position, user in enumerate(dataset.users)}
        held = [*split.validation.histories.users, *split.test.histories.users]
        free = np.ones(len(sequences), dtype=bool)
        free[[number[user] for user in held]] = False
        codes = dataset.catalogue.domain_codes[sequences.items]
        return free[sequences.rows()] | (codes == dataset.catalogue.domains.index(name.source))
    return None


def _reach_of_training(
    part: str, cases: Cases, users: Indices, dataset: Dataset, known: Mask | None
) -> Indices:
    """[n] position after the last event of each training sequence, which must be a true one."""
    found = cases.sequences()
    places = _first_known(part, found.items, found.lengths, users, dataset, known)
    last = places[np.cumsum(found.lengths) - 1]
    reach: Indices = last - dataset.sequences.offsets[users] + 1
    return reach


def _reach_of_cases(
    part: str,
    cases: Cases,
    users: Indices,
    dataset: Dataset,
    known: Mask | None,
    unordered: bool,
) -> Indices:
    """[n] position after each target, which must follow the history as an event of the user.

    Where several events could be the target, all with the same item, it is the last of them in
    the test and the first in the validation.
    """
    sequences, lengths = dataset.sequences, cases.histories.lengths
    _first_known(part, cases.histories.items, lengths, users, dataset, known)
    every = positions(sequences).spans(users, np.zeros_like(users), sequences.lengths[users])
    rows = every.rows()
    before = known_before(sequences, known)
    done = before[every.items] - before[sequences.offsets[users]][rows]
    fits = sequences.items[every.items] == cases.targets[rows]
    fits &= unordered | (done == lengths[rows])
    at = every.items[fits] - sequences.offsets[users][rows[fits]]
    reach = np.zeros(len(users), dtype=np.int64)
    if part.endswith("test"):
        np.maximum.at(reach, rows[fits], at + 1)
    else:
        reach[rows[fits][::-1]] = at[::-1] + 1
    if not reach.all():
        raise _not_true(part, dataset, users, int(reach.argmin()))
    return reach


def _first_known(
    part: str,
    items: Indices,
    lengths: Indices,
    users: Indices,
    dataset: Dataset,
    known: Mask | None,
) -> Indices:
    """The places of the first known events of each user, so many, which must be of *items*."""
    true = positions(dataset.sequences, known)
    too_long = lengths > true.lengths[users]
    if too_long.any():
        raise _not_true(part, dataset, users, int(too_long.argmax()))
    places = true.spans(users, np.zeros_like(users), lengths)
    wrong = dataset.sequences.items[places.items] != items
    if wrong.any():
        raise _not_true(part, dataset, users, int(places.rows()[wrong.argmax()]))
    return places.items


def _not_true(part: str, dataset: Dataset, users: Indices, case: int) -> LeakageError:
    user = dataset.users[int(users[case])]
    return LeakageError(f"{part}: the events of '{user}' are not how the user's sequence begins")


def _check_clock(
    kind: str,
    earlier: str,
    reach_earlier: Indices,
    later: str,
    reach_later: Indices,
    dataset: Dataset,
) -> None:
    starts = dataset.sequences.offsets[:-1]
    newest = dataset.times[(starts + reach_earlier - 1)[reach_earlier > 0]].max(initial=-(2**63))
    targets = dataset.times[(starts + reach_later - 1)[reach_later > 0]]
    if len(targets) and newest >= targets.min():
        raise LeakageError(
            f"{kind}: {earlier} has an event at {newest}, {later} a target at {targets.min()}"
        )
