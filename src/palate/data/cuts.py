"""Cutting users' sequences at positions, with some events left out.

Legend: u users, e events, n users in question. ``known`` is [e], True at the events, in the order
of the sequences, that training and histories may hold; None lets them hold all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.data.cases import Cases, Histories, Indices

Mask = npt.NDArray[np.bool_]


def positions(sequences: Histories, known: Mask | None = None) -> Histories:
    """[u] of each user the places in ``sequences.items`` of the events that are known."""
    if known is None:
        known = np.ones(len(sequences.items), dtype=bool)
    return Histories(
        np.flatnonzero(known), known_before(sequences, known)[sequences.offsets], sequences.users
    )


def known_before(sequences: Histories, known: Mask | None) -> Indices:
    """[e + 1] how many known events, of all users, stand before each place and before the end."""
    if known is None:
        return np.arange(len(sequences.items) + 1)
    return np.concatenate([[0], np.cumsum(known)]).astype(np.int64)


def known_until(
    sequences: Histories, which: Indices, stop: Indices, known: Mask | None = None
) -> Histories:
    """[n] of each user in *which* the known events before position *stop*."""
    before, starts = known_before(sequences, known), sequences.offsets[which]
    counts = before[starts + stop] - before[starts]
    places = positions(sequences, known).spans(which, np.zeros_like(which), counts)
    liked = None if sequences.liked is None else sequences.liked[places.items]
    return Histories(sequences.items[places.items], places.offsets, places.users, liked)


def cases_at(sequences: Histories, which: Indices, at: Indices, known: Mask | None = None) -> Cases:
    """[n] cases: the event at position *at* of each user in *which*, and the known ones before."""
    places = sequences.offsets[which] + at
    liked = None if sequences.liked is None else sequences.liked[places]
    return Cases(known_until(sequences, which, at, known), sequences.items[places], liked)


def training_until(
    sequences: Histories, which: Indices, stop: Indices, known: Mask | None = None
) -> Cases:
    """Training cases of the known events before *stop*; users who have none are left out."""
    found = known_until(sequences, which, stop, known)
    found = found.take(np.flatnonzero(found.lengths))
    last = found.lengths - 1
    return cases_at(found, np.arange(len(found)), last)


def held_out(able: Indices, seed: int) -> tuple[Indices, Indices]:
    """Of the users in *able* a tenth that validates and a tenth that tests, drawn at random."""
    drawn = np.random.default_rng(seed).permutation(able)
    tenth = max(1, round(len(able) / 10))
    return np.sort(drawn[tenth : 2 * tenth]), np.sort(drawn[:tenth])
