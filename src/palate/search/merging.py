"""When segments are merged: seldom enough to write fast, often enough to read fast."""

from __future__ import annotations

import math
from collections.abc import Sequence

FACTOR = 8  # so many segments of one size become one of the next


def choose(documents: Sequence[int], dead: Sequence[int], everything: bool = False) -> slice | None:
    """Which neighbouring segments to merge next; None if none.

    Sizes go in steps of :data:`FACTOR`, and the newest segments that are no larger than a step
    are merged when there are so many (the logarithmic method, Bentley and Saxe 1980). A segment
    of which half is deleted is written anew.

    Args:
        documents: in each segment, oldest first; deleted ones too.
        dead: how many of them are deleted.
        everything: merge all, unless that would change nothing.
    """
    if everything:
        return slice(0, len(documents)) if len(documents) > 1 or any(dead) else None
    for place, (count, gone) in enumerate(zip(documents, dead, strict=True)):
        if 2 * gone > count:
            return slice(place, place + 1)
    levels = [int(math.log(max(count, 1), FACTOR)) for count in documents]
    for level in sorted(set(levels)):
        start = len(levels)
        while start and levels[start - 1] <= level:
            start -= 1
        if len(levels) - start >= FACTOR:
            return slice(start, len(levels))
    return None
