"""The tables are brought up to date, once, whoever comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

HEAD = "0001"  # the newest migration; a test holds it against the folder
LOCK = 0x70616C617465  # of PostgreSQL, while one server upgrades
NEW = ("no such table", 'relation "alembic_version" does not exist')  # of a new database
MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.connect() as plain:
        connection = plain.execution_options(palate_writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            from alembic import command

            command.upgrade(configuration(connection), "head")


def configuration(connection: Connection | None = None) -> Any:
    """What Alembic wants to know."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _version(connection: Connection) -> str | None:
    try:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        told = str(error).lower()
        if not error.connection_invalidated and any(one in told for one in NEW):
            return None
        raise
