"""Titles as people write them, where catalogues sort or tell them apart by other forms.

MovieLens and IMDb lists have ``Godfather, The (1972)``. A language model has read of *The
Godfather*; given the list's form, the first thing it writes of every other film is an article.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

TitleForm = Literal["short", "natural", "listed"]
"""natural: articles in front. short: and no year at the end, where titles stay distinct without.
listed: as the catalogue has them."""

ARTICLES = "The A An Le La Les L' Un Une Il Lo I Gli El Los Las Der Die Das Den Det De Het O Os As"
_LAST_ARTICLE = re.compile(
    rf"(?P<title>[^()]+), (?P<article>{'|'.join(ARTICLES.split())})(?P<rest>(?: \(.*\))?)"
)
_YEAR = re.compile(r"(?P<title>.*\S)\s+\((?:1[89]|20)\d\d\)", re.DOTALL)


def formed(titles: Sequence[str], form: TitleForm = "short") -> list[str]:
    """The titles in a form; titles that differ as listed differ in any form."""
    if form == "listed":
        return list(titles)
    natural = _distinct(titles, [_natural(title) for title in titles])
    if form == "natural":
        return natural
    return _distinct(natural, [_without_year(title) for title in natural])


def _natural(title: str) -> str:
    found = _LAST_ARTICLE.fullmatch(title.strip())
    if not found:
        return title
    article = found["article"]
    space = "" if article.endswith("'") else " "
    return f"{article}{space}{found['title']}{found['rest']}"


def _without_year(title: str) -> str:
    found = _YEAR.fullmatch(title.strip())
    return found["title"] if found else title


def _distinct(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The new forms, but the old ones where titles that differed would become one."""
    meant: dict[str, set[str]] = {}
    for old, new in zip(before, after, strict=True):
        meant.setdefault(new.casefold(), set()).add(old)
    taken = {old.casefold() for old in before}
    return [
        new
        if len(meant[new.casefold()]) == 1 and (new == old or new.casefold() not in taken)
        else old
        for old, new in zip(before, after, strict=True)
    ]
