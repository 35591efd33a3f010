"""Sentences, and what they are about in the terms of an index."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from palate.search.analysis import AnalysisConfig, Analyzer
from palate.search.content.keyphrases import WEAK
from palate.search.index import SearchIndex, Snapshot
from palate.search.lexical import BM25, BM25Config
from palate.search.segment import FLAT

FEWEST = 4  # words of a sentence that can answer

_ABBREVIATED = (
    "dr mr mrs ms prof st vs etc fig figs eq no vol pp al approx ca cf dept est inc jr sr ltd "
    "u.s u.k e.g i.e a.m p.m"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_END = re.compile(r"[.!?。！？]+[\"'”’)\]]*(?=\s|$)|\n{2,}|\n(?=\s*[-*•])")
_LAST_WORD = re.compile(r"([\w.]+)\.$")
_WORD = re.compile(r"\w+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_OF_ASKING = (
    "what which who whom whose when where why how many much long old far often does did do is are "
    "was were can could should would tell me please give name list describe explain current "
    "currently latest newest recent recently today now nowadays still"
)
_ASKING = frozenset(_OF_ASKING.split())


def sentences(text: str) -> list[str]:
    """The sentences of a text in their order, each in one line."""
    found, start = [], 0
    for end in _END.finditer(text):
        before = text[start : end.end()].strip()
        last = _LAST_WORD.search(before)
        if last and not end[0].startswith("\n"):
            word = last[1].lower()
            initial = len(word) == 1 and word.isalpha() and last[1].isupper()
            if word in _ABBREVIATIONS or initial:
                continue
        if before:
            found.append(" ".join(before.split()))
        start = end.end()
    rest = " ".join(text[start:].split())
    return [*found, rest] if rest else found


_EXPECTED = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(told))
    for asked, told in (
        (r"\bhow (?:many|much|high|old|long|far|tall|deep|big|large|fast|hot|cold|often|heavy)\b|"
         r"\b(?:what|which) (?:\w+ )?(?:temperature|number|percentage|share|amount|year|age|"
         r"height|length|weight|size|price|cost|speed|distance|dose|rate)\b|^when\b|\bwhat time\b",
         r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand)\b"),
        (r"\bwho(?:m|se)?\b", r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+"),
        (r"\bwhy\b|\bwhat causes?\b",
         r"\b(?:because|since|due to|so that|in order to|causes?|caused|leads? to|to \w+)\b"),
    )
)  # fmt: skip


def expected(question: str, sentence: str) -> bool:
    """Whether a sentence has what the question's first words ask for: a number, a name, a reason.
    False where they ask for nothing of the kind."""
    return any(asked.search(question) and told.search(sentence) for asked, told in _EXPECTED)


@dataclass(frozen=True)
class Words:
    """How a text becomes terms, and how telling each term is.

    Attributes:
        analyze: terms of a text, as an index has them.
        idf: of a term; at least 0.
    """

    analyze: Callable[[str], list[str]]
    idf: Callable[[str], float]

    @classmethod
    def of(cls, index: SearchIndex, snapshot: Snapshot) -> Words:
        """Those of an index, with ``ln(1 + (N - df + 0.5) / (df + 0.5))`` for idf."""
        field = BM25(BM25Config(), index).field(snapshot, FLAT)

        def idf(term: str) -> float:
            df = field.frequency(term)
            return math.log(1 + (field.documents - df + 0.5) / (df + 0.5))

        return cls(index.analyzer.terms, idf)

    @classmethod
    @cache
    def plain(cls) -> Words:
        """English stems, all of them equally telling."""
        return cls(Analyzer(AnalysisConfig(stem="english")).terms, lambda _: 1.0)

    def terms(self, text: str) -> list[str]:
        """What a text is about: words that say little by themselves are left out."""
        kept = (
            word
            for word in _WORD.findall(_THOUSANDS.sub("", text.lower()))
            if word not in WEAK and (len(word) > 1 or word.isdigit())
        )
        return self.analyze(" ".join(kept))

    def question(self, text: str) -> list[str]:
        """What a question is about, each term once; words of asking are left out."""
        kept = (
            word for word in _WORD.findall(_THOUSANDS.sub("", text.lower())) if word not in _ASKING
        )
        return list(dict.fromkeys(self.terms(" ".join(kept))))

    def covered(self, wanted: Sequence[str], text: str) -> float:
        """Share of the wanted terms that stand in a text, each by how telling it is; 0 … 1."""
        there = set(self.terms(text))
        weights = [self.idf(term) for term in wanted]
        total = sum(weights)
        if not total:
            return 0.0
        return sum(w for term, w in zip(wanted, weights, strict=True) if term in there) / total


def best_sentence(question: str, candidates: Sequence[str], words: Words) -> str | None:
    """The sentence that has most of what a question is about, and not much beside it; the earlier
    of equals. None where no sentence has any of it."""
    wanted = words.question(question)
    best, found = 0.0, None
    for one in candidates:
        count = len(one.split())
        if count < FEWEST:
            continue
        worth = words.covered(wanted, one) - 0.002 * count
        if worth > best:
            best, found = worth, one
    return found
