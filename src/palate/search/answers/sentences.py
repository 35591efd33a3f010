"""Sentences: where they end, what they are about, and which one answers a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from palate.search.content.keyphrases import WEAK

FEWEST = 4  # words of a sentence that can answer
Idf = Callable[[str], float]
"""How telling a term is."""

_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st vs etc fig figs eq no vol pp al approx ca cf dept est inc jr sr ltd "
    "u.s u.k e.g i.e a.m p.m".split()
)
_END = re.compile(r"[.!?。！？]+[\"'”’)\]]*(?=\s|$)|\n{2,}|\n(?=\s*[-*•])")
_LAST_WORD = re.compile(r"([\w.]+)\.$")
_WORD = re.compile(r"\w+")
_ASKING = frozenset(
    "what which who whom whose when where why how many much long old far often does did do is are "
    "was were can could should would tell me please give name list describe explain".split()
)


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


def stem(word: str) -> str:
    """A word without the endings of English inflection; crude, and the same for all texts."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "lsz" else word
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def terms(text: str) -> list[str]:
    """Stems of the words that say what a text is about."""
    return [
        stem(word)
        for word in _WORD.findall(text.lower())
        if word not in WEAK and (len(word) > 1 or word.isdigit())
    ]


def question_terms(question: str) -> list[str]:
    """Stems of what a question is about, each once; words of asking are left out."""
    words = (w for w in _WORD.findall(question.lower()) if w not in _ASKING)
    return list(dict.fromkeys(terms(" ".join(words))))


def coverage(wanted: Sequence[str], text: str, idf: Idf | None = None) -> float:
    """Share of the wanted terms that stand in a text, each by how telling it is."""
    there = set(terms(text))
    weights = [1.0 if idf is None else idf(term) for term in wanted]
    total = sum(weights)
    if not total:
        return 0.0
    return sum(w for term, w in zip(wanted, weights, strict=True) if term in there) / total


def best_sentence(question: str, candidates: Sequence[str]) -> str | None:
    """The sentence that has most of what a question is about, and not much beside it; the earlier
    of equals. None where no sentence has any of it."""
    wanted = question_terms(question)
    best, found = 0.0, None
    for one in candidates:
        words = len(one.split())
        if words < FEWEST:
            continue
        worth = coverage(wanted, one) - 0.002 * words
        if worth > best:
            best, found = worth, one
    return found
