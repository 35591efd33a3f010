"""Lists of items for people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from palate.serving.batching import DeadlineError
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
from palate.serving.service import Service

router = APIRouter(tags=["recommend"], dependencies=[needs("read")])


@router.get("/recommend", summary="Recommend to a user", response_model=RecommendTold)
async def recommend_to(
    request: Request,
    user: Annotated[UserId, Query()],
    run: Annotated[RunName | None, Query()] = None,
    k: Annotated[Count, Query()] = 10,
    diversity: Annotated[Diversity, Query()] = 0.0,
) -> Response:
    """The best items for a user, by what the run and the store know of them.

    Somebody of whom nothing is known gets what suits someone new, and the answer says so.
    """
    wish = Wish(user=user, k=k, diversity=diversity)
    return await _one(request, run, wish)


@router.post(
    "/recommend",
    summary="Recommend to a user, or for a history",
    response_model=RecommendTold,
)
async def recommend(request: Request, asked: RecommendAsked) -> Response:
    """The best items for a user or a history, with filters, exclusions and diversity."""
    return await _one(request, asked.run, asked)


@router.post("/recommend/batch", summary="Recommend to many at once", response_model=BatchTold)
def recommend_batch(service: TheService, deadline: Deadline, asked: BatchAsked) -> Response:
    """Up to 100 lists in one request, scored together."""
    engine = service.runs.get(asked.run)
    return told(BatchTold(answers=recommended(service, engine, asked.requests, deadline)))


# What it needs is read off the request: each dependency takes longer than FastAPI's own layers.
async def _one(request: Request, run: str | None, wish: Wish) -> Response:
    """One list: here and now where that is quicker than to wake a thread, else in a thread.

    Requests that come together are for threads, where they are scored together.
    """
    service: Service = request.app.state.service
    deadline: float | None = request.scope["palate.deadline"]
    engine = service.runs.get(run)
    simple = not wish.filters and not wish.diversity
    if simple and service.active == 1 and engine.quick and service.store.sqlite:
        try:
            return told(recommended(service, engine, [wish], 0)[0])
        except DeadlineError:
            pass  # others are being scored: whoever waits for them must not keep everyone waiting
    found = await run_in_threadpool(recommended, service, engine, [wish], deadline)
    return told(found[0])
