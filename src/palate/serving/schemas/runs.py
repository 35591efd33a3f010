"""Runs: what they are, and which version is active."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from palate.serving.schemas.base import PRINTED, Asked, RunName, RunTold, Told

VersionName = Annotated[
    str, Field(min_length=1, max_length=200, pattern=PRINTED, examples=["ease-v2"])
]


class RunListed(RunTold):
    """A run that is served."""

    users: int
    items: int
    metrics: dict[str, float]
    """Test metrics, such as ndcg@10."""
    versions: list[str]
    """Folders that can be activated, oldest first."""
    index: str
    """exact, or hnsw with its recall at 100."""


class RunsTold(Told):
    """The runs that are served; the first is the default."""

    runs: list[RunListed]


class FacetTold(Told):
    """An attribute to filter by."""

    name: str
    values: list[tuple[str, int]]
    """Its values, most frequent first, with the number of items; the first 200."""
    min: float | None
    max: float | None


class RunDetails(RunListed):
    """A run in detail."""

    settings: dict[str, Any]
    cost: dict[str, Any]
    results: dict[str, Any]
    """``metrics.json`` as it stands."""
    attributes: list[FacetTold]
    activations: list[str]
    """Versions that the name stood for, oldest first."""
    update: dict[str, Any] | None
    """What an update says of this version beside the one before."""
    abilities: list[str]
    """What it can do beyond recommending: explain, similar, chat, meaning, new items."""


class ActivateAsked(Asked):
    """A version to swap in."""

    run: RunName | None = None
    version: VersionName
    """The folder's name, beside that of the run."""
    force: bool = False
    """Also where its update found it worse than the version before."""


class RollbackAsked(Asked):
    """Back to the version before."""

    run: RunName | None = None


class ActivatedTold(Told):
    """The version that answers from now on."""

    run: RunTold
    before: str
    """The version that answered until now."""
