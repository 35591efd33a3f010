"""Items that were added or changed since the runs were trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, text

from palate.serving.store import audit
from palate.serving.store.database import Store, now
from palate.serving.store.models import Item


@dataclass(frozen=True)
class Described:
    """An item as it was described.

    Attributes:
        changed: microseconds since 1970.
    """

    item: str
    title: str
    attributes: Mapping[str, Any]
    changed: int = 0


def put(store: Store, item: str, title: str, attributes: Mapping[str, Any], actor: str) -> None:
    """Add an item, or describe it anew."""
    told = json.dumps(attributes, ensure_ascii=False, sort_keys=True)
    with store.writing() as connection:
        # Never a time that another server may have read past already: one writes at a time.
        if not store.sqlite:
            connection.execute(text("LOCK TABLE items IN EXCLUSIVE MODE"))
        last = int(connection.scalar(select(func.max(Item.changed))) or 0)
        row = {"title": title, "attributes": told, "changed": max(now(), last + 1)}
        insert = store.insert(Item).values(item=item, **row)
        connection.execute(insert.on_conflict_do_update(index_elements=["item"], set_=row))
        audit.write(connection, actor, "put item", item)


def one(connection: Connection, item: str) -> Described | None:
    """An item that was added or changed, or None."""
    row = connection.execute(
        select(Item.item, Item.title, Item.attributes).where(Item.item == item)
    ).one_or_none()
    return None if row is None else Described(row.item, row.title, json.loads(row.attributes))


def changed(connection: Connection, after: int = 0) -> list[Described]:
    """What was added or changed after a time in microseconds, oldest first."""
    wanted = select(Item.item, Item.title, Item.attributes, Item.changed)
    rows = connection.execute(wanted.where(Item.changed > after).order_by(Item.changed))
    return [Described(r.item, r.title, json.loads(r.attributes), r.changed) for r in rows]
