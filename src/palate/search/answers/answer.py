"""Answers from an index: found, quoted or written, cited sentence by sentence, and checked.

A language model's sentence is given out only where the passages say what it says; otherwise the
answer is sentences of the passages themselves. Where the evidence is thin, there is no answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import Field

from palate.config import Config
from palate.evaluation.ranking import Values
from palate.language.encoder import Encoder
from palate.language.questions import ChatModel, Write
from palate.search.answers.abstention import WITH_VECTORS, WORDS_ALONE, Calibration, Evidence
from palate.search.answers.citations import CitationQuality, judge
from palate.search.answers.evidence import (
    Candidate,
    Source,
    candidates,
    edges_first,
    encoder_of,
    sources,
)
from palate.search.answers.freshness import FreshnessConfig, freshened, wanted
from palate.search.answers.instructions import is_instruction, is_question
from palate.search.answers.verify import LexicalVerifier, Verifier, VerifierConfig
from palate.search.answers.words import Words, sentences
from palate.search.asking import clipped, fenced, user
from palate.search.index import SearchIndex
from palate.search.pipeline import POOL, Pipeline
from palate.search.results import Query, Results, added
from palate.search.similarity import term_vectors

REFUSED = "I cannot answer that from these documents."
_CITED = re.compile(r"\[(\d{1,2})\]")
_PREAMBLE = re.compile(
    r"^(?:so,? |therefore,? )?(?:the )?answer(?: to the question)?(?: is)?(?: that)?\s*:?\s+",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:\s*\[\d{1,2}\])+")


class AnswerConfig(Config):
    """Settings of answering."""

    documents: int = Field(10, ge=1)
    """Documents whose passages are looked at."""
    passages: int = Field(5, ge=1)
    """Passages that an answer may be made from."""
    sentences: int = Field(2, ge=1)
    """Sentences of the longest quoted answer."""
    second: float = Field(0.92, ge=0, le=1)
    """A further sentence must be worth this share of the first one."""
    shown_words: int = Field(250, ge=20)
    """Words of each passage that a language model is shown."""
    max_tokens: int = Field(80, ge=8)
    """Longest answer that a language model may write."""
    relevant: float = Field(0.5, ge=0, le=1)
    """Least share of the question's terms that a written answer must have."""
    freshness: FreshnessConfig = FreshnessConfig()
    """Of documents, where the question is about a time."""
    verifier: VerifierConfig = VerifierConfig()
    """When a passage supports a sentence."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of an answer.

    Attributes:
        citations: ``id@version`` of what supports it.
        by: the ``passage`` that it was taken from, or the ``model`` that wrote it.
    """

    text: str
    citations: tuple[str, ...]
    by: str


@dataclass(frozen=True)
class Answer:
    """What can be said to a question.

    Attributes:
        sentences: none where it was refused.
        confidence: how likely the best evidence holds an answer.
        why: it was refused.
        sources: the passages, as numbered in the context.
        quality: of the citations; None where there is no sentence.
        written: what the language model wrote, whether used or not.
        rejected: its sentences that were not used, and why.
        timely: the question is about a time, so that newer documents counted for more.
        instructions: sentences of the passages that spoke to machines, and were left out.
    """

    question: str
    sentences: tuple[Sentence, ...] = ()
    confidence: float = 0.0
    why: str = ""
    sources: tuple[Source, ...] = ()
    quality: CitationQuality | None = None
    written: str = ""
    rejected: tuple[tuple[str, str], ...] = ()
    timely: bool = False
    instructions: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether nothing is answered."""
        return not self.sentences

    @property
    def text(self) -> str:
        """The sentences with their citations, or the refusal."""
        if self.refused:
            return REFUSED
        told = (
            f"{one.text} {''.join(f'[{citation}]' for citation in one.citations)}"
            for one in self.sentences
        )
        return " ".join(told)


@dataclass(frozen=True)
class _Seen:
    """What was found for a question."""

    results: Results
    words: Words
    encoder: Encoder | None
    found: tuple[Source, ...]
    ranked: tuple[Candidate, ...]
    left_out: int


class Answerer:
    """Answers questions from an index."""

    def __init__(
        self,
        index: SearchIndex,
        pipeline: Pipeline,
        model: ChatModel | None = None,
        config: AnswerConfig | None = None,
        *,
        calibration: Calibration | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        """
        Args:
            pipeline: finds the documents; its rewriters and re-rankers have their say.
            model: writes a sentence, which is checked; None quotes.
            calibration: of confidence; by default one learned on scientific claims.
            verifier: in the place of the lexical one.
        """
        self.index, self.pipeline, self.model = index, pipeline, model
        self.config = config or AnswerConfig()
        self._calibration, self._verifier = calibration, verifier

    def ask(self, question: str, now: float | None = None) -> Answer:
        """An answer, or a refusal.

        Args:
            now: seconds since 1970, for questions about now; the clock's by default.
        """
        started = time.perf_counter()
        seen = self._look(question, now)
        seconds = dict(seen.results.seconds)
        seconds["evidence"] = time.perf_counter() - started - sum(seconds.values())
        answer = self._answered(question, seen, seconds)
        return replace(
            answer,
            timely=wanted(question, now) is not None,
            instructions=seen.left_out,
            cost=added(seen.results.cost, answer.cost),
        )

    def evidence(self, question: str, now: float | None = None) -> tuple[Evidence, str]:
        """What speaks for the best candidate, and the document that it is of; for calibration."""
        ranked = self._look(question, now).ranked
        return (ranked[0].evidence, ranked[0].source.document) if ranked else (Evidence(), "")

    def _look(self, question: str, now: float | None) -> _Seen:
        with self.index.reading() as snapshot:
            words = Words.of(self.index, snapshot)
            (results,) = self.pipeline.retrieve([Query("question", question)], POOL)
            results = freshened(results, snapshot, self.config.freshness, now)
            found, left_out = sources(
                results, snapshot, words, question, self.config.documents, self.config.passages
            )
            encoder = encoder_of(self.pipeline.retrievers, snapshot)
            ranked = candidates(question, found, words, encoder)
            return _Seen(results, words, encoder, tuple(found), tuple(ranked), left_out)

    def _answered(self, question: str, seen: _Seen, seconds: dict[str, float]) -> Answer:
        known, ranked, words, encoder = seen.found, seen.ranked, seen.words, seen.encoder
        if not ranked:
            return Answer(question, why="nothing was found", sources=known, seconds=seconds)
        calibration = self._calibration or (WORDS_ALONE if encoder is None else WITH_VECTORS)
        confidence = calibration.confidence(ranked[0].evidence)
        if confidence < calibration.threshold:
            why = f"the best evidence is {confidence:.2f} sure, less than {calibration.threshold:g}"
            return Answer(question, (), confidence, why, known, seconds=seconds)
        verifier = self._verifier or _verifier(words, self.config.verifier, encoder)
        written = ""
        kept: list[Sentence] = []
        rejected: list[tuple[str, str]] = []
        cost: dict[str, float] = {}
        if self.model is not None:
            started = time.perf_counter()
            (reply,) = self.model.ask([self._asked(question, known)])
            written = reply.text
            cost = {"calls": float(not reply.kept), "tokens": 0.0}
            if not reply.kept:
                cost["tokens"] = float(reply.tokens_in + reply.tokens_out)
            kept, rejected = checked(written, known, verifier)
            if words.covered(words.question(question), " ".join(s.text for s in kept)) < (
                self.config.relevant
            ):
                rejected += [(one.text, "beside the question") for one in kept]
                kept = []
            seconds["model"] = time.perf_counter() - started
        told = tuple(kept) or tuple(self._quoted(ranked))
        by_citation: dict[str, str] = {}
        for source in known:  # two passages of a document have one citation
            before = by_citation.get(source.citation)
            by_citation[source.citation] = f"{before}\n\n{source.text}" if before else source.text
        quality = judge([(one.text, one.citations) for one in told], by_citation, verifier)
        return Answer(
            question, told, confidence, "", known, quality, written, tuple(rejected),
            seconds=seconds, cost=cost,
        )  # fmt: skip

    def _quoted(self, ranked: Sequence[Candidate]) -> list[Sentence]:
        """The best sentences, none saying what one before it says."""
        vectors = term_vectors(Words.plain().terms)([one.text for one in ranked])
        taken: list[int] = []
        for place, one in enumerate(ranked):
            if len(taken) == self.config.sentences:
                break
            if one.worth < self.config.second * ranked[0].worth:
                break
            if not any(float(vectors[place] @ vectors[other]) > 0.6 for other in taken):
                taken.append(place)
        return [
            Sentence(ranked[place].text, (ranked[place].source.citation,), "passage")
            for place in taken
        ]

    def _asked(self, question: str, found: Sequence[Source]) -> Write:
        """What the model is asked: passages as data, the question last."""
        lines = []
        for source in edges_first(found):
            about = f" ({source.time})" if source.time else ""
            text = clipped(" ".join(source.sentences), self.config.shown_words)
            title = fenced(source.title).strip('"\n') if source.title else ""
            lines.append(f"[{source.number}] {title}{about}\n{fenced(text)}")
        turns = user(
            "\n".join(lines),
            f"Question: {question}",
            "Answer the question in one sentence, from the passages alone. End with the number of "
            "the passage in brackets, as [1].",
        )
        return Write(turns, max_tokens=self.config.max_tokens)


def checked(
    written: str, found: Sequence[Source], verifier: Verifier
) -> tuple[list[Sentence], list[tuple[str, str]]]:
    """Sentences of a model that its sources support, with what they cite; and the others with the
    reason. A sentence that cites nothing, or what does not support it, is given the first source
    that does."""
    kept: list[Sentence] = []
    rejected: list[tuple[str, str]] = []
    by_number = {source.number: source for source in found}
    for text, cited in cited_sentences(written):
        if is_instruction(text) or is_question(text):
            rejected.append((text, "no statement"))
            continue
        own = [by_number[number] for number in cited if number in by_number]
        texts = [source.text for source in own]
        if own and verifier.support(text, texts).supported:
            alone = [s for s in own if verifier.support(text, [s.text]).supported]
            own = alone or own
            kept.append(Sentence(text, tuple(dict.fromkeys(s.citation for s in own)), "model"))
            continue
        best = "not in the passages"
        for source in found:
            support = verifier.support(text, [source.text])
            if support.supported:
                kept.append(Sentence(text, (source.citation,), "model"))
                break
            best = support.why if support.share >= 0.5 else best
        else:
            rejected.append((text, best))
    return kept, rejected


def cited_sentences(written: str) -> list[tuple[str, list[int]]]:
    """A model's sentences without their citations, and the numbers that each cites; a citation
    that stands after the full stop belongs to the sentence before."""
    found: list[tuple[str, list[int]]] = []
    for one in sentences(written):
        leading = _LEADING.match(one)
        if leading and found:
            found[-1][1].extend(int(number) for number in _CITED.findall(leading[0]))
            one = one[leading.end() :]
        bare = _PREAMBLE.sub("", " ".join(_CITED.sub(" ", one).split()))
        text = re.sub(r"\s+([.,;:!?])", r"\1", bare)
        if re.search(r"\w", text):
            found.append((text, [int(number) for number in _CITED.findall(one)]))
    return found


def _verifier(words: Words, config: VerifierConfig, encoder: Encoder | None) -> Verifier:
    if encoder is None:
        return LexicalVerifier(words, config)

    def near(text: str, others: Sequence[str]) -> Values:
        vectors = encoder.encode([text, *others])
        cosines: Values = vectors[1:] @ vectors[0]
        return cosines

    return LexicalVerifier(words, config, near)
