"""How far a "not" reaches, in a text whose terms are known.

A negation reaches to the end of its clause. It goes on over "or" and "nor" where a term follows,
over "and" where a bare term of the same kind does, and over the commas of a list ("no comedies,
westerns or horror").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from palate.conversation.reading import Word, lexicon

Kind = Literal["title", "years", "genre", "mood", "reference", "count", "order", "phrase"]
"""What a term is; genre and mood differ as nouns and adjectives do."""

NEGATIONS = lexicon(
    "not no never nothing none neither nor without except excluding exclude avoid skip minus hate "
    "hated hates dislike disliked dont doesnt didnt wont cant cannot couldnt wouldnt isnt arent "
    "wasnt havent hasnt hadnt non unlike drop remove"
)
_LIST_NEGATIONS = lexicon("no without except excluding exclude avoid neither skip not")
_PHRASES = (
    ("anything", "but"), ("everything", "but"), ("all", "but"), ("other", "than"),
    ("apart", "from"), ("instead", "of"), ("rather", "than"), ("different", "from"),
    ("tired", "of"), ("sick", "of"), ("enough", "of"), ("leave", "out"), ("far", "from"),
    ("anything", "except"), ("fed", "up", "with"),
)  # fmt: skip
_NEUTRAL = lexicon(
    "only just sure mind care matter know necessarily problem worries thanks idea doubt hate "
    "dislike matter"
)
_NOTS = lexicon("not no dont doesnt never wouldnt didnt isnt")
_ALWAYS_BREAK = lexicon("but though although however please i we because im id")
_BREAKS = lexicon("give show suggest recommend prefer instead rather maybe perhaps")
"""These end it only once it has reached something: "don't show me westerns"."""
_JOINING = lexicon("or nor and")
_LEADING = lexicon("a an any anything the from of in")  # may stand between "or" and its term
_COMPARED = {"rather": lexicon("than"), "prefer": lexicon("to over than")}
_POLITE = lexicon("thanks thank way please")


@dataclass(frozen=True)
class Term:
    """Words of a text that say something together.

    Attributes:
        kind: what.
        first: position of the first word.
        last: position after the last word.
        value: what it says; the kind decides the type.
    """

    kind: Kind
    first: int
    last: int
    value: Any


def negated(said: Sequence[Word], terms: Sequence[Term]) -> list[bool]:
    """For each word, whether a negation reaches it."""
    at = {place: term for term in terms for place in range(term.first, term.last)}
    flags = [False] * len(said)
    place = 0
    while place < len(said):
        length = _negation(said, place) if place not in at else 0
        if not length:
            place += 1
            continue
        stop = _reach(said, at, place, place + length)
        flags[place:stop] = [True] * (stop - place)
        place = max(stop, place + length)
    for term in terms:
        if _refused_after(said, term):
            flags[term.first : term.last] = [True] * (term.last - term.first)
    return flags


def _refused_after(said: Sequence[Word], term: Term) -> bool:
    """ "horror-free", "horror? no thanks" """
    if term.last == len(said):
        return False
    after, rest = said[term.last], said[term.last + 1 :]
    if after.folded == "free":
        return after.start - said[term.last - 1].stop == 1
    ends = not rest or rest[0].clause or rest[0].folded in _POLITE
    return after.folded == "no" and after.clause and ends


def _negation(said: Sequence[Word], place: int) -> int:
    """Number of words of the negation that begins here; 0 where none does."""
    folded = [one.folded for one in said[place : place + 3]]
    for phrase in _PHRASES:
        if tuple(folded[: len(phrase)]) == phrase and not any(
            one.clause for one in said[place + 1 : place + len(phrase)]
        ):
            return len(phrase)
    if _is_compared(said, place):
        return 1
    if folded[0] not in NEGATIONS or folded[:2] == ["nothing", "but"]:
        return 0
    before = said[place - 1].folded if place and not said[place].clause else ""
    if before in ("why", "need") or (before in _NOTS and folded[0] in _NEUTRAL):
        return 0
    if folded[0] in _NOTS:
        following = [one.folded for one in said[place + 1 : place + 3] if not one.clause]
        if following == ["care", "for"]:
            return 3
        if following[:1] and following[0] in _NEUTRAL:
            return 0
        if "mind" in following or following in (["have", "to"], ["need", "to"]):
            return 0
    return 1


def _is_compared(said: Sequence[Word], place: int) -> bool:
    """What follows is what something else is preferred to: "rather a comedy than a western"."""
    for earlier in range(place - 1, -1, -1):
        if said[earlier + 1].clause:
            return False
        if said[place].folded in _COMPARED.get(said[earlier].folded, ()):
            return earlier + 1 < place
    return False


def _reach(said: Sequence[Word], at: dict[int, Term], start: int, place: int) -> int:
    """The word before which the negation that begins at *start* ends."""
    last: Term | None = None
    listing = said[start].folded in _LIST_NEGATIONS
    while place < len(said):
        term = at.get(place)
        folded = said[place].folded
        inside = term is not None and term.first < place
        if inside:
            place += 1
            continue
        if said[place].clause and not (
            last is not None and listing and _goes_on(said, at, place, last)
        ):
            return place
        if term is not None:
            last, place = term, term.last
            continue
        ends = folded in _BREAKS or folded in NEGATIONS or folded == "for"
        if folded in _ALWAYS_BREAK or (ends and last is not None):
            return place
        if folded in _JOINING and last is not None and not _joins(said, at, place, last):
            return place
        place += 1
    return place


def _joins(said: Sequence[Word], at: dict[int, Term], place: int, last: Term) -> bool:
    """After this "or", "nor" or "and" a term follows that is refused with the one before it."""
    bare = said[place].folded == "and"
    place += 1
    if bare and place < len(said) and said[place].folded in ("any", "anything"):
        bare = False  # which only a negation is followed by
    while not bare and place < len(said) and place not in at:
        if said[place].folded not in _LEADING or said[place].clause:
            return False
        place += 1
    following = at.get(place)
    if following is None or said[place].clause:
        return False
    return not bare or following.kind == last.kind


def _goes_on(said: Sequence[Word], at: dict[int, Term], place: int, last: Term) -> bool:
    """After this comma, the list of terms of one kind goes on, up to an "or", "nor" or "and"."""
    while place < len(said):
        joined = said[place].folded in _JOINING
        term = at.get(place + joined)
        if term is None or term.kind != last.kind or term.first != place + joined:
            return False
        if joined:
            return True
        place = term.last
        if place < len(said) and not said[place].clause and said[place].folded not in _JOINING:
            return False
    return False
