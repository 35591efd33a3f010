"""Lists of items for people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from palate.serving.routes.lists import recommended
from palate.serving.routes.needs import Deadline, TheService, needs, told
from palate.serving.schemas.base import RunName, UserId
from palate.serving.schemas.recommend import (
    BatchAsked,
    BatchTold,
    Count,
    Diversity,
    RecommendAsked,
    RecommendTold,
    Wish,
)

router = APIRouter(tags=["recommend"], dependencies=[needs("read")])


@router.get("/recommend", summary="Recommend to a user", response_model=RecommendTold)
def recommend_to(
    service: TheService,
    deadline: Deadline,
    user: Annotated[UserId, Query()],
    run: Annotated[RunName | None, Query()] = None,
    k: Annotated[Count, Query()] = 10,
    diversity: Annotated[Diversity, Query()] = 0.0,
) -> Response:
    """The best items for a user, by what the run and the store know of them.

    Somebody of whom nothing is known gets what suits someone new, and the answer says so.
    """
    wish = Wish(user=user, k=k, diversity=diversity)
    return told(recommended(service, service.runs.get(run), [wish], deadline)[0])


@router.post(
    "/recommend",
    summary="Recommend to a user, or for a history",
    response_model=RecommendTold,
)
def recommend(service: TheService, deadline: Deadline, asked: RecommendAsked) -> Response:
    """The best items for a user or a history, with filters, exclusions and diversity."""
    return told(recommended(service, service.runs.get(asked.run), [asked], deadline)[0])


@router.post("/recommend/batch", summary="Recommend to many at once", response_model=BatchTold)
def recommend_batch(service: TheService, deadline: Deadline, asked: BatchAsked) -> Response:
    """Up to 100 lists in one request, scored together."""
    engine = service.runs.get(asked.run)
    return told(BatchTold(answers=recommended(service, engine, asked.requests, deadline)))
