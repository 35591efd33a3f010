"""Events and items that come in."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from palate.serving.schemas.base import Asked, ItemId, ItemTold, Told, UserId
from palate.serving.store.events import Kind

MOST = 1000  # events in one request
YEAR_3000 = 32_503_680_000


class EventAsked(Asked):
    """Something that a user did with an item."""

    user: UserId
    item: ItemId
    kind: Kind = Field(examples=["like"])
    """like, view, click and buy join the history; dislike and skip take the item off the list;
    rate does the one or the other, by its rating."""
    rating: float | None = Field(None, ge=-1000, le=1000, allow_inf_nan=False, examples=[4])
    """Of rate, on the scale of the data."""
    time: float | None = Field(
        None, ge=0, le=YEAR_3000, allow_inf_nan=False, examples=[1767225600.0]
    )
    """When, in seconds since 1970; by default now."""

    @model_validator(mode="after")
    def _rated(self) -> EventAsked:
        if (self.kind == "rate") != (self.rating is not None):
            raise ValueError("a rating belongs to kind rate, and to no other")
        return self


class EventsAsked(Asked):
    """Events, all of which are written, or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"events": [{"user": "196", "item": "50", "kind": "like"}]}]
        }
    )
    events: list[EventAsked] = Field(min_length=1, max_length=MOST)


class EventsTold(Told):
    """They are on disk."""

    written: int
    """How many."""
    repeated: bool
    """This Idempotency-Key was answered before: nothing was written again."""


Text = Annotated[str, Field(max_length=20_000)]
Plain = str | float | int | bool | list[Text]


class ItemAsked(Asked):
    """An item that is added, or described anew."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "The Return of the King (2003)",
                    "attributes": {"genres": ["Adventure", "Fantasy"], "release_year": "2003"},
                }
            ]
        }
    )
    title: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")
    """Its title."""
    attributes: dict[Annotated[str, Field(min_length=1, max_length=100)], Plain] = Field(
        {}, max_length=50
    )
    """What else is to be said of it, by column of the catalogue; what no column is for is kept."""


class ItemState(ItemTold):
    """An item, and which runs recommend it."""

    recommended_by: list[str]
    """Runs that have it in their lists now."""
    waits_in: dict[str, str]
    """Runs that do not, and why."""
