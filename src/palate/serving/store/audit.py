"""The record of who changed what about the service."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from palate.serving.store.database import Store, now
from palate.serving.store.models import Audit


def write(connection: Connection, actor: str, action: str, about: str) -> None:
    """Add a line, in the transaction of what it tells of."""
    row = {"time": now(), "actor": actor, "action": action, "about": about}
    connection.execute(insert(Audit).values(row))


def read(store: Store, limit: int = 100) -> list[tuple[int, str, str, str]]:
    """Time, actor, action and what it was about; the newest first."""
    columns = (Audit.time, Audit.actor, Audit.action, Audit.about)
    wanted = select(*columns).order_by(Audit.id.desc()).limit(limit)
    with store.reading() as connection:
        return [(r.time, r.actor, r.action, r.about) for r in connection.execute(wanted)]
