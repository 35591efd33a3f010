"""What all schemas share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PRINTED = r"^[^\x00-\x1f\x7f]+$"  # no control characters; databases and logs take no offence


class Asked(BaseModel):
    """A request: strict, and nothing that is not known."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Told(BaseModel):
    """An answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)


UserId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=PRINTED,
        description="A user's id, as in the data, or any new one.",
        examples=["196"],
    ),
]
ItemId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=PRINTED,
        description="An item's id.",
        examples=["50"],
    ),
]
Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=PRINTED,
        description="An item by its id or its title.",
        examples=["Heat (1995)"],
    ),
]
RunName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=PRINTED,
        description="Which run answers, by the name it is served under; by default the first.",
        examples=["ease"],
    ),
]


class RunTold(Told):
    """Which run answered."""

    name: str
    """Name it is served under."""
    version: str
    """Folder of the version that is active."""
    method: str
    """Method it was trained by."""


class ItemTold(Told):
    """An item."""

    item: str
    """Its id."""
    title: str
    """Its title: text from the data, never markup."""
    attributes: dict[str, Any] = {}
    """What else the catalogue says of it, by column."""
