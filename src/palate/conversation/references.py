"""What points at something: "the second one" and "older" become items and years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from palate.conversation.requests import Attitude, Relative, Request
from palate.conversation.vocabulary import Vocabulary
from palate.conversation.years import FIRST, LAST, Range, joined


def resolved(
    request: Request, shown: Sequence[int], similar_to: Sequence[int], vocabulary: Vocabulary
) -> tuple[Request, list[str]]:
    """The request with what it points at put in its place, and what could not be found.

    Args:
        shown: the last list that was shown.
        similar_to: the examples that the talk is about so far.
    """
    remarks: list[str] = []
    items: dict[Attitude, list[int]] = {}
    for one in request.references:
        count = len(shown)
        places = range(count) if one.places is None else one.places
        there = [place for place in places if -count <= place < count]
        if not there:
            remarks.append(_missing(one.places, count))
        items.setdefault(one.attitude, []).extend(shown[place] for place in there)
    request = replace(
        request,
        similar_to=(*request.similar_to, *items.get("similar", ())),
        unlike=(*request.unlike, *items.get("unlike", ())),
        excluded=(*request.excluded, *items.get("excluded", ())),
        seen=(*request.seen, *items.get("seen", ())),
        loved=(*request.loved, *items.get("loved", ())),
    )
    wanted, refused = list(request.years), list(request.years_refused)
    for relative in request.relative:
        about = relative.items or items.get("than") or request.similar_to or shown or similar_to
        years = _range(relative, about, vocabulary)
        if years is None:
            remarks.append(f"{relative.direction} than what? Name an item whose year is known")
        else:
            (refused if relative.refused else wanted).append(years)
    return replace(request, years=joined(wanted), years_refused=tuple(refused)), remarks


def _range(relative: Relative, about: Sequence[int], vocabulary: Vocabulary) -> Range | None:
    """Older or newer than the items; than the middle one, where there are several."""
    years = sorted(year for item in about if (year := vocabulary.year_of(item)) is not None)
    if not years:
        return None
    middle = years[(len(years) - 1) // 2]
    return (FIRST, middle - 1) if relative.direction == "older" else (middle + 1, LAST)


def _missing(places: tuple[int, ...] | None, count: int) -> str:
    if not count or places is None:
        return "there is no list yet to point at"
    return f"the last list has no number {places[0] + 1}: it has {count}"
