"""Items by title, by words, by meaning, and by likeness to another."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import Field

from palate.experiments.item_search import sentence
from palate.search.items.search import FoundItem
from palate.serving.engine import Engine
from palate.serving.near import by_meaning, by_words, similar
from palate.serving.people import Known
from palate.serving.problems import Problem
from palate.serving.routes.lists import item_told, known_of, run_told
from palate.serving.routes.needs import Deadline, TheService, needs
from palate.serving.schemas.base import PRINTED, ItemId, RunName, Title, UserId
from palate.serving.schemas.recommend import (
    Alike,
    FoundHow,
    FoundTold,
    Person,
    SearchTold,
    SimilarTold,
)
from palate.serving.searching import by_taste
from palate.serving.service import Service

HAD = 200  # items of a history in an address
Condition = Annotated[str, Field(min_length=1, max_length=500, pattern=PRINTED)]

router = APIRouter(tags=["search"], dependencies=[needs("read")])


@router.get("/search", summary="Search the catalogue")
def search(
    service: TheService,
    deadline: Deadline,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=200,
            pattern=PRINTED,
            description="What is typed.",
            examples=["star wa"],
        ),
    ],
    by: Annotated[
        Literal["title", "words", "meaning", "taste"],
        Query(
            description="title: titles that hold all of it, for completion while typing. words: "
            "rare words in titles and texts. meaning: by the run's language model, where it reads "
            "items. taste: by the server's search, and by what the person likes."
        ),
    ] = "title",
    run: Annotated[RunName | None, Query()] = None,
    k: Annotated[int, Query(ge=1, le=100)] = 10,
    user: Annotated[UserId | None, Query()] = None,
    had: Annotated[
        list[Title] | None,
        Query(max_length=HAD, description="In place of a user, what someone had, oldest first."),
    ] = None,
    weight: Annotated[
        float | None,
        Query(ge=0, le=1, description="Of taste; the rest is relevance.", examples=[0.4]),
    ] = None,
    filter: Annotated[
        list[Condition] | None,
        Query(
            max_length=20,
            description="Conditions on attributes; all hold.",
            examples=[["year>=1990", "genre=Drama|Comedy"]],
        ),
    ] = None,
    unseen: Annotated[bool, Query(description="Leave out what the person had.")] = False,
) -> SearchTold:
    """Items of the catalogue, the best match first; of equal ones the popular first.

    `user`, `had`, `weight`, `filter` and `unseen` are of searches by taste: relevance is mixed with
    what the run knows of the person, and whoever types a title gets that item.
    """
    engine = service.runs.get(run)
    if by == "taste":
        known, notes = _person(service, engine, user, had)
        results = by_taste(
            engine, q, known, k, filters=filter or (), weight=weight, unseen=unseen,
            deadline=deadline,
        )  # fmt: skip
        items = [_found(engine, one, results.weight) for one in results.items]
        notes += results.remarks
        return SearchTold(run=run_told(engine), query=q, by=by, items=items, notes=notes)
    if by == "title":
        found = engine.finder.search(q, k)
    elif by == "words":
        found = by_words(engine, q, k)
    else:
        found = by_meaning(engine, q, k)
    items = [FoundTold(**item_told(engine, one).model_dump()) for one in found]
    return SearchTold(run=run_told(engine), query=q, by=by, items=items, notes=[])


def _person(
    service: Service, engine: Engine, user: str | None, had: list[str] | None
) -> tuple[Known | None, list[str]]:
    """What is known of who searches, and remarks."""
    if user is not None and had:
        raise Problem(422, "for whom? give either user or had")
    if user is None and not had:
        return None, []
    return known_of(service, engine, Person(user=user, history=had or None))


def _found(engine: Engine, one: FoundItem, weight: float) -> FoundTold:
    how = FoundHow(
        score=one.score,
        relevance=one.relevance,
        taste=one.taste,
        seen=one.seen,
        named=one.named,
        why=sentence(one, weight),
    )
    return FoundTold(**item_told(engine, one.item).model_dump(), how=how)


@router.get("/items/{item:path}/similar", summary="Items like one")
def similar_items(
    service: TheService,
    deadline: Deadline,
    item: ItemId,
    run: Annotated[RunName | None, Query()] = None,
    k: Annotated[int, Query(ge=1, le=100)] = 10,
) -> SimilarTold:
    """The nearest items, by what the run knows best: its vectors, its scores, or attributes."""
    engine = service.runs.get(run)
    place = engine.finder.index.get(item)
    if place is None:
        raise Problem(404, f"{engine.name} ranks no item '{item[:100]}'; GET /v1/search finds some")
    by, scores = similar(engine, place, deadline)
    scores[place] = -np.inf
    best = np.argsort(-scores, kind="stable")[:k]
    told = [
        Alike(**item_told(engine, one).model_dump(), score=float(scores[one]))
        for one in best.tolist()
        if np.isfinite(scores[one])
    ]
    return SimilarTold(run=run_told(engine), item=item_told(engine, place), by=by, items=told)
