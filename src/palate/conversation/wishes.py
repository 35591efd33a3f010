"""All that has been asked for so far, turn after turn, and what it allows.

Legend: i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from palate.conversation.requests import Group, Request
from palate.conversation.texts import Texts
from palate.conversation.vocabulary import UNKNOWN, Mask, Vocabulary
from palate.conversation.years import Range, merged, told


@dataclass(frozen=True)
class Limit:
    """One hard constraint.

    Attributes:
        told: it, in words.
        allows: [i] the items that obey it. One of which that cannot be said does not.
        untold: [i] the items of which it cannot be said.
    """

    told: str
    allows: Mask
    untold: Mask


@dataclass(frozen=True)
class Wishes:
    """What holds of the requests so far; attributes are those of a :class:`.Request`."""

    similar_to: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()
    wanted: tuple[Group, ...] = ()
    wished: tuple[Group, ...] = ()
    unwished: tuple[Group, ...] = ()
    refused: tuple[str, ...] = ()
    years: tuple[Range, ...] = ()
    years_refused: tuple[Range, ...] = ()
    words: tuple[str, ...] = ()
    words_refused: tuple[str, ...] = ()

    def after(self, request: Request) -> Wishes:
        """These wishes once the request is made too.

        What is asked for adds up. New years take the place of the old ones, and so do new items
        that others should be like; a genre that is wanted now is no longer refused, and the other
        way round. Years likewise, where a refusal would leave nothing of what is wanted.
        """
        kept = Wishes() if request.start_over else self
        genres = kept._genres(request)
        years, years_refused = kept._years(request)
        return replace(
            genres,
            years=years,
            years_refused=years_refused,
            similar_to=request.similar_to or kept.similar_to,
            unlike=_union(kept.unlike, request.unlike),
            excluded=_union(kept.excluded, request.excluded),
            words=request.words or kept.words,
            words_refused=_union(
                [one for one in kept.words_refused if one not in request.words],
                request.words_refused,
            ),
        )

    def _genres(self, request: Request) -> Wishes:
        kept = self
        if request.any_genre:
            kept = replace(kept, wanted=(), wished=(), unwished=(), refused=())
        if request.instead and (request.wanted or request.wished):
            kept = replace(kept, wanted=(), wished=())
        lifted = {one for group in request.wanted for one in group} | set(request.accepted)
        refused = _union([one for one in kept.refused if one not in lifted], request.refused)
        asked = lifted | {one for group in request.wished for one in group}
        less = {one for group in request.unwished for one in group}
        return replace(
            kept,
            wanted=_union(_without(kept.wanted, request.refused), request.wanted),
            # What is refused stays so, though something "scary" be wished.
            wished=_without(_union(kept.wished, request.wished), {*refused, *less}),
            unwished=_union(_without(kept.unwished, asked), request.unwished),
            refused=refused,
        )

    def _years(self, request: Request) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
        years = () if request.any_year else self.years
        refused = () if request.any_year else self.years_refused
        if request.years:
            years = request.years
            refused = tuple(
                one for one in refused if not any(_within(new, one) for new in request.years)
            )
        elif request.years_refused:
            years = tuple(
                one for one in years if not any(_within(one, new) for new in request.years_refused)
            )
        return years, merged([*refused, *request.years_refused])

    def limits(self, vocabulary: Vocabulary, texts: Texts) -> list[Limit]:
        """The hard constraints, one by one."""
        found: list[Limit] = []
        years, no_year = vocabulary.years, vocabulary.years == UNKNOWN
        nowhere = np.zeros(len(vocabulary), dtype=bool)
        no_genre = ~vocabulary.has_any_genre if self.wanted or self.refused else nowhere
        for group in self.wanted:
            found.append(Limit(_either(group), vocabulary.has_genre(group), no_genre))
        for genre in self.refused:
            allows = ~vocabulary.has_genre([genre]) & ~no_genre
            found.append(Limit(f"no {genre}", allows, no_genre))
        if self.years:
            ranges = " or ".join(told(one) for one in self.years)
            found.append(Limit(ranges, _in(years, self.years) & ~no_year, no_year))
        for one in self.years_refused:
            found.append(Limit(f"not {told(one)}", ~_in(years, [one]) & ~no_year, no_year))
        for word in self.words_refused:
            if texts.knows(word):
                found.append(Limit(f"no “{word}”", ~texts.holding(word), nowhere))
        return found

    def told(self, vocabulary: Vocabulary, texts: Texts) -> list[str]:
        """The wishes in words, for the person to see and correct."""
        titles = vocabulary.catalogue.titles

        def named(items: Sequence[int]) -> str:
            return ", ".join(dict.fromkeys(titles[item] for item in items))

        lines = [f"like {named(self.similar_to)}"] if self.similar_to else []
        lines += [f"{_either(group)} wished" for group in self.wished]
        lines += [f"less {_either(group)}" for group in self.unwished]
        lines += [limit.told for limit in self.limits(vocabulary, texts)]
        found = [word for word in self.words if texts.heeds(word)]
        lines += [f"about “{' '.join(found)}”"] if found else []
        lines += [f"unlike {named(self.unlike)}"] if self.unlike else []
        apart = [item for item in self.excluded if item not in self.unlike]
        return lines + ([f"not {named(apart)}"] if apart else [])


def _union(old: Sequence, new: Sequence) -> tuple:
    return tuple(dict.fromkeys([*old, *new]))


def _without(groups: Sequence[Group], genres: Sequence[str] | set[str]) -> tuple[Group, ...]:
    left = [tuple(one for one in group if one not in genres) for group in groups]
    return tuple(group for group in left if group)


def _within(inner: Range, outer: Range) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _in(years: np.ndarray, ranges: Sequence[Range]) -> Mask:
    found = np.zeros(len(years), dtype=bool)
    for low, high in ranges:
        found |= (years >= low) & (years <= high)
    return found


def _either(group: Group) -> str:
    return " or ".join(group)
