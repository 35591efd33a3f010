"""Titles as people say them: looked up by words, and told from common words that look the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from palate.conversation.reading import ARTICLES, FUNCTION, PLAIN, Word, lexicon, phrase, words
from palate.data.titles import formed

CUES = lexicon(
    "like liked likes loved love loves enjoyed enjoy enjoys adored watched watching seen saw than "
    "not unlike except hated disliked read finished"
)
"""Words after which a title is expected."""

_BEFORE_TO = lexicon("similar close akin compared comparable related")
_ASKING = lexicon("what how")
_WISHING = lexicon("would id wed youd")  # of "I'd like", which names nothing
_LISTING = lexicon("and or nor")
_SEQUEL = re.compile(r"[2-9]|1\d|ii{1,2}|i?v|vi{1,3}|part|chapter|episode|volume|vol")
QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|(?<!\w)[‘']([^'’]+)['’](?!\w)")
_PARENTHESIS = re.compile(r"(?<=\S)\s*\(([^()]*)\)")
_LEADING_ARTICLE = re.compile(r"(?:the|an?) (?=\S)")
_ALIAS = re.compile(r"^(?:a\.?k\.?a\.? |aka )", re.IGNORECASE)


@dataclass(frozen=True)
class Mention:
    """A title in a text.

    Attributes:
        start: where it begins.
        stop: where it ends.
        items: what it names: all items of that title.
    """

    start: int
    stop: int
    items: tuple[int, ...]


class Forms:
    """All the forms under which the titles of a catalogue are found.

    As listed, in natural order, without the year, each of two names; and, where they are no
    other item's title, without the article in front and without what follows a colon. A form of
    several items names them all.

    A common word may be a title too (Heat, Big, Her, It). It names the item as it is capitalised,
    but not at the start of a sentence; in quotes; alone in its sentence; and, in any letter case,
    after a word that a title follows ("like heat"). Titles of several words are found in any
    letter case, unless all of them are words that everyone says.

    Attributes:
        short: [i] the form by which a person would name each item.
    """

    def __init__(self, titles: Sequence[str], genre_words: frozenset[str]) -> None:
        self._genre_words = genre_words
        self._phrases = [phrase(title) for title in titles]
        found: dict[str, dict[int, None]] = defaultdict(dict)
        spelled: dict[str, set[str]] = defaultdict(set)
        without_article: dict[str, dict[int, None]] = defaultdict(dict)
        heads: dict[str, dict[int, None]] = defaultdict(dict)
        self.short = short = formed(titles, "short")
        natural = formed(titles, "natural")
        for item, listed in enumerate(titles):
            for form in {listed, natural[item], short[item], *_names(natural[item])}:
                said = phrase(form)
                if not said:
                    continue
                found[said][item] = None
                if " " not in said:
                    spelled[said].add(form.strip(" .!?…"))
                if less := _without_article(said):
                    without_article[less][item] = None
                head, colon, _ = form.partition(":")
                if colon:
                    heads[phrase(head)][item] = None
                    heads[_without_article(phrase(head)) or phrase(head)][item] = None
        self._spelled = dict(spelled)
        self._items = {
            said: tuple(items)
            for table in (heads, without_article, found)  # the later, the nearer to the title
            for said, items in table.items()
            if said
        }
        self._bare = self._items.keys() - found.keys()
        self._longest: dict[str, int] = {}
        for said in self._items:
            first, count = said.partition(" ")[0], said.count(" ") + 1
            self._longest[first] = max(count, self._longest.get(first, 0))
        self._twins: dict[str, list[int]] = defaultdict(list)
        for item, said in enumerate(self._phrases):
            self._twins[said].append(item)

    def same(self, item: int) -> list[int]:
        """The items that bear an item's title, itself among them."""
        return self._twins[self._phrases[item]]

    def mentions(self, text: str, strict: bool = False) -> list[Mention]:
        """The titles that a text names, in order; where they overlap the longest is meant.

        Args:
            strict: take every word that may be a title for one, at the start of a sentence too;
                for texts in which no title must go unseen.
        """
        said = words(text)
        candidates = self._candidates(said)
        quoted = [match.span() for match in QUOTED.finditer(text)]
        shouted = text.isupper()
        taken = [False] * (len(said) + 1)
        ends: set[int] = set()  # words after which a list of titles may go on
        chosen: list[tuple[int, int, str]] = []
        while True:
            more = [
                one
                for one in candidates
                if not any(taken[one[0] : one[1]])
                and self._meant(text, said, one, quoted, ends, shouted, strict)
            ]
            if not more:
                break
            for first, last, title in more:
                if not any(taken[first:last]):
                    taken[first:last] = [True] * (last - first)
                    ends.add(last)
                    chosen.append((first, last, title))
        chosen.sort()
        return [
            Mention(said[first].start, said[last - 1].stop, self._items[title])
            for first, last, title in chosen
        ]

    def _candidates(self, said: Sequence[Word]) -> list[tuple[int, int, str]]:
        """First word, the word after the last, and the title there; the longest first."""
        found = []
        for first, word in enumerate(said):
            longest = min(self._longest.get(word.folded, 0), len(said) - first)
            title = ""
            for last in range(first + 1, first + longest + 1):
                title = f"{title} {said[last - 1].folded}".lstrip()
                if title in self._items:
                    found.append((first, last, title))
        found.sort(key=lambda one: one[0] - one[1])
        return found

    def _meant(
        self,
        text: str,
        said: Sequence[Word],
        candidate: tuple[int, int, str],
        quoted: Sequence[tuple[int, int]],
        ends: set[int],
        shouted: bool,
        strict: bool,
    ) -> bool:
        """The words are meant as a title here.

        Args:
            ends: the words after which a list of titles may go on.
            shouted: all is in capitals, which then say nothing.
        """
        first, last, title = candidate
        start, stop = said[first].start, said[last - 1].stop
        if any(a < start and stop < b and b - a - (stop - start) <= 4 for a, b in quoted):
            return True
        if _sequel(said, last):
            return False
        starts = said[first].sentence
        alone = starts and (last == len(said) or said[last].sentence)
        cued = _cued(said, first) or (first in ends and said[first].clause and not starts)
        cued = cued or (first - 1 in ends and said[first - 1].folded in _LISTING)
        capitals = not shouted and _capitalised(text, said[first:last])
        if last - first > 1:
            common = title in self._bare or all(
                one.folded in PLAIN or one.folded in self._genre_words for one in said[first:last]
            )
            if last - first == 2 and said[first].folded in ARTICLES:
                # "the car", "the others": as common as the word alone
                hidden = common or not (cued and self._complete(said, last))
                return alone or not hidden or capitals
            return not common or cued or alone or capitals
        folded, spelling = said[first].folded, text[start:stop]
        if folded.isdigit():
            return cued and said[first - 1].folded not in ("not", "than")
        lower = spelling.islower()
        exact = not shouted and not lower and spelling in self._spelled.get(title, ())
        if folded in self._genre_words:
            return exact and cued
        if folded in PLAIN:
            return folded != "i" and exact and (cued or (strict and folded not in FUNCTION))
        if alone:
            return True
        if exact and strict:
            return True
        if not lower and self._named(text, said, first, last):
            return False
        judged = last < len(said) and said[last].folded == "was" and not said[last].clause
        if exact and (judged or not starts):
            return True
        return cued and (not lower or self._complete(said, last))

    def _named(self, text: str, said: Sequence[Word], first: int, last: int) -> bool:
        """The word is part of a longer name: "Michael Bay"."""
        around = []
        if first and not said[first].clause and not said[first - 1].sentence:
            around.append(said[first - 1])
        if last < len(said) and not said[last].clause:
            around.append(said[last])
        return any(
            text[one.start].isupper()
            and one.folded not in PLAIN
            and one.folded not in self._genre_words
            for one in around
        )

    def _complete(self, said: Sequence[Word], last: int) -> bool:
        """No noun follows, of which a word in lower case would be the adjective."""
        if last == len(said) or said[last].clause:
            return True
        after = said[last].folded
        return after in PLAIN or after in self._genre_words


def _names(natural: str) -> list[str]:
    """The title without its parentheses, and what stands in them as another name of the item."""
    inside = [_ALIAS.sub("", one) for one in _PARENTHESIS.findall(natural)]
    other = [formed([one], "natural")[0] for one in inside if not one.strip().isdigit()]
    return [_PARENTHESIS.sub("", natural).strip(), *other]


def _without_article(said: str) -> str:
    """The phrase without the article in front; nothing where there is none."""
    found = _LEADING_ARTICLE.match(said)
    return said[found.end() :] if found else ""


def _sequel(said: Sequence[Word], last: int) -> bool:
    """A number follows that is no part of the title: another item is meant, which is not here."""
    if last == len(said) or said[last].clause:
        return False
    return _SEQUEL.fullmatch(said[last].folded) is not None


def _cued(said: Sequence[Word], first: int) -> bool:
    if first == 0 or said[first].sentence:
        return False
    before = said[first - 1].folded
    if before in ("the", "a", "movie", "film", "book") and first > 1:
        first -= 1
        before = said[first - 1].folded
    earlier = said[first - 2].folded if first > 1 else ""
    if before in ("to", "about"):
        return earlier in (_BEFORE_TO if before == "to" else _ASKING)
    return before in CUES and not (before == "like" and earlier in _WISHING)


def _capitalised(text: str, said: Sequence[Word]) -> bool:
    """Each word that is not a function word begins with a capital; the first one always."""
    return all(
        not text[one.start].islower()
        for place, one in enumerate(said)
        if place == 0 or one.folded not in FUNCTION
    )
