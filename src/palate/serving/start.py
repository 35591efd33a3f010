"""What the command line asks of this room: settings that are checked, servers, keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from palate.errors import ConfigError, StoreError
from palate.serving.keys import LOOPBACK, ROLES, Role, listed, make, revoke
from palate.serving.runs import named
from palate.serving.schedule import Schedule
from palate.serving.server import serve
from palate.serving.settings import ServingConfig
from palate.serving.store import Store
from palate.serving.store.database import beside

__all__ = [
    "add_key",
    "beside",
    "list_keys",
    "named",
    "open_store",
    "revoke_key",
    "schedule",
    "serve",
    "settings",
]

RATE = 100.0  # requests a second of each caller, where other machines can reach the server


def settings(**typed: Any) -> ServingConfig:
    """Settings as they were typed; None is the default.

    Raises:
        ConfigError: one is out of range.
    """
    if typed.get("rate") is None and typed.get("host") not in (None, *LOOPBACK):
        typed["rate"] = RATE
    try:
        return ServingConfig(**{name: value for name, value in typed.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"{option}: {first['msg']}") from None


def schedule(every: str, folders: Mapping[str, Path], store: str) -> Schedule:
    """Updates so often, as ``1d``, ``12h`` or ``30m``, of every run."""
    return Schedule(every, folders, store)


def open_store(store: str) -> Store:
    """A store that is there.

    Raises:
        StoreError: there is none.
    """
    if "://" not in store and not Path(store).expanduser().exists():
        raise StoreError(f"{store}: there is no store; name the server's with --store")
    return Store(store)


def add_key(store: str, name: str, role: str) -> str:
    """Make a key."""
    if role not in get_args(Role):
        raise ConfigError(f"--role {role}: there are {', '.join(ROLES)}")
    return make(Store(store), name, role)  # type: ignore[arg-type]


def list_keys(store: str) -> list[dict[str, Any]]:
    """All keys, for people."""
    return [
        {
            "id": one.id,
            "name": one.name,
            "role": one.role,
            "made": _date(one.created),
            "revoked": _date(one.revoked),
        }
        for one in listed(open_store(store))
    ]


def revoke_key(store: str, public: str) -> None:
    """Revoke a key."""
    revoke(open_store(store), public)


def _date(time: int | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time / 1e6, UTC).strftime("%F %R")
