"""The tables of the store. Times are microseconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = 200  # characters of a user's or an item's id, at most
Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER alone


class Base(DeclarativeBase):
    """All tables; migrations make them."""


class Event(Base):
    """Something that a user did with an item. Higher ids came later."""

    __tablename__ = "events"
    __table_args__ = (Index("events_of_user", "user", "id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    user: Mapped[str] = mapped_column(String(ID))
    item: Mapped[str] = mapped_column(String(ID))
    kind: Mapped[str] = mapped_column(String(16))
    rating: Mapped[float | None] = mapped_column(Float)
    time: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)


class User(Base):
    """Somebody of whom there are events."""

    __tablename__ = "users"
    user: Mapped[str] = mapped_column(String(ID), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class Forgotten(Base):
    """Somebody who was deleted, as a salted hash: what a run knows of them is not used either.

    ``event`` is the newest event there was: what came later is a new beginning.
    """

    __tablename__ = "forgotten"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[int] = mapped_column(BigInteger)


class Item(Base):
    """An item that was added or changed; ``attributes`` is a JSON object."""

    __tablename__ = "items"
    item: Mapped[str] = mapped_column(String(ID), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    attributes: Mapped[str] = mapped_column(Text)
    changed: Mapped[int] = mapped_column(BigInteger, index=True)


class Key(Base):
    """An API key: its public name, and the hash of what only its owner has."""

    __tablename__ = "keys"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(ID))
    role: Mapped[str] = mapped_column(String(8))
    digest: Mapped[str] = mapped_column(String(64))
    created: Mapped[int] = mapped_column(BigInteger)
    revoked: Mapped[int | None] = mapped_column(BigInteger)


class Activation(Base):
    """Which version a name stood for, from when on."""

    __tablename__ = "activations"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(ID), index=True)
    version: Mapped[str] = mapped_column(String(ID))
    time: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(ID))


class Answered(Base):
    """A request with an idempotency key, and what it was answered."""

    __tablename__ = "idempotency"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text)
    time: Mapped[int] = mapped_column(BigInteger, index=True)


class Audit(Base):
    """Who changed what about the service; users stand here as hashes."""

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    time: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(ID))
    action: Mapped[str] = mapped_column(String(32))
    about: Mapped[str] = mapped_column(Text)


class Fact(Base):
    """What the store knows of itself: its salt, and who holds which lease."""

    __tablename__ = "facts"
    name: Mapped[str] = mapped_column(String(ID), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
