"""Does a passage say what a sentence says?

The verifier is lexical: a sentence is supported by up to three neighbouring sentences of a passage
that hold its telling terms, nearly all and nearly in its order, with every number and every name,
and with as many negations. Where an encoder is at hand, the two must also be near. It errs on the
side of no: what is said in other words is not recognised, and antonyms are not understood where
they are the one word that differs among many. A model that entails better can take its place
(:class:`Verifier` is all that is asked of it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from palate.config import Config
from palate.evaluation.ranking import Values
from palate.search.answers.words import Words, sentences

WINDOW = 3  # sentences of a passage that may support one together
_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*(?:\s?%)?")
_NAME = re.compile(r"\b[A-Z][\w'’-]*")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot|fails? to|failed to|lacks?|"
    r"lacked|absence of|unable to)\b|n['’]t\b",
    re.IGNORECASE,
)
Near = Callable[[str, Sequence[str]], Values]
"""A text and n others -> [n] cosines."""


class VerifierConfig(Config):
    """Settings of the verifier."""

    contained: float = Field(0.85, ge=0, le=1)
    """Least share of the sentence's terms, by how telling they are, that must be there."""
    ordered: float = Field(0.7, ge=0, le=1)
    """Least share of those in the same order."""
    near: float = Field(0.5, ge=-1, le=1)
    """Least cosine of sentence and passage, where an encoder is at hand."""


@dataclass(frozen=True)
class Support:
    """Whether a sentence is supported.

    Attributes:
        share: of its terms that are there, in the best place.
        why: what is missing; empty where nothing is.
    """

    supported: bool
    share: float
    why: str = ""


class Verifier(Protocol):
    """Says whether texts support a sentence."""

    def support(self, sentence: str, passages: Sequence[str]) -> Support:
        """Whether the passages, taken together, say what the sentence says."""
        ...


class LexicalVerifier:
    """By terms, numbers, names, negations and order."""

    def __init__(
        self, words: Words, config: VerifierConfig | None = None, near: Near | None = None
    ) -> None:
        self._words, self._near = words, near
        self.config = config or VerifierConfig()

    def support(self, sentence: str, passages: Sequence[str]) -> Support:
        """Supported by a place in one passage, or by the best places of all of them together."""
        best = Support(False, -1.0, "no passage")
        places = []
        for passage in passages:
            window, found = self._best(sentence, passage)
            if found.supported:
                return found
            places.append(window)
            best = max(best, found, key=lambda one: one.share)
        if len(passages) > 1:
            together = self._judged(sentence, " ".join(places), ordered=False)
            best = max(best, together, key=lambda one: (one.supported, one.share))
        return best

    def _best(self, sentence: str, passage: str) -> tuple[str, Support]:
        """The place that supports it, or else the one that comes nearest."""
        parts = sentences(passage)
        best, where = Support(False, -1.0, "an empty passage"), ""
        for size in range(1, WINDOW + 1):
            for start in range(max(1, len(parts) - size + 1)):
                window = " ".join(parts[start : start + size])
                found = self._judged(sentence, window)
                if (found.supported, found.share) > (best.supported, best.share):
                    best, where = found, window
            if best.supported:
                break
        return where, best

    def _judged(self, sentence: str, place: str, ordered: bool = True) -> Support:
        wanted = self._words.terms(sentence)
        if not wanted:
            return Support(False, 0.0, "the sentence says nothing")
        there = self._words.terms(place)
        share = self._words.covered(list(dict.fromkeys(wanted)), place)
        if missing := numbers(sentence) - numbers(place):
            return Support(False, share, f"the number {min(missing)}")
        if missing := names(sentence) - {word.lower() for word in re.findall(r"[\w'’-]+", place)}:
            return Support(False, share, f"the name {min(missing)}")
        if share < self.config.contained:
            return Support(False, share, "words that are not there")
        # A place may hold a negation of something else: the sentence of it that is meant decides.
        own = max(sentences(place), key=lambda one: self._words.covered(wanted, one))
        if _negated(sentence) != _negated(own):
            return Support(False, share, "a negation")
        if ordered and in_order(wanted, there) < self.config.ordered:
            return Support(False, share, "another order")
        if self._near is not None and float(self._near(sentence, [place])[0]) < self.config.near:
            return Support(False, share, "another meaning")
        return Support(True, share)


def _negated(text: str) -> bool:
    return len(_NEGATION.findall(text)) % 2 == 1


def numbers(text: str) -> set[str]:
    """The numbers of a text, written alike."""
    return {
        one.replace(",", "").replace("−", "-").replace(" ", "") for one in _NUMBER.findall(text)
    }


def names(text: str) -> set[str]:
    """Capitalised words but the first, in lower case; an article before does not hide a name."""
    found = _NAME.findall(text)
    first = text.lstrip("\"'“‘( ").split(" ")[0].strip(",.;:")
    if found and found[0] == first and sum(c.isupper() for c in first) == 1:
        found = found[1:]
    return {one.lower() for one in found if one.lower() not in ("i", "the", "a", "an")}


def in_order(wanted: Sequence[str], there: Sequence[str]) -> float:
    """Longest common subsequence, as a share of the wanted terms that are there at all."""
    known = set(there)
    kept = [term for term in wanted if term in known]
    if not kept:
        return 1.0
    row = [0] * (len(there) + 1)
    for term in kept:
        before = 0
        for place, other in enumerate(there, start=1):
            above = row[place]
            row[place] = before + 1 if term == other else max(row[place], row[place - 1])
            before = above
    return row[-1] / len(kept)
