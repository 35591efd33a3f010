"""Events: written once, whatever is sent twice, and read back by user."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import Connection, func, select

from palate.errors import ConfigError
from palate.serving.store.database import Store, now
from palate.serving.store.models import Answered, Event, User

Kind = Literal["like", "dislike", "skip", "view", "click", "buy", "rate"]
POSITIVE: frozenset[str] = frozenset({"like", "view", "click", "buy"})
"""What a history is made of; of ``rate`` the rating decides, ``skip`` only leaves the list."""


@dataclass(frozen=True)
class Happened:
    """An event.

    Attributes:
        rating: of ``rate``, on the scale of the data.
        time: microseconds since 1970.
    """

    user: str
    item: str
    kind: str
    rating: float | None
    time: int


class Since(NamedTuple):
    """An event of a known user, as histories are made from it."""

    id: int
    item: str
    kind: str
    rating: float | None


class KeyReusedError(ConfigError):
    """An idempotency key came with another request than the first time."""


def digest(*parts: str) -> str:
    """A hash of texts, none of which can run into the next."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


def add(
    store: Store, events: Sequence[Happened], key: str | None = None, request: str = ""
) -> tuple[int, bool]:
    """Write all events, or none; they are on disk when this returns.

    Args:
        key: a request with the same key is answered as before, and writes nothing.
        request: a digest of the request, by which a key that is used for two is found out.

    Returns:
        How many were written under this key, and whether that was an earlier time.

    Raises:
        KeyReusedError: the key was used for another request.
        StoreError: the store cannot be written.
    """
    came = now()
    rows = [
        {
            "user": one.user,
            "item": one.item,
            "kind": one.kind,
            "rating": one.rating,
            "time": one.time,
            "received": came,
        }
        for one in events
    ]
    with store.writing() as connection:
        if key is not None:
            before = _claimed(store, connection, key, request, len(rows), came)
            if before is not None:
                return before, True
        connection.execute(Event.__table__.insert(), rows)  # type: ignore[attr-defined]
        _meet(store, connection, sorted({one.user for one in events}), came)
    return len(rows), False


def _claimed(
    store: Store, connection: Connection, key: str, request: str, count: int, came: int
) -> int | None:
    """What was answered to this key before, or None where it is ours now."""
    row = {"key": key, "request": request, "answer": str(count), "time": came}
    claim = store.insert(Answered).values(row).on_conflict_do_nothing().returning(Answered.key)
    if connection.execute(claim).first() is not None:
        return None
    earlier = connection.execute(
        select(Answered.request, Answered.answer).where(Answered.key == key)
    ).one()
    if earlier.request != request:
        raise KeyReusedError(
            "this Idempotency-Key came with another request before; use a new key for each request"
        )
    return int(earlier.answer)


def _meet(store: Store, connection: Connection, users: Sequence[str], came: int) -> None:
    insert = store.insert(User)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["user"], set_={"last": came}),
        [{"user": user, "first": came, "last": came} for user in users],
    )


def newest(connection: Connection) -> int:
    """The highest id there is; 0 where nothing happened."""
    return int(connection.scalar(select(func.max(Event.id))) or 0)


def forget_answers(store: Store, before: int) -> None:
    """Delete idempotency keys that are older than a time in microseconds."""
    with store.writing() as connection:
        connection.execute(
            Answered.__table__.delete().where(Answered.time < before)  # type: ignore[attr-defined]
        )
