"""From what a person says to a :class:`.Request`: rules over the catalogue's own vocabulary.

The same text always means the same. What is not understood is left to a search in the items'
texts, and nothing that is said can be more than a wish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from palate.conversation.reading import FUNCTION, PLAIN, fold, lexicon, words
from palate.conversation.requests import Attitude, Group, Reference, Relative, Request
from palate.conversation.scope import NEGATIONS, Term, negated
from palate.conversation.terms import ANY_GENRE, ANY_YEAR, START_OVER, TAKEN, Terms
from palate.conversation.title_forms import QUOTED
from palate.conversation.vocabulary import Vocabulary
from palate.conversation.years import joined

READ = 4000  # characters of a turn that are read
KEPT = 20  # words of a turn that are searched for

_LOVED = lexicon("love loved loves enjoy enjoyed enjoys adore adored liked fan favourite favorite")
_SEEN = lexicon("seen watched saw read finished heard know knew own tried")
_UNLIKED = lexicon("like liked hate hated dislike disliked enjoy enjoyed love unlike")
_SEEING = lexicon("see watch")
_CUES = _LOVED | _SEEN | _SEEING | _UNLIKED | {"than", "to"}
_PEOPLE = lexicon("i we")
_ADVERBS = lexicon("really also do did quite just especially always so still much very")
_JOINING = lexicon("and or nor")

_GOOD = re.compile(
    r"\s+(?:was|is|were|are)\s+(?:\w+\s+)?(?:great|good|amazing|excellent|wonderful|fantastic"
    r"|brilliant|perfect|fun|(?:one\s+of\s+)?my\s+fav\w*)\b",
    re.IGNORECASE,
)
_BAD = re.compile(
    r"\s+(?:was|is|were|are)\s+(?:\w+\s+)?(?:bad|boring|awful|terrible|dull|horrible)\b",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r",?\s+(?:which\s+)?i(?:['’]ve|\s+have)?\s+(?:already\s+)?(?:seen|know|read|watched)\b(?!\s+\w)",
    re.IGNORECASE,
)
_FINE = re.compile(
    r"\s+(?:is|are|would\s+be)\s+(?:fine|ok|okay|alright|allowed|welcome)\b", re.IGNORECASE
)
_LET_IN = re.compile(
    r"(?:\b(?:not|need\s+not)|n['’]?t)\s+(?:(?:just|only|necessarily|mind|be|(?:have|need)\s+to\s+be)\s+)+"
    r"(?:an?\s+|some\s+)?$",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\b(?:more|another|others|next)\b|\b(?:anything|something|what)\s+else\b", re.IGNORECASE
)
_NAMED = re.compile(
    r"\b(?:like|similar\s+to|loved|seen|watched|enjoyed|than)\s+"
    r"([A-Z][\w'’-]*(?:\s+(?:(?:of|the|and|in|a|to)\s+)*[A-Z0-9][\w'’-]*)*)"
)


def parse(text: str, vocabulary: Vocabulary) -> Request:
    """What a text asks for.

    Args:
        text: one turn of a person; read up to ``READ`` characters.
    """
    return _Reading(text[:READ], vocabulary).request()


class _Reading:
    """One text on its way to a request."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.said = words(text)
        found = Terms(text, self.said, vocabulary)
        self.terms, self.free = found.found, found.free
        self.at = {place: term for term in self.terms for place in range(term.first, term.last)}
        self.negated = negated(self.said, self.terms)

    def request(self) -> Request:
        """The request that the terms make together."""
        items: dict[Attitude, list[int]] = {}
        references: list[Reference] = []
        for term in self._of("title", "reference"):
            for attitude in self._attitudes(term):
                if term.kind == "title":
                    items.setdefault(attitude, []).extend(term.value)
                else:
                    references.append(Reference(term.value, attitude))
        phrases = {term.value for term in self._of("phrase")}
        counts = [term.value for term in self._of("count")]
        moods = [term for term in self._of("mood") if not self.negated[term.first]]
        wished = [term for term in moods if not self._lessened(term)]
        unwished = [term for term in moods if self._lessened(term)]
        refused = [term for term in self._of("genre", "mood") if self.negated[term.first]]
        accepted = [term for term in self._firm() if self._fine(term)]
        return Request(
            similar_to=_once(items.get("similar", ())),
            unlike=_once(items.get("unlike", ())),
            excluded=_once(items.get("excluded", ())),
            seen=_once(items.get("seen", ())),
            loved=_once(items.get("loved", ())),
            wanted=self._wanted(),
            wished=_once(group for term in wished for group in term.value.groups),
            unwished=_once(group for term in unwished for group in term.value.groups),
            refused=_once(genre for term in refused for genre in term.value.groups[0]),
            accepted=_once(genre for term in accepted for genre in term.value.groups[0]),
            years=joined([t.value for t in self._of("years") if not self.negated[t.first]]),
            years_refused=_once(t.value for t in self._of("years") if self.negated[t.first]),
            any_year=ANY_YEAR in phrases,
            any_genre=ANY_GENRE in phrases,
            count=counts[-1] if counts else None,
            relative=tuple(self._relative(items.get("than", ()))),
            references=tuple(references),
            words=self._words(refused=False),
            words_refused=self._words(refused=True),
            unknown=self._unknown(),
            more=_MORE.search(self.free) is not None,
            instead=self._instead(),
            start_over=START_OVER in phrases,
        )

    def _of(self, *kinds: str) -> list[Term]:
        return [term for term in self.terms if term.kind in kinds]

    def _before(self, term: Term) -> str:
        return self.said[term.first - 1].folded if term.first else ""

    def _after(self, term: Term) -> str:
        return self.text[self.said[term.last - 1].stop :]

    # Items ------------------------------------------------------------------------------------

    def _attitudes(self, term: Term) -> Iterator[Attitude]:
        """How an item is spoken of: by the nearest word before it that tells, or what follows."""
        cue, subject = self._cue(term)
        if cue == "than" and self._ordered(term):
            yield "than"
        elif self.negated[term.first]:
            if cue in _SEEN | _SEEING:
                return  # "I have not seen it" asks nothing of it
            yield "excluded"
            if cue in _UNLIKED:
                yield "unlike"
        elif cue in _SEEN:
            yield "seen"
        elif cue in _LOVED or (cue == "like" and subject in _PEOPLE):
            yield "loved"
        elif cue == "" and _KNOWN.match(self._after(term)):
            yield "seen"
        elif cue == "" and _GOOD.match(self._after(term)):
            yield "loved"
        elif cue == "" and _BAD.match(self._after(term)):
            yield "excluded"
            yield "unlike"
        else:
            yield "similar"

    def _cue(self, term: Term) -> tuple[str, str]:
        """The nearest word before a term that tells how it is meant, and that word's subject.

        Sought to the start of the clause, or of the first of a list of terms of its kind.
        """
        place = term.first
        while place > 0:
            earlier = self.at.get(place - 1)
            listed = earlier is not None and earlier.kind == term.kind
            if self.said[place].clause and not listed:
                break
            place -= 1
            if place in self.at:
                continue
            folded = self.said[place].folded
            if folded in _CUES:
                subject = place - 1
                while subject >= 0 and self.said[subject].folded in _ADVERBS:
                    subject -= 1
                return folded, self.said[subject].folded if subject >= 0 else ""
            if self.said[place].clause and not (place and self._ends_listed(place, term)):
                break
        return "", ""

    def _ends_listed(self, place: int, term: Term) -> bool:
        """The clause that begins here goes on with a list: "Heat, and also Alien"."""
        earlier = self.at.get(place - 1)
        between = self.said[place : term.first]
        return (
            earlier is not None
            and earlier.kind == term.kind
            and all(one.folded in _JOINING | _ADVERBS for one in between)
        )

    def _ordered(self, term: Term) -> bool:
        """It is what others are to be older or newer than."""
        return any(0 < term.first - other.last <= 2 for other in self._of("order"))

    def _relative(self, than: Sequence[int]) -> Iterator[Relative]:
        for term in self._of("order"):
            follows = self.said[term.last].folded if term.last < len(self.said) else ""
            items = _once(than) if follows == "than" else ()
            yield Relative(term.value, items, self.negated[term.first])

    # Genres -----------------------------------------------------------------------------------

    def _firm(self) -> list[Term]:
        return [term for term in self._of("genre") if not self.negated[term.first]]

    def _fine(self, term: Term) -> bool:
        """It is not asked for, only let in: "westerns are fine", "it need not be a western"."""
        before = self.text[: self.said[term.first].start]
        return bool(_LET_IN.search(before) or _FINE.match(self._after(term)))

    def _lessened(self, term: Term) -> bool:
        return self._before(term) == "less"

    def _wanted(self) -> tuple[Group, ...]:
        """One of each group: "a comedy or a western" is one, "a sci-fi comedy" two."""
        groups: list[Group] = []
        before: Term | None = None
        for term in self._firm():
            if self._fine(term):
                continue
            found = term.value.groups
            if before is not None and len(found) == 1 and self._alternatives(before, term):
                groups[-1] = _once((*groups[-1], *found[0]))
            else:
                groups += found
            before = term
        return _once(groups)

    def _alternatives(self, before: Term, term: Term) -> bool:
        between = [one.folded for one in self.said[before.last : term.first]]
        joining = set(between) - {"a", "an", "some", "either", "maybe", "perhaps"}
        if joining == {"or"}:
            return True
        listed = joining <= {"and"} and (joining or self.said[term.first].clause)
        return bool(listed) and before.value.plural and term.value.plural

    def _instead(self) -> bool:
        folded = [one.folded for one in self.said]
        return any(
            one in ("instead", "rather")
            and folded[place + 1 : place + 2] not in (["of"], ["than"], ["not"])
            for place, one in enumerate(folded)
        )

    # What is left -----------------------------------------------------------------------------

    def _words(self, refused: bool) -> tuple[str, ...]:
        found = [
            one.folded
            for place, one in enumerate(self.said)
            if place not in self.at
            and self.negated[place] == refused
            and len(one.folded) > 1
            and one.folded not in PLAIN | NEGATIONS
            and not (place and self.said[place - 1].folded == "less")
        ]
        return _once(found)[:KEPT]

    def _unknown(self) -> tuple[str, ...]:
        quoted = [next(filter(None, match.groups())) for match in QUOTED.finditer(self.free)]
        named = [match[1] for match in _NAMED.finditer(self.free)]
        return _once(
            one.strip()
            for one in (*quoted, *named)
            if TAKEN not in one and any(fold(word) not in PLAIN | FUNCTION for word in one.split())
        )


def _once(values: Iterable) -> tuple:
    return tuple(dict.fromkeys(values))
