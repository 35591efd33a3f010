"""Years as people say them: "the late nineties", "before 1980", "between 1990 and 1995"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIRST, LAST = 0, 9999
"""The ends of a range that is open."""

Range = tuple[int, int]
"""From a year to a year, both within."""

_SPELLED = {
    "twenties": 1920, "thirties": 1930, "forties": 1940, "fifties": 1950, "sixties": 1960,
    "seventies": 1970, "eighties": 1980, "nineties": 1990, "noughties": 2000,
}  # fmt: skip
_PARTS = {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}

_YEAR = r"(?:1[5-9]|20)\d\d"
_DECADE = (
    rf"(?:(?:early|mid|late)[\s-]+(?:the\s+)?)?['’]?"
    rf"(?:(?:1[5-9]|20)?\d0['’]?s|{'|'.join(_SPELLED)})\b"
)
_POINT = rf"(?:the\s+)?['’]?(?:{_DECADE}|{_YEAR}(?!\d))"
_OPEN = (
    r"before|until|till|up\s+to|no\s+later\s+than|not\s+later\s+than|earlier\s+than|older\s+than"
    r"|prior\s+to|pre|after|since|newer\s+than|later\s+than|(?:more|not\s+less)\s+recent\s+than"
    r"|younger\s+than|post|at\s+least|from"
)
_SPAN = re.compile(
    rf"\b(?:between\s+|from\s+)?(?P<a>{_POINT})\s*(?:and|to|until|till|through|-|–|—)\s*"
    rf"(?P<b>{_POINT})",
    re.IGNORECASE,
)
_BETWEEN = re.compile(rf"\bbetween\s+{_POINT}\s+and\s", re.IGNORECASE)
_BOUND = re.compile(
    rf"\b(?P<how>{_OPEN})[\s-]+(?P<point>{_POINT})(?P<on>\s+on(?:wards?)?\b|\s+or\s+(?:later|newer)\b)?",
    re.IGNORECASE,
)
_SINGLE = re.compile(
    rf"(?<![\w-])(?P<point>{_POINT})(?P<on>\s+on(?:wards?)?\b|\s+or\s+(?:later|newer)\b)?"
    rf"(?P<back>\s+or\s+(?:earlier|older|before)\b)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Years:
    """Years in a text.

    Attributes:
        start: where they begin.
        stop: where they end.
        range: the years; an end that is open is ``FIRST`` or ``LAST``.
    """

    start: int
    stop: int
    range: Range


def years(text: str) -> list[Years]:
    """All years that a text names, in order.

    Example:
        >>> [one.range for one in years("from the nineties, or after 2010")]
        [(1990, 1999), (2011, 9999)]
    """
    found: list[Years] = []
    for one in (*_spans(text), *_bounds(text), *_singles(text)):
        if all(one.stop <= other.start or other.stop <= one.start for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def joined(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The ranges that are meant by several named in one breath, sorted.

    Closed ones are alternatives. A lower bound and an upper bound that leave years between them
    hold together ("after 1980 and before 1990"); else they are alternatives too.
    """
    lower = [one for one in ranges if one[1] == LAST and one[0] != FIRST]
    upper = [one for one in ranges if one[0] == FIRST and one[1] != LAST]
    closed = [one for one in ranges if one not in lower and one not in upper]
    if lower and upper:
        low, high = max(lower)[0], min(upper, key=lambda one: one[1])[1]
        opens = [(low, high)] if low <= high else [*lower, *upper]
    else:
        opens = [*lower, *upper]
    return merged([*closed, *opens])


def merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The same years in as few ranges as there can be, sorted."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def told(years: Range) -> str:
    """A range in words.

    Example:
        >>> told((1990, 1999)), told((0, 1994)), told((1996, 9999)), told((1994, 1994))
        ('1990–1999', 'before 1995', 'after 1995', '1994')
    """
    low, high = years
    if low == high:
        return str(low)
    if low == FIRST:
        return f"before {high + 1}"
    if high == LAST:
        return f"after {low - 1}"
    return f"{low}–{high}"


def _spans(text: str) -> Iterator[Years]:
    for match in _SPAN.finditer(text):
        both = " and " in match[0] or match[0].endswith(" and")
        if both and not _BETWEEN.match(match[0]):
            continue  # "the eighties and nineties" are two
        a, b = _range(match["a"]), _range(match["b"])
        if a[0] <= b[1]:
            yield Years(match.start(), match.end(), (a[0], b[1]))


def _bounds(text: str) -> Iterator[Years]:
    for match in _BOUND.finditer(text):
        low, high = _range(match["point"])
        how = " ".join(match["how"].lower().split())
        if how == "from":
            found = (low, LAST if match["on"] else high)
        elif how in ("since", "at least"):
            found = (low, LAST)
        elif how in ("until", "till", "up to", "no later than", "not later than"):
            found = (FIRST, high)
        elif how in ("before", "earlier than", "older than", "prior to", "pre"):
            found = (FIRST, low - 1)
        else:
            found = (high + 1, LAST)
        yield Years(match.start(), match.end(), found)


def _singles(text: str) -> Iterator[Years]:
    for match in _SINGLE.finditer(text):
        low, high = _range(match["point"])
        if match["on"]:
            high = LAST
        elif match["back"]:
            low = FIRST
        yield Years(match.start(), match.end(), (low, high))


def _range(point: str) -> Range:
    point = point.lower().replace("’", "").replace("'", "")
    part = next((years for name, years in _PARTS.items() if point.find(name) >= 0), (0, 9))
    for name, decade in _SPELLED.items():
        if name in point:
            return decade + part[0], decade + part[1]
    digits = re.findall(r"\d+", point)[0]
    if not point.rstrip().endswith("s"):
        return int(digits), int(digits)
    decade = int(digits)
    if decade < 100:
        decade += 2000 if decade < 20 else 1900
    return decade + part[0], decade + part[1]
