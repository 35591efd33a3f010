"""From requests to queries, and from what engines find to what is told."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from palate.data.attributes import Wanted
from palate.serving.engine import Engine, Query
from palate.serving.people import Known
from palate.serving.schemas.base import ItemTold, RunTold
from palate.serving.schemas.recommend import Person, Recommended, RecommendTold, Wish
from palate.serving.service import Service

LATER = "{} events about items that this run does not rank yet count from its next update on"


def run_told(engine: Engine) -> RunTold:
    """Which run answers."""
    return RunTold(name=engine.name, version=engine.version, method=engine.run.method)


def item_told(engine: Engine, item: int) -> ItemTold:
    """An item."""
    catalogue = engine.catalogue
    return ItemTold(
        item=catalogue.items[item],
        title=catalogue.titles[item],
        attributes=engine.attributes_of(item),
    )


def known_of(service: Service, engine: Engine, asked: Person) -> tuple[Known, list[str]]:
    """What is known of a person, with remarks."""
    if asked.user is None:
        return engine.told(asked.history or []), []
    known, remark = service.known(engine, asked.user)
    notes = [remark] if remark else []
    if known.later:
        notes.append(LATER.format(known.later))
    return known, notes


def query_of(engine: Engine, wish: Wish, known: Known) -> Query:
    """A wish as an engine takes it."""
    mask = None
    if wish.filters:
        mask = engine.attributes.mask(
            {
                name: Wanted(tuple(one.any), tuple(one.none), one.min, one.max)
                for name, one in wish.filters.items()
            }
        )
    return Query(
        known=known,
        k=wish.k,
        exclude=frozenset(engine.finder.find(title) for title in wish.exclude),
        mask=mask,
        diversity=wish.diversity,
        seen=not wish.exclude_seen,
    )


def recommended(
    service: Service, engine: Engine, wishes: Iterable[Wish], deadline: float | None
) -> list[RecommendTold]:
    """The lists that were wished for; all are scored together."""
    wishes = list(wishes)
    known = [known_of(service, engine, wish) for wish in wishes]
    queries = [query_of(engine, w, k) for w, (k, _) in zip(wishes, known, strict=True)]
    found = engine.recommend(queries, deadline)
    return [
        _told(engine, wish, query, list(notes), best)
        for wish, query, (_, notes), best in zip(wishes, queries, known, found, strict=True)
    ]


def _told(
    engine: Engine, wish: Wish, query: Query, notes: list[str], best: list[tuple[int, float]]
) -> RecommendTold:
    known = query.known
    if not known.gone:
        notes.append("nothing is known of this person: this is what suits someone new")
    if len(best) < wish.k:
        notes.append(f"{len(best)} items are left of those that may be shown")
    if query.mask is not None and not query.mask.any():
        notes.append("no item is what the filters want; leave one out")
    catalogue, items = engine.catalogue, []
    for rank, (item, score) in enumerate(best, 1):
        items.append(
            Recommended(
                item=catalogue.items[item],
                title=catalogue.titles[item],
                attributes=engine.attributes_of(item),
                rank=rank,
                score=float(np.float32(score)),
            )
        )
    return RecommendTold(
        run=run_told(engine),
        user=wish.user,
        known=bool(known.gone),
        history=len(known.items),
        items=items,
        notes=notes,
    )
