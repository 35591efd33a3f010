"""Events come in."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from palate.serving.keys import Caller
from palate.serving.problems import Problem
from palate.serving.routes.needs import TheService, needs, told
from palate.serving.schemas.base import PRINTED
from palate.serving.schemas.events import EventsAsked, EventsTold
from palate.serving.service import Service
from palate.serving.store import events as stored
from palate.serving.store import items
from palate.serving.store.database import now

router = APIRouter(tags=["events"])


@router.post("/events", status_code=201, summary="Say what people did", response_model=EventsTold)
def add_events(
    service: TheService,
    asked: EventsAsked,
    caller: Annotated[Caller, needs("write")],
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern=PRINTED,
            description="A name for this request. Sent again under the same name, within a day, "
            "nothing is written twice.",
            examples=["2b7e1516-28ae"],
        ),
    ] = None,
) -> Response:
    """Write events: all of them, or none. When this answers, they are on disk.

    The next list of each user heeds them. An item that neither a run nor the store knows is an
    error; add it first with `PUT /v1/items/{item}`.
    """
    _check_items(service, asked)
    came = now()
    rows = [
        stored.Happened(
            one.user,
            one.item,
            one.kind,
            one.rating,
            came if one.time is None else int(one.time * 1e6),
        )
        for one in asked.events
    ]
    key = None if idempotency_key is None else stored.digest(caller.name, idempotency_key)
    request = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    written, repeated = stored.add(service.store, rows, key, request)
    if not repeated:
        for row in rows:
            service.metrics.events.labels(row.kind).inc()
    return told(EventsTold(written=written, repeated=repeated), 201)


def _check_items(service: Service, asked: EventsAsked) -> None:
    engines = service.runs.all()
    for place, event in enumerate(asked.events):
        if any(event.item in one.finder.index or event.item in one.waiting for one in engines):
            continue
        with service.store.reading() as connection:
            known = items.one(connection, event.item)
        if known is None:
            raise Problem(
                422, f"body.events.{place}.item: no item '{event.item[:100]}'; add it with PUT "
                "/v1/items/{item} first"
            )  # fmt: skip
