"""Users: who they are, all that is kept about one, and deleting it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, text

from palate.data import forgotten
from palate.serving.store import audit
from palate.serving.store.database import Store, now
from palate.serving.store.events import Since, newest
from palate.serving.store.models import Event, Forgotten, User


def forgotten_digest(store: Store, user: str) -> str:
    """What a deleted user is remembered by."""
    return forgotten.digest(store.salt, user)


# As text: every list asks it, and building it takes longer than answering it.
_KNOWN = text(
    'SELECT id, item, kind, rating FROM events WHERE "user" = :one '
    "UNION ALL SELECT -1, '', '', NULL FROM forgotten WHERE digest = :digest ORDER BY 1"
)


def known(store: Store, user: str) -> tuple[list[Since], bool]:
    """A user's events, oldest first, and whether they asked that runs forget them."""
    values = {"one": user, "digest": forgotten_digest(store, user)}
    rows = store.rows(_KNOWN, values)
    forgotten = bool(rows) and rows[0][0] == -1
    return [Since(*row) for row in rows[forgotten:]], forgotten


def all_forgotten(connection: Connection) -> frozenset[str]:
    """The digests of all who asked."""
    return frozenset(connection.scalars(select(Forgotten.digest)))


def listed(store: Store, prefix: str, limit: int) -> list[str]:
    """Users with events in the store whose ids begin so, in order."""
    wanted = select(User.user).order_by(User.user).limit(limit)
    if prefix:
        wanted = wanted.where(func.substr(User.user, 1, len(prefix)) == prefix)
    with store.reading() as connection:
        return list(connection.scalars(wanted))


def exported(store: Store, user: str) -> dict[str, Any]:
    """All that the store keeps about a user."""
    columns = (Event.id, Event.item, Event.kind, Event.rating, Event.time, Event.received)
    wanted = select(*columns).where(Event.user == user).order_by(Event.id)
    with store.reading() as connection:
        found = connection.execute(wanted).all()
        known = connection.execute(
            select(User.first, User.last).where(User.user == user)
        ).one_or_none()
    return {
        "first_seen": known and known.first / 1e6,
        "last_seen": known and known.last / 1e6,
        "events": [
            {
                "item": row.item,
                "kind": row.kind,
                "rating": row.rating,
                "time": row.time / 1e6,
                "received": row.received / 1e6,
            }
            for row in found
        ],
    }


@dataclass(frozen=True)
class Deleted:
    """What a deletion took away.

    Attributes:
        events: of the store.
        known: the user had been known to the store.
    """

    events: int
    known: bool


def deleted(store: Store, user: str, actor: str) -> Deleted:
    """Delete all about a user, and remember as a hash that runs are not to use what they know."""
    mark = forgotten_digest(store, user)
    with store.writing() as connection:
        row = {"digest": mark, "time": now(), "event": newest(connection)}
        insert = store.insert(Forgotten).values(row)
        again = {"time": row["time"], "event": row["event"]}
        connection.execute(insert.on_conflict_do_update(index_elements=["digest"], set_=again))
        events = connection.execute(delete(Event).where(Event.user == user)).rowcount
        known = connection.execute(delete(User).where(User.user == user)).rowcount
        audit.write(connection, actor, "delete user", mark)
    return Deleted(events, bool(known))
