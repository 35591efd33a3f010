"""Conversations."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from palate.serving.schemas.base import Asked, RunName, RunTold, Title, Told, UserId

TURNS = 50
Turn = Annotated[str, Field(min_length=1, max_length=1000)]


class ChatAsked(Asked):
    """A turn of a conversation. The server keeps none: send all turns of the person each time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"turns": ["something like Heat but funnier, not from the nineties"]},
                {"user": "196", "turns": ["three westerns", "older"], "k": 3},
            ]
        }
    )
    turns: list[Turn] = Field(min_length=1, max_length=TURNS)
    """What the person said, oldest first; the last is answered."""
    run: RunName | None = None
    user: UserId | None = None
    """Who speaks, if they are known."""
    history: list[Title] | None = Field(None, max_length=1000)
    """In place of a user, ids or titles of what they had, oldest first."""
    k: int = Field(5, ge=1, le=50)
    """Items of an answer, unless the person says how many."""

    @model_validator(mode="after")
    def _one_person(self) -> ChatAsked:
        if self.user is not None and self.history is not None:
            raise ValueError("who speaks? give user or history, not both; neither is someone new")
        return self


class ChoiceTold(Told):
    """An item that is shown."""

    item: str
    title: str
    year: int | None
    genres: list[str]
    why: list[str]
    """What brought it here: facts alone."""


class LooseningTold(Told):
    """What there would be without one constraint."""

    without: str
    items: int


class ChatTold(Told):
    """The answer to the last turn."""

    run: RunTold
    text: str
    """One or two sentences that open it."""
    worded_by: str
    """The language model that wrote the text, or plain."""
    understood: list[str]
    """All that is asked for so far, for the person to check."""
    choices: list[ChoiceTold]
    remarks: list[str]
    """What could not be heeded, and why."""
    loosening: list[LooseningTold]
    """Where nothing is left, what leaving one constraint out would give."""
    untold: int
    """Items left out because what is asked for is not known of them."""
