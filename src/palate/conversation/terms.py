"""The terms of a text: titles, years, genres, numbers of items, and what points at earlier lists.

A word belongs to one term at most; titles go first, so that nothing in a title is taken for a wish.
"""

from __future__ import annotations

import re

from palate.conversation.reading import Word
from palate.conversation.scope import Kind, Term
from palate.conversation.vocabulary import Vocabulary
from palate.conversation.years import years

MOST = 50  # items that can be asked for at once
TAKEN = "\0"  # stands in the text for what a term has taken

START_OVER, ANY_YEAR, ANY_GENRE = "start_over", "any_year", "any_genre"

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "dozen": 12, "twenty": 20,
}  # fmt: skip
_ORDINALS = {
    "first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "sixth": 5, "seventh": 6,
    "eighth": 7, "ninth": 8, "tenth": 9, "last": -1,
}  # fmt: skip
_THING = "film|movie|book|novel|song|track|album|artist|band|game|product|item|title|show"
_THINGS = rf"(?:{_THING})s?|things|ones|suggestions?|recommendations?|ideas?|more|others"
_NUMBER = rf"(?:\d{{1,2}}|{'|'.join(_NUMBERS)})"
_ORDINAL = "|".join(_ORDINALS)
_END = r"(?=\s*(?:$|[,.;!?]|(?:and|or|but|please|already|instead|too)\b))"
_DOES_NOT_MATTER = r"(?:do(?:es)?\s+not|do(?:es)?n['’]?t)\s+matter\b"


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_PHRASES = {
    START_OVER: _pattern(
        r"\b(?:start|begin)\s+(?:all\s+)?(?:over|again|afresh)\b|\breset\b|\bfrom\s+scratch\b"
        r"|\bforget\s+(?:about\s+)?(?:that|it|everything|all)(?:\s+(?:that|of\s+it))?\b"
    ),
    ANY_YEAR: _pattern(
        r"\b(?:any|whatever|whichever)\s+(?:years?|decades?|(?:time\s+)?period|era)\b"
        rf"|\byears?\s+{_DOES_NOT_MATTER}"
    ),
    ANY_GENRE: _pattern(
        r"\b(?:any|whatever|whichever)\s+(?:genres?|kinds?|categor(?:y|ies))\b"
        rf"|\bgenres?\s+{_DOES_NOT_MATTER}"
    ),
}
_FEW = _pattern(rf"\bthe\s+(first|last)\s+({_NUMBER})(?:\s+ones?)?\b(?!\s+(?:years|decades))")
_NTH = _pattern(
    rf"\b(?:the\s+)?({_ORDINAL})\s+(?:ones?|{_THING})\b|\bthe\s+({_ORDINAL}){_END}"
    r"|(?:\bnumber\s*|#)(\d{1,2})\b"
)
_THAT = _pattern(
    rf"\b(?:that|this)\s+(?:one|{_THING})\b"
    r"|(?<=\bto\s)(?:that|this|it)\b|(?<=\bthan\s)(?:that|this|it)\b|(?<=\blike\s)that\b"
    rf"|(?<=\bnot\s)(?:that|this){_END}"
    r"|(?<=\b(?:seen|read)\s)(?:it|that)\b|(?<=\b(?:loved|liked|hated)\s)(?:it|that)\b"
    r"|(?<=\b(?:love|know)\s)(?:it|that)\b|(?<=\bwatched\s)(?:it|that)\b"
)
_ALL = _pattern(
    r"\b(?:all|none|any|both)\s+of\s+(?:them|those|these)\b"
    rf"|\b(?:them|those|these)(?:\s+(?:ones|(?:{_THING})s))?{_END}"
)
_ORDER = _pattern(
    r"\b(?:(older)|(newer)|more\s+recent|(earlier)(?=\s+(?:than|ones?|films?|movies?|books?)\b)"
    r"|later(?=\s+(?:than|ones?|films?|movies?|books?)\b))\b"
)
_COUNTS = (
    _pattern(
        rf"\b(?:give|show|recommend|suggest|find|list|name|top)(?:\s+me)?\s+({_NUMBER})\b"
        r"(?!\s+one\b)"
    ),
    _pattern(
        rf"\b({_NUMBER})(?:\s+(?!(?:of|or|from|hours?|minutes?|days?|years?|times?)\b)[\w'’-]+){{0,3}}?\s+(?:{_THINGS})\b"
    ),
)


class Terms:
    """What was found in a text.

    Attributes:
        free: the text with ``TAKEN`` in place of what terms have taken.
        found: the terms, in order.
    """

    def __init__(self, text: str, said: list[Word], vocabulary: Vocabulary) -> None:
        self.free = text
        self._said = said
        self._terms: list[Term] = []
        for mention in vocabulary.titles(text):
            self._take("title", mention.start, mention.stop, mention.items)
        for name, pattern in _PHRASES.items():
            for match in pattern.finditer(self.free):
                self._take("phrase", *match.span(), name)
        for year in years(self.free):
            self._take("years", year.start, year.stop, year.range)
        self._references()
        for match in _ORDER.finditer(self.free):
            self._take("order", *match.span(), "older" if match[1] or match[3] else "newer")
        self._counts()
        self._genres(vocabulary)
        self._counts_of_genres()
        self.found = sorted(self._terms, key=lambda term: term.first)

    def _take(self, kind: Kind, start: int, stop: int, value: object) -> None:
        if TAKEN in self.free[start:stop]:
            return
        inside = [i for i, one in enumerate(self._said) if start < one.stop and one.start < stop]
        if inside:
            self._terms.append(Term(kind, inside[0], inside[-1] + 1, value))
            self.free = self.free[:start] + TAKEN * (stop - start) + self.free[stop:]

    def _references(self) -> None:
        """Places in the last list; None is all of it."""
        for match in _FEW.finditer(self.free):
            count = _number(match[2])
            first = match[1].lower() == "first"
            self._take(
                "reference", *match.span(), tuple(range(count) if first else range(-count, 0))
            )
        for match in _NTH.finditer(self.free):
            word = match[1] or match[2]
            place = _ORDINALS[word.lower()] if word else int(match[3]) - 1
            if place >= -1:
                self._take("reference", *match.span(), (place,))
        for match in _THAT.finditer(self.free):
            self._take("reference", *match.span(), (0,))
        for match in _ALL.finditer(self.free):
            # "none of" is left to be read as the negation that it is.
            start = match.start() + (len("none") if match[0].lower().startswith("none") else 0)
            self._take("reference", start, match.end(), None)

    def _genres(self, vocabulary: Vocabulary) -> None:
        place = 0
        while place < len(self._said):
            for length in (3, 2, 1):
                part = self._said[place : place + length]
                held = vocabulary.genre_words.get(" ".join(one.folded for one in part))
                start, stop = part[0].start, part[-1].stop
                if held and len(part) == length and TAKEN not in self.free[start:stop]:
                    self._take("genre" if held.firm else "mood", start, stop, held)
                    place += length
                    break
            else:
                place += 1

    def _counts(self) -> None:
        for pattern in _COUNTS:
            for match in pattern.finditer(self.free):
                # "one my favourite film" counts nothing; "one film" and "one more" do.
                if match[1].lower() != "one" or len(match[0].split()) <= 2 or "more" in match[0]:
                    self._take_number(*match.span(1), match[1])

    def _counts_of_genres(self) -> None:
        """ "three comedies", "two funny westerns" """
        plural = [t.first for t in self._terms if t.kind == "genre" and t.value.plural]
        for first in plural:
            for word in self._said[max(0, first - 2) : first]:
                if re.fullmatch(_NUMBER, word.folded):
                    self._take_number(word.start, word.stop, word.folded)

    def _take_number(self, start: int, stop: int, number: str) -> None:
        if 1 <= _number(number) <= MOST:
            self._take("count", start, stop, _number(number))


def _number(word: str) -> int:
    return _NUMBERS.get(word.lower()) or int(word)
