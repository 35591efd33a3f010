"""Items: what they are, added and described anew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from palate.serving.keys import Caller
from palate.serving.problems import Problem
from palate.serving.routes.lists import item_told
from palate.serving.routes.needs import TheService, needs
from palate.serving.schemas.base import ItemId, ItemTold
from palate.serving.schemas.events import ItemAsked, ItemState
from palate.serving.service import Service
from palate.serving.store import items as stored

router = APIRouter(tags=["items"])


@router.get("/items/{item:path}", summary="An item", dependencies=[needs("read")])
def item(service: TheService, item: ItemId) -> ItemState:
    """What is known of an item, and which runs recommend it."""
    return _state(service, item)


@router.put("/items/{item:path}", summary="Add an item, or describe it anew")
def put_item(
    service: TheService, item: ItemId, asked: ItemAsked, caller: Annotated[Caller, needs("write")]
) -> ItemState:
    """Add an item, or give it another title and attributes.

    Runs whose recommender reads items' texts recommend it at once. Others know it by what people
    do with it: for them it waits for the next update, and `waits_in` says so.
    """
    if item.endswith("/similar"):
        raise Problem(422, "an id that ends in '/similar' could not be told from an address")
    stored.put(service.store, item, asked.title, asked.attributes, caller.name)
    service.runs.item_came()
    return _state(service, item)


def _state(service: Service, item: str) -> ItemState:
    ranking = [one for one in service.runs.all() if item in one.finder.index]
    if ranking:
        told = item_told(ranking[0], ranking[0].finder.index[item])
    else:
        with service.store.reading() as connection:
            known = stored.one(connection, item)
        if known is None:
            raise Problem(404, f"no item '{item[:100]}'; GET /v1/search finds some, PUT adds one")
        told = ItemTold(item=known.item, title=known.title, attributes=dict(known.attributes))
    waits = {
        one.name: f"{one.run.method} knows items by what people do with them: it can recommend "
        "this one after palate update --from-store"
        for one in service.runs.all()
        if item not in one.finder.index
    }
    return ItemState(
        **told.model_dump(), recommended_by=[one.name for one in ranking], waits_in=waits
    )
