"""Items by what somebody writes, mixed with what they like, as the command line finds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from palate.data.cases import Histories
from palate.search.items.search import FoundItems
from palate.serving.engine import Engine
from palate.serving.people import Known


def by_taste(
    engine: Engine,
    text: str,
    known: Known | None,
    k: int,
    *,
    filters: Sequence[str] = (),
    weight: float | None = None,
    unseen: bool = False,
    deadline: float | None = None,
) -> FoundItems:
    """The best *k* items for a query and a person.

    Args:
        known: what is known of the person; None, or no events, is relevance alone.
        filters: conditions, as ``year>=1990``.
        weight: of taste; None is the setting.
        unseen: what the person had or refused is left out.

    Raises:
        ConfigError: a filter that is no condition.
    """
    allowed = engine.conditions.mask(filters) if filters else None
    taste, seen = None, frozenset[int]()
    if known is not None:
        seen = known.gone
        if unseen and seen:
            allowed = np.ones(len(engine.catalogue), dtype=bool) if allowed is None else allowed
            allowed[list(seen)] = False
        if known.items:
            flags = None if known.liked is None else [list(known.liked)]
            taste = engine.score(Histories.of([known.items], (), flags), deadline)[0]
    return engine.search.search.search(text, taste, k=k, allowed=allowed, seen=seen, weight=weight)
