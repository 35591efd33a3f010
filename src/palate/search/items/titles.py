"""Queries that name an item: who types a title wants that item, whatever they like."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from palate.data.titles import formed

_WORD = re.compile(r"[^\W_]+")
_ARTICLES = {"the", "a", "an"}


class Titles:
    """The titles of a catalogue, as people type them: with or without year and article."""

    def __init__(self, titles: Sequence[str], kinds: Iterable[str] = ()) -> None:
        """
        Args:
            kinds: names of genres and the like: who types one wants any item of the kind, though
                one may have it for its title.
        """
        self._items: dict[tuple[str, ...], list[int]] = defaultdict(list)
        natural, short = formed(titles, "natural"), formed(titles, "short")
        for item, forms in enumerate(zip(titles, natural, short, strict=True)):
            for said in dict.fromkeys(map(_said, forms)):
                if said:
                    self._items[said].append(item)
        for kind in kinds:
            self._items.pop(_said(kind), None)

    def named(self, text: str) -> list[int]:
        """The items whose title this is; none where it is only a part of one."""
        return list(self._items.get(_said(formed([text], "natural")[0]), ()))


def _said(text: str) -> tuple[str, ...]:
    """The words, folded, without an article in front."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    plain = "".join(one for one in apart if not unicodedata.combining(one))
    words = _WORD.findall(plain.replace("&", " and "))
    return tuple(words[1:] if len(words) > 1 and words[0] in _ARTICLES else words)
