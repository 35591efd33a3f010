"""The store: connections, transactions, and what goes wrong with them, in one line."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from palate.errors import ConfigError, StoreError
from palate.serving.store import schema
from palate.serving.store.models import Fact

NAME = "store.sqlite"  # beside the runs
BUSY = 5.0  # seconds that a writer waits for another
CONNECT = 3  # seconds in which PostgreSQL has to answer a new connection
SALT = "salt"


def beside(folder: Path) -> str:
    """The store that belongs to a run where none is named."""
    return str(folder.resolve().parent / NAME)


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class Store:
    """Events, items, users, keys and activations, shared by all servers that open it.

    Attributes:
        salt: what ids of deleted users are hashed with.
    """

    def __init__(self, address: str, connections: int = 16) -> None:
        """Open the store, and bring its tables up to date.

        Args:
            address: ``postgresql://…``, or a path of an SQLite file, made where there is none.

        Raises:
            ConfigError: no such kind of address.
            StoreError: it cannot be opened.
        """
        self.engine = _engine(address, connections)
        self.place = self.engine.url.render_as_string(hide_password=True)
        self.sqlite = self.engine.dialect.name == "sqlite"
        # Each statement by itself: a transaction around one costs as much as the statement. (SQLite
        # needs no more than that none is begun.)
        alone = {} if self.sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reader = self.engine.execution_options(palate_reads=True, **alone)
        # Writers of one process line up here: SQLite lets one write and has the others poll.
        self._line = threading.Lock()
        with self._told("opened"):
            schema.upgrade(self.engine)
        self.salt = self._salt()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read by, each statement by itself.

        Raises:
            StoreError: the store cannot be reached.
        """
        with self._told("read"), self._reader.connect() as connection:
            yield connection

    def rows(self, statement: TextClause, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What a statement finds, for what every request asks.

        From SQLite, which is in the same process, by its driver alone: it answers in a fifth of
        the time that all else would take.

        Raises:
            StoreError: the store cannot be reached.
        """
        if not self.sqlite:
            with self.reading() as connection:
                return [tuple(row) for row in connection.execute(statement, values)]
        try:
            with self._told("read"), closing(self.engine.raw_connection()) as connection:
                return connection.cursor().execute(statement.text, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.place}: cannot be read: {_why(error)}") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: when the block ends it is on disk, or nothing of it is.

        Raises:
            StoreError: the store cannot be reached, or is full.
        """
        if self.sqlite and not self._line.acquire(timeout=BUSY):
            raise StoreError(f"{self.place}: too many writers are waiting; try again in a second")
        try:
            with self._told("written"), self.engine.connect() as plain:
                connection = plain.execution_options(palate_writes=True)
                with connection.begin():
                    yield connection
        finally:
            if self.sqlite:
                self._line.release()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(f"{self.place}: cannot be {what}: {_why(error)}") from error

    def _salt(self) -> str:
        with self.reading() as connection:
            found = connection.scalar(select(Fact.value).where(Fact.name == SALT))
        if found is not None:
            return found
        with self.writing() as connection:
            fresh = {"name": SALT, "value": secrets.token_hex(16)}
            connection.execute(self.insert(Fact).values(fresh).on_conflict_do_nothing())
            return str(connection.scalar(select(Fact.value).where(Fact.name == SALT)))

    def insert(self, table: Any) -> Any:
        """An INSERT that may say what happens on a conflict."""
        if self.sqlite:
            from sqlalchemy.dialects.sqlite import insert as sqlite

            return sqlite(table)
        from sqlalchemy.dialects.postgresql import insert as postgresql

        return postgresql(table)


def _engine(address: str, connections: int) -> Engine:
    if "://" not in address:
        path = Path(address).expanduser().resolve()
        if not path.parent.is_dir():
            raise ConfigError(f"--store {address}: there is no folder {path.parent}; make it first")
        address = f"sqlite:///{path}"
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise ConfigError(f"--store {address}: not an address of a database: {error}") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise ConfigError("--store: events in memory are lost; name a file")
        engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=connections,
            pool_timeout=BUSY,
            connect_args={"timeout": BUSY, "check_same_thread": False},
        )
        _prepare_sqlite(engine)
        return engine
    if backend != "postgresql":
        raise ConfigError(
            f"--store: {backend} is no store; give the path of an SQLite file, or postgresql://…"
        )
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise ConfigError(
            "a store in PostgreSQL needs the package psycopg: pip install 'palate[serve]'"
        ) from None
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=BUSY,
        pool_pre_ping=True,  # so that a database that was gone and is back is taken up again
        connect_args={"connect_timeout": CONNECT, "application_name": "palate"},
    )


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where it guesses
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # acknowledged means on disk

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("palate_reads"):
            # A writer takes its lock at once: one that read first could not get it without
            # starting over.
            writes = options.get("palate_writes")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _why(error: Exception) -> str:
    cause: Any = error.orig if isinstance(error, DBAPIError) and error.orig else error
    told = " ".join(str(cause).split())[:200] or type(cause).__name__
    if "disk is full" in told or "disk I/O error" in told or "No space left" in told:
        return f"{told}; free some space on its disk"
    if "not a database" in told or "malformed" in told:
        return f"{told}; move the file away or name another with --store"
    if "readonly" in told or "unable to open" in told:
        return f"{told}; are its folder and file writable?"
    return told
