"""Users: what is known of them, exported and deleted."""

from __future__ import annotations

from typing import Any

from palate.serving.schemas.base import ItemTold, RunTold, Told


class UsersTold(Told):
    """Some users' ids."""

    users: list[str]


class UserTold(Told):
    """A user as the lists know them."""

    run: RunTold
    user: str
    known: bool
    """Whether anything is known of them."""
    history: list[ItemTold]
    """What they had, newest first."""
    refused: list[ItemTold]
    """What they disliked or skipped."""
    waiting: int
    """Events about items that this run does not rank before its next update."""
    notes: list[str]


class ExportTold(Told):
    """All that is kept about a user."""

    user: str
    store: dict[str, Any]
    """Events in the store, and when the user was first and last seen."""
    runs: dict[str, list[ItemTold]]
    """By run, the history that it was trained on, oldest first."""


class DeletedTold(Told):
    """What was deleted."""

    user: str
    events: int
    """Events that were in the store."""
    runs: dict[str, int]
    """By run, events that it was trained on: they are not used any more, and are left out of the
    data of the next update."""
    notes: list[str]
