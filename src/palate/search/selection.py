"""The best of many scores, equals in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from palate.search.postings import Array
from palate.search.results import Hit, Query, Results
from palate.search.segment import Segment


def best(scores: Array, ranks: Array, k: int, floor: float = 0.0) -> Array:
    """Places of the *k* highest scores above *floor*, highest first, equals by rank.

    Args:
        scores: [n]
        ranks: [n] the order of equals.
    """
    places = np.flatnonzero(scores > floor)
    if k < len(places):
        values = scores[places]
        least = np.partition(values, len(values) - k)[len(values) - k]
        above, equal = places[values > least], places[values == least]
        room = k - len(above)
        if room < len(equal):
            equal = equal[np.argpartition(ranks[equal], room - 1)[:room]]
        places = np.concatenate([above, equal])
    return places[np.lexsort((ranks[places], -scores[places]))]


def gathered(
    query: Query,
    parts: Iterable[tuple[Segment, Array, Array, Array | None]],
    k: int,
    stage: str,
    note: str = "",
) -> Results:
    """One list from the best of each segment.

    Args:
        parts: segments, the places of their best, their scores, and the numbers of their passages,
            -1 where the passage is the whole document.
    """
    found: list[tuple[float, str, int | None]] = []
    for segment, places, scores, passages in parts:
        numbers: Sequence[int | None] = [None] * len(places)
        if passages is not None:
            numbers = [None if number < 0 else number for number in passages.tolist()]
        found += zip(
            (-scores).tolist(), map(segment.id, places.tolist()), numbers, strict=True
        )
    found.sort(key=lambda one: one[:2])
    hits = tuple(
        Hit(document, -score, passage).found(stage, rank, -score, note)
        for rank, (score, document, passage) in enumerate(found[:k], start=1)
    )
    return Results(query, hits)
