"""The split that asks what a user's taste in one domain says about another.

Legend: u users, e events.
"""

from __future__ import annotations

import difflib

import numpy as np

from palate.data.cases import Cases, Indices, Split
from palate.data.cuts import Mask, held_out, known_before, known_until, training_until
from palate.data.dataset import Dataset
from palate.data.split_names import SplitName
from palate.errors import DataError


def cross_domain(dataset: Dataset, name: SplitName, seed: int = 0) -> Split:
    """Of ten users with events in both domains one validates and one tests.

    The target of such a user is the first event in the target domain that has one of the source
    domain before it; those before it are the history. Without a clock no order between domains is
    known: then it is the first event in the target domain, and the history is all there is of the
    source domain. Held-out users train with their histories alone, all others with all events.
    """
    sequences, n = dataset.sequences, dataset.sequences.lengths
    source, target = (_events_in(dataset, domain) for domain in (name.source, name.target))
    at = _first_targets(dataset, source, target)
    able = np.flatnonzero(at >= 0)
    if len(able) < 3:
        when = " after one" if dataset.has_clock else " and one"
        raise DataError(
            f"{dataset.name}: {len(able)} users have an event in '{name.target}'{when} in "
            f"'{name.source}'; {name} needs at least 3 (8:1:1): do both name users alike? "
            "palate data show counts the users that domains share"
        )
    validation, test = held_out(able, seed)
    held = np.union1d(validation, test)
    until = n.copy()  # what training and histories may reach to
    if dataset.has_clock:
        until[held] = at[held]

    def cases(which: Indices) -> Cases:
        histories = known_until(sequences, which, until[which], source)
        return Cases(histories, sequences.items[sequences.offsets[which] + at[which]])

    if dataset.has_clock:
        order = f"The first event in {name.target} after one in {name.source} is the target."
    else:
        order = (
            f"No clock orders the domains: the history is all there is in {name.source}, also what "
            f"may have come later, and the first event in {name.target} is the target."
        )
    return Split(
        catalogue=dataset.catalogue,
        train=training_until(
            sequences, np.arange(len(n)), until, source | ~np.isin(sequences.rows(), held)
        ),
        validation=cases(validation),
        test=cases(test),
        name=str(name),
        notes=(
            f"Cross-domain {name.source} to {name.target}, 8:1:1 of the {len(able)} users of both "
            f"(seed {seed}): training knows nothing of the {len(test)} tested users but their "
            f"history, which holds events in {name.source} only.",
            order,
            "Cross-domain leaks time: training users' events may be later than the tested ones.",
        ),
    )


def _events_in(dataset: Dataset, domain: str) -> Mask:
    """[e] True at the events in a domain."""
    names = dataset.catalogue.domains
    if domain not in names:
        near = difflib.get_close_matches(domain, names, n=1)
        there = f"there are: {', '.join(names)}" if names else "its items have no column 'domain'"
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise DataError(f"{dataset.name}: no domain '{domain}'; {there}{hint}")
    codes = dataset.catalogue.domain_codes[dataset.sequences.items]
    found: Mask = codes == names.index(domain)
    return found


def _first_targets(dataset: Dataset, source: Mask, target: Mask) -> Indices:
    """[u] the position of each user's target; -1 where the user has none."""
    sequences = dataset.sequences
    starts, rows = sequences.offsets[:-1], sequences.rows()
    before = known_before(sequences, source)
    if dataset.has_clock:
        able = target & (before[:-1] > before[starts][rows])
    else:
        able = target & (np.diff(before[sequences.offsets]) > 0)[rows]
    at = np.full(len(sequences), -1, dtype=np.int64)
    users, first = np.unique(rows[able], return_index=True)
    at[users] = np.flatnonzero(able)[first] - starts[users]
    return at
