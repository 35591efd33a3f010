"""Recommendations, similar items, search and explanations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from palate.serving.schemas.base import Asked, ItemTold, RunName, RunTold, Title, Told, UserId

MOST = 1000  # items of a list
HISTORY = 10_000  # items of a history that is sent
BATCH = 100  # lists in one request

Count = Annotated[int, Field(ge=1, le=MOST, description="How many items.", examples=[10])]
Column = Annotated[str, Field(min_length=1, max_length=100)]
Value = Annotated[str, Field(min_length=1, max_length=500)]
Diversity = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="0 goes by score alone; the nearer to 1, the more the items differ from each "
        "other.",
        examples=[0.3],
    ),
]


class Filter(Asked):
    """What an attribute has to be; all that is given has to hold."""

    any: list[Value] = Field([], max_length=100, examples=[["Comedy", "Drama"]])
    """One of these values, in any letter case."""
    none: list[Value] = Field([], max_length=100, examples=[["Horror"]])
    """None of these values."""
    min: float | None = Field(None, allow_inf_nan=False, examples=[1990])
    """A number at least so high."""
    max: float | None = Field(None, allow_inf_nan=False, examples=[1999])
    """A number at most so high."""


class Person(Asked):
    """For whom: a user, or a history."""

    user: UserId | None = None
    """A user: what the run and the store know of them counts."""
    history: list[Title] | None = Field(
        None, max_length=HISTORY, examples=[["Toy Story (1995)", "Heat (1995)"]]
    )
    """In place of a user, ids or titles of what someone had, oldest first; may be empty."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Person:
        if (self.user is None) == (self.history is None):
            raise ValueError("for whom? give either user or history")
        return self


class Wish(Person):
    """A list that is wanted."""

    k: Count = 10
    filters: dict[Column, Filter] = Field(
        {}, max_length=20, examples=[{"genres": {"any": ["Comedy"]}, "release_year": {"min": 1990}}]
    )
    """By attribute, what items have to be; ``GET /v1/runs/{name}`` lists the attributes."""
    exclude: list[Title] = Field([], max_length=HISTORY, examples=[["Fargo (1996)"]])
    """Ids or titles of items that are not to be shown."""
    diversity: Diversity = 0.0
    exclude_seen: bool = True
    """Leave out what is in the history."""


class RecommendAsked(Wish):
    """A list for one person."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user": "196", "k": 5},
                {
                    "history": ["Toy Story (1995)", "Heat (1995)"],
                    "k": 5,
                    "filters": {"genres": {"any": ["Comedy"], "none": ["Horror"]}},
                    "diversity": 0.3,
                },
            ]
        }
    )
    run: RunName | None = None


class BatchAsked(Asked):
    """Lists for several people in one go."""

    run: RunName | None = None
    requests: list[Wish] = Field(min_length=1, max_length=BATCH)
    """One list for each."""


class Recommended(ItemTold):
    """A line of a list."""

    rank: int
    """1 is best."""
    score: float
    """The model's; higher is better, and comparable within one list only."""


class RecommendTold(Told):
    """A list, best first."""

    run: RunTold
    user: str | None
    """For whom, if it was a user."""
    known: bool
    """False where nothing is known of the person: then it is what suits someone new."""
    history: int
    """Events that the list was made from."""
    items: list[Recommended]
    """Fewer than were asked for where the catalogue has no more to offer."""
    notes: list[str]
    """What a person should know about this answer."""


class BatchTold(Told):
    """Lists in the order of the requests."""

    answers: list[RecommendTold]


class Alike(ItemTold):
    """An item near another."""

    score: float
    """How near; comparable within one list only."""


class SimilarTold(Told):
    """Items near one."""

    run: RunTold
    item: ItemTold
    by: Literal["vectors", "scores", "attributes"]
    """What nearness is of: the model's vectors, its scores after the item alone, or attributes."""
    items: list[Alike]


class FoundHow(Told):
    """Why a search by taste shows an item where it does."""

    score: float
    """What it was ordered by; comparable within one list only."""
    relevance: float
    """Of 0 to 1, within what was found."""
    taste: float | None
    """The share of what was found that the person likes less, of 0 to 1; null where that is not
    known."""
    seen: bool
    """The person had it, or refused it."""
    named: bool
    """The query is its title."""
    why: str
    """The same in words."""


class FoundTold(ItemTold):
    """An item that was found."""

    how: FoundHow | None = None
    """Of a search by taste."""


class SearchTold(Told):
    """Items that were found."""

    run: RunTold
    query: str
    by: Literal["title", "words", "meaning", "taste"]
    items: list[FoundTold]
    notes: list[str]
    """What a person should know about this answer."""


class ExplainAsked(Person):
    """Why items are recommended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user": "196"},
                {"history": ["Toy Story (1995)"], "items": ["Heat (1995)"]},
            ]
        }
    )
    run: RunName | None = None
    items: list[Title] = Field([], max_length=50)
    """Ids or titles of the items to explain; none is the first recommendation."""
    most: int = Field(10, ge=1, le=100)
    """Influences to tell of each."""


class InfluenceTold(ItemTold):
    """What an item of the history does to the item that is explained."""

    events: int
    """How often it is in the history."""
    change: float
    """Score with it less score without it: above 0 it speaks for the item."""
    rank_without: int
    """Rank of the explained item without it."""


class ExplanationTold(ItemTold):
    """An item's place, and what drives it. Every number is exact: the list was made anew
    without each item of the history in turn."""

    rank: int
    candidates: int
    """Items that compete."""
    score: float
    reason: str
    """The same in words."""
    influences: list[InfluenceTold]
    """The greatest change first."""


class ExplainTold(Told):
    """Explanations in the order that was asked for."""

    run: RunTold
    items: list[ExplanationTold]
    notes: list[str]
