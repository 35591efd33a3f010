"""API keys: who may do what. Only a hash of a key is kept.

A key reads ``plt_ID_SECRET``. The secret has 256 random bits, so a plain SHA-256 of it cannot be
guessed back, and looking one up is as fast as a request wants it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Connection, insert, select, update

from palate.errors import ConfigError
from palate.serving.store import audit
from palate.serving.store.database import Store, now
from palate.serving.store.models import Key

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_KEY = re.compile(r"plt_([0-9a-f]{12})_([\w-]{43})")


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Attributes:
        name: of the key, or ``anonymous``; it stands in the audit.
        role: what it may do.
    """

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether it may do what *role* may."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True)
class Listed:
    """A key as it is listed; the secret is nowhere."""

    id: str
    name: str
    role: Role
    created: int
    revoked: int | None


def make(store: Store, name: str, role: Role, actor: str = "command line") -> str:
    """A new key; it can be read here once and never again."""
    if not name.strip():
        raise ConfigError("a key needs a name that says whose it is")
    public, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with store.writing() as connection:
        row = {"id": public, "name": name, "role": role, "digest": _digest(secret)}
        connection.execute(insert(Key).values(**row, created=now()))
        audit.write(connection, actor, "add key", f"{public} ({role}, {name})")
    return f"plt_{public}_{secret}"


def listed(store: Store) -> list[Listed]:
    """All keys, the oldest first; revoked ones too."""
    wanted = select(Key.id, Key.name, Key.role, Key.created, Key.revoked).order_by(Key.created)
    with store.reading() as connection:
        rows = connection.execute(wanted).all()
    return [Listed(r.id, r.name, r.role, r.created, r.revoked) for r in rows]


def revoke(store: Store, public: str, actor: str = "command line") -> None:
    """From now on the key opens nothing; other servers learn it within seconds.

    Raises:
        ConfigError: there is no such key.
    """
    with store.writing() as connection:
        wanted = update(Key).where(Key.id == public, Key.revoked.is_(None)).values(revoked=now())
        if not connection.execute(wanted).rowcount:
            raise ConfigError(f"no key '{public}' that is valid; list them with: palate keys ls")
        audit.write(connection, actor, "revoke key", public)


class Keys:
    """The valid keys, as last read from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, Caller]] = {}

    def refresh(self, connection: Connection) -> None:
        """Read them again."""
        wanted = select(Key.id, Key.name, Key.role, Key.digest).where(Key.revoked.is_(None))
        rows = connection.execute(wanted).all()
        self._known = {r.id: (r.digest, Caller(f"{r.name} ({r.id})", r.role)) for r in rows}

    def caller(self, header: str) -> Caller | None:
        """Who an ``Authorization`` header speaks for, None where it opens nothing.

        Raises:
            StoreError: a key that is not known yet cannot be looked up now.
        """
        scheme, _, text = header.partition(" ")
        found = _KEY.fullmatch(text.strip())
        if scheme.lower() != "bearer" or found is None:
            return None
        if found[1] not in self._known:
            with self._lock, self._store.reading() as connection:
                self.refresh(connection)
        digest, caller = self._known.get(found[1], ("", None))
        return caller if hmac.compare_digest(digest, _digest(found[2])) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
