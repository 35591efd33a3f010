"""Which version of a run its name stands for."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from palate.serving.store import audit
from palate.serving.store.database import Store, now
from palate.serving.store.models import Activation


def add(store: Store, name: str, version: str, actor: str, action: str = "activate") -> None:
    """From now on *name* stands for *version*."""
    with store.writing() as connection:
        row = {"name": name, "version": version, "time": now(), "actor": actor}
        connection.execute(insert(Activation).values(row))
        audit.write(connection, actor, action, f"{name}: {version}")


def current(connection: Connection) -> dict[str, str]:
    """The version of every name."""
    rows = connection.execute(select(Activation.name, Activation.version).order_by(Activation.id))
    return {row.name: row.version for row in rows}


def history(store: Store, name: str) -> list[str]:
    """The versions that a name stood for, oldest first."""
    wanted = select(Activation.version).where(Activation.name == name).order_by(Activation.id)
    with store.reading() as connection:
        return list(connection.scalars(wanted))
