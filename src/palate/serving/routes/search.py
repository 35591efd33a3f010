"""Items by title, by words, by meaning, and by likeness to another."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query

from palate.serving.near import by_meaning, by_words, similar
from palate.serving.problems import Problem
from palate.serving.routes.lists import item_told, run_told
from palate.serving.routes.needs import Deadline, TheService, needs
from palate.serving.schemas.base import PRINTED, ItemId, RunName
from palate.serving.schemas.recommend import Alike, SearchTold, SimilarTold

router = APIRouter(tags=["search"], dependencies=[needs("read")])


@router.get("/search", summary="Search the catalogue")
def search(
    service: TheService,
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
        Literal["title", "words", "meaning"],
        Query(
            description="title: titles that hold all of it, for completion while typing. words: "
            "rare words in titles and texts. meaning: by the run's language model, where it reads "
            "items."
        ),
    ] = "title",
    run: Annotated[RunName | None, Query()] = None,
    k: Annotated[int, Query(ge=1, le=100)] = 10,
) -> SearchTold:
    """Items of the catalogue, the best match first; of equal ones the popular first."""
    engine = service.runs.get(run)
    if by == "title":
        found = engine.finder.search(q, k)
    elif by == "words":
        found = by_words(engine, q, k)
    else:
        found = by_meaning(engine, q, k)
    return SearchTold(
        run=run_told(engine), query=q, by=by, items=[item_told(engine, one) for one in found]
    )


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
