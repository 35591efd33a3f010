"""Whether the server is well: health, readiness, metrics."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from palate.serving.problems import Problem
from palate.serving.routes.needs import TheService, needs
from palate.serving.schemas.base import Told

router = APIRouter(tags=["watch"])

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Health(Told):
    """The process answers."""

    status: str
    version: str


class Ready(Told):
    """Requests are answered."""

    status: str
    runs: dict[str, str]
    """Name and active version."""


@router.get("/health", summary="Is the process alive?")
async def health() -> Health:
    """Answers as long as the process can answer anything."""
    from palate import __version__

    return Health(status="ok", version=__version__)


@router.get("/ready", summary="Can it take requests?")
def ready(service: TheService) -> Ready:
    """503 while the store cannot be used; lists are made from what the runs know even then."""
    if not service.store_up:
        raise Problem(503, "the store of events cannot be used now", {"Retry-After": "5"})
    return Ready(status="ok", runs={one.name: one.version for one in service.runs.all()})


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    dependencies=[needs("read")],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(service: TheService) -> Response:
    """Requests, seconds, batches, events, and what was refused."""
    return Response(service.metrics.text(), media_type=TEXT)
