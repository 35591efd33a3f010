"""What a person asks for in one turn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from palate.conversation.years import Range

Group = tuple[str, ...]
"""Genres of the catalogue, one of which is meant."""

Attitude = Literal["similar", "unlike", "excluded", "seen", "loved", "than"]
"""How an item is spoken of: as what is wanted (similar) or not (unlike), as one that is not to be
shown, one that is known, one that the person loved, or one that others are older or newer than."""


@dataclass(frozen=True)
class Reference:
    """Something that was shown, pointed at: "the second one".

    Attributes:
        places: places in the last list, from 0; from the end below 0. None is all of it.
        attitude: what is said of it.
    """

    places: tuple[int, ...] | None
    attitude: Attitude


@dataclass(frozen=True)
class Relative:
    """A wish for older or newer items than others.

    Attributes:
        direction: which.
        items: than these; where there are none, than what else the turn or the talk is about.
        refused: it is the opposite that is wanted ("nothing older").
    """

    direction: Literal["older", "newer"]
    items: tuple[int, ...] = ()
    refused: bool = False


@dataclass(frozen=True)
class Request:
    """One turn, understood. Items are indices of the catalogue.

    Attributes:
        similar_to: items that what is wanted is like.
        unlike: items that it is not like.
        excluded: items that are not to be shown.
        seen: items that the person knows.
        loved: items that the person says they like.
        wanted: genres that each item must have, one of each group.
        wished: genres that are better had than not.
        unwished: genres that are better not had.
        refused: genres that no item may have.
        accepted: genres of which it is said that they may be after all.
        years: the years that are wanted; an item is of one of the ranges.
        years_refused: the years that are not.
        any_year: years do not matter any more.
        any_genre: genres do not matter any more.
        count: how many items.
        relative: older or newer than something.
        references: what was shown and is pointed at.
        words: what is left for a search in the items' texts.
        words_refused: what their texts must not hold.
        unknown: what was named like a title and is none of the catalogue's.
        more: others are asked for.
        instead: the genres take the place of those before.
        start_over: all that was asked for before is forgotten.
    """

    similar_to: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()
    loved: tuple[int, ...] = ()
    wanted: tuple[Group, ...] = ()
    wished: tuple[Group, ...] = ()
    unwished: tuple[Group, ...] = ()
    refused: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    years: tuple[Range, ...] = ()
    years_refused: tuple[Range, ...] = ()
    any_year: bool = False
    any_genre: bool = False
    count: int | None = None
    relative: tuple[Relative, ...] = ()
    references: tuple[Reference, ...] = ()
    words: tuple[str, ...] = ()
    words_refused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    more: bool = False
    instead: bool = False
    start_over: bool = False

    @property
    def says_something(self) -> bool:
        """Something was recognised, beside words that may be found in texts or not."""
        apart = {"words", "words_refused", "unknown"}
        return any(
            getattr(self, field.name) not in ((), None, False)
            for field in fields(self)
            if field.name not in apart
        )
