"""What a document is about, in a few phrases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.language.questions import ChatModel, Write
from palate.search.asking import Steps, ask, clipped
from palate.search.content.enrich import Enricher, shown_how
from palate.search.documents import Document
from palate.search.query.written import lines
from palate.search.similarity import Vectors, mmr
from palate.search.statistics import CollectionStatistics

_RUN = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_BREAK = re.compile(r"[.,;:!?()\[\]{}\"“”/\n]")
LISTED = (
    ("Moss has no roots. It drinks rain through its leaves, and dries out without dying.",
     "moss\nrain\nleaves\nlife without roots\ndrying out"),
)  # fmt: skip
"""How it is done, on a text of no collection: small models need to be shown."""
_WEAK = (
    "a about above after again all also although among an and any are as at be because been "
    "before being between both but by can could did do does done during each either for from "
    "further had has have having he her here his how however if in into is it its itself may "
    "might more most much must no nor not of off on once one only or other our out over own per "
    "same she should since so some such than that the their them then there these they this "
    "those through thus to too two under until up upon use used using very via was we were what "
    "when where whether which while who whose why will with within without would you your"
)
WEAK = frozenset(_WEAK.split())
"""Words that no phrase begins or ends with."""


class KeyphraseConfig(Config):
    """Settings of keyphrases."""

    by: Literal["vectors", "idf", "model"] = "idf"
    """Candidates from the text by nearness to the whole document, or by how rare their words are;
    or a list that the language model writes."""
    count: int = Field(5, ge=1)
    """Phrases of a document."""
    longest: int = Field(3, ge=1)
    """Words of a candidate, at most."""
    relevance: float = Field(0.5, ge=0, le=1)
    """Share of relevance, against variety (MMR)."""
    words: int = Field(200, ge=20)
    """Words of the document that the model is shown."""
    present: bool = False
    """Only phrases of the model that stand in the text."""


class Keyphrases(Enricher[KeyphraseConfig, list[str]]):
    """Phrases of a document, the most telling first."""

    field = "keyphrases"

    def __init__(
        self,
        model: ChatModel | None,
        config: KeyphraseConfig,
        *,
        vectors: Vectors | None = None,
        statistics: CollectionStatistics | None = None,
    ) -> None:
        """
        Args:
            model: needed for *by* ``model`` alone.
            vectors: of texts, for *by* ``vectors``, and for variety; counts of words without.
            statistics: of the collection, for *by* ``idf``.

        Raises:
            ConfigError: what the way needs is not there.
        """
        needs = {"model": model, "vectors": vectors, "idf": statistics}
        if needs[config.by] is None:
            raise ConfigError(f"keyphrases by {config.by} need {config.by}: none was given")
        super().__init__(model or _Nobody(), config)
        self._vectors, self._statistics = vectors, statistics

    def steps(self, document: Document) -> Steps[list[str]]:
        """One question, or none where no model is asked."""
        text = f"{document.title}. {document.text}"
        if self.config.by == "model":
            task = f"List {self.config.count} keyphrases of the text. One per line."
            turns = shown_how(task, LISTED, clipped(text, self.config.words))
            (reply,) = yield from ask([Write(turns, max_tokens=12 * self.config.count)])
            found = lines(reply.text, self.config.longest + 2)
            if self.config.present:
                lower = " ".join(_RUN.findall(text.lower()))
                found = [one for one in found if " ".join(_RUN.findall(one.lower())) in lower]
            return found[: self.config.count]
        return self._chosen(text)

    def shown(self, found: list[str]) -> str:
        """The phrases, with semicolons."""
        return "; ".join(found)

    def _chosen(self, text: str) -> list[str]:
        phrases = candidates(text, self.config.longest)
        if not phrases:
            return []
        if self.config.by == "vectors":
            assert self._vectors is not None
            vectors = self._vectors([text, *phrases])
            worth: Sequence[float] = (vectors[1:] @ vectors[0]).tolist()
            near = vectors[1:]
        else:
            assert self._statistics is not None
            worth = [self._worth(phrase, text) for phrase in phrases]
            near = self._letters(phrases)
        order = mmr(worth, near, self.config.count, self.config.relevance)
        return [phrases[i] for i in order]

    def _worth(self, phrase: str, text: str) -> float:
        """idf of its words times how often it stands there, longer phrases a little more."""
        assert self._statistics is not None
        terms = self._statistics.terms(phrase)
        if not terms:
            return 0.0
        times = " ".join(_RUN.findall(text.lower())).count(" ".join(_RUN.findall(phrase)))
        mean = sum(map(self._statistics.idf, terms)) / len(terms)
        return mean * np.log1p(times) * (1 + 0.25 * (len(terms) - 1))

    def _letters(self, phrases: Sequence[str]) -> np.ndarray:
        from palate.search.similarity import term_vectors

        assert self._statistics is not None
        return term_vectors(self._statistics.terms)(phrases)


class _Nobody:
    """Stands for a model where none is asked."""

    name = identity = "nobody"

    def ask(self, questions: Sequence[object]) -> list:
        if questions:
            raise ConfigError("no language model was given")
        return []


def candidates(text: str, longest: int = 3) -> list[str]:
    """Runs of words within a clause, in lower case, that neither begin nor end with a weak word,
    have no weak word within, and are no bare numbers; in the order of the text."""
    found: dict[str, None] = {}
    for clause in _BREAK.split(text.lower()):
        words = _RUN.findall(clause)
        for start in range(len(words)):
            for stop in range(start + 1, min(start + longest, len(words)) + 1):
                run = words[start:stop]
                if run[-1] in WEAK:
                    break
                if any(any(c.isalpha() for c in word) for word in run) and len(run[0]) > 1:
                    found.setdefault(" ".join(run))
    return list(found)


def f1_at(
    found: Sequence[str],
    wanted: Iterable[str],
    terms: Callable[[str], list[str]],
    k: int | None = None,
) -> float:
    """F1 of the first *k* phrases by equal stems; k None is F1@M (all that were found).

    With ``k = len(wanted)``, it is F1@O.
    """
    stems = {" ".join(terms(one)) for one in wanted} - {""}
    told = list(dict.fromkeys(" ".join(terms(one)) for one in found))[:k]
    right = len(stems.intersection(told))
    if not right:
        return 0.0
    precision, recall = right / (len(told) if k is None else k), right / len(stems)
    return 2 * precision * recall / (precision + recall)


def present_and_absent(
    wanted: Sequence[str], text: str, terms: Callable[[str], list[str]]
) -> tuple[list[str], list[str]]:
    """The phrases whose stems stand in the text in a row, and the others."""
    whole = f" {' '.join(terms(text))} "
    there = [f" {' '.join(terms(one))} " in whole for one in wanted]
    return (
        [one for one, yes in zip(wanted, there, strict=True) if yes],
        [one for one, yes in zip(wanted, there, strict=True) if not yes],
    )
