"""The passages that an answer is made from, and the sentences in them that could be one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palate.language.encoder import Encoder
from palate.search.answers.abstention import Evidence
from palate.search.answers.freshness import day
from palate.search.answers.instructions import is_instruction, is_question, plain
from palate.search.answers.words import FEWEST, Words, expected, sentences
from palate.search.dense import Dense
from palate.search.index import Snapshot
from palate.search.passages import passages
from palate.search.results import Results

ENCODED = 24  # sentences that are compared by vectors, those with the most of the question's terms
RANKED = 0.25  # worth of being the first document, falling as one over the rank
EXPECTED = 0.15  # worth of holding a number, a name or a reason where one is asked for
POINTED = 0.25  # worth of being the passage that dense retrieval pointed at


@dataclass(frozen=True)
class Source:
    """A passage as it stands in a context.

    Attributes:
        number: in the context, from 1.
        document: its id.
        version: of the document as it was read.
        time: as ``2024-05-31``; empty where it is not known.
        sentences: of the passage, without any that speak to machines.
        worth: by which passages are ordered.
        found: cosine of question and passage in dense retrieval; 0 without.
    """

    number: int
    document: str
    version: int
    title: str
    time: str
    sentences: tuple[str, ...]
    worth: float = 0.0
    found: float = 0.0

    @property
    def citation(self) -> str:
        """``id@version``"""
        return f"{self.document}@{self.version}"

    @property
    def text(self) -> str:
        """The title and the sentences."""
        head = f"{self.title}\n\n" if self.title else ""
        return head + " ".join(self.sentences)


@dataclass(frozen=True)
class Candidate:
    """A sentence that could be an answer."""

    text: str
    source: Source
    worth: float
    evidence: Evidence


def clean(text: str) -> tuple[list[str], int]:
    """The statements of a text, and how many of its sentences speak to machines.

    Questions go too: they answer nothing, and whoever copies one into a document should not be
    found the sooner for it.
    """
    found = [one for one in sentences(plain(text)) if not is_question(one)]
    kept = [one for one in found if not is_instruction(one)]
    return kept, len(found) - len(kept)


def sources(
    results: Results, snapshot: Snapshot, words: Words, question: str, documents: int, count: int
) -> tuple[list[Source], int]:
    """The best passages of the first documents, best first, and how many instructions were left
    out of them. At most two passages of a document."""
    cut = snapshot.config.passage_words, snapshot.config.passage_overlap
    wanted = words.question(question)
    found: list[Source] = []
    left_out = 0
    for rank, hit in enumerate(results.hits[:documents], start=1):
        document = snapshot.document(hit.document)
        head = plain(document.title.strip())
        head = "" if is_instruction(head) else head
        near = max((f.score for f in hit.provenance if f.stage.startswith("dense")), default=0.0)
        own = []
        for number, part in enumerate(passages(document, *cut)):
            body, instructions = clean(part.removeprefix(f"{document.title.strip()}\n"))
            left_out += instructions
            if not body:
                continue
            worth = words.covered(wanted, f"{head} {' '.join(body)}") + RANKED / rank
            worth += POINTED if hit.passage is not None and hit.passage == number else 0.0
            own.append(
                Source(
                    0, document.id, document.version, head, day(document.time), tuple(body),
                    worth, near,
                )
            )  # fmt: skip
        own.sort(key=lambda one: -one.worth)
        found += own[:2]
    found.sort(key=lambda one: (-one.worth, one.document))
    return [_numbered(one, n) for n, one in enumerate(found[:count], start=1)], left_out


def _numbered(one: Source, number: int) -> Source:
    return Source(
        number, one.document, one.version, one.title, one.time, one.sentences, one.worth, one.found
    )


def edges_first(found: Sequence[Source]) -> list[Source]:
    """The best first, the second best last, and so on inwards: what stands in the middle of a
    long context is read worst (Liu et al., "Lost in the Middle", TACL 2024)."""
    return [*found[::2], *reversed(found[1::2])]


def candidates(
    question: str, found: Sequence[Source], words: Words, encoder: Encoder | None
) -> list[Candidate]:
    """Sentences of the passages by how well they answer, best first."""
    wanted = words.question(question)
    several: list[tuple[float, float, str, Source]] = []
    for source in found:
        whole = words.covered(wanted, f"{source.text} {source.time}")
        before = ""
        for one in source.sentences:
            if len(one.split()) >= FEWEST:
                own = words.covered(wanted, f"{one} {source.time}")
                around = words.covered(wanted, f"{source.title} {before} {one} {source.time}")
                several.append((0.7 * own + 0.3 * around, whole, one, source))
            before = one
    several.sort(key=lambda one: (-one[0], one[3].number))
    several = several[:ENCODED]
    near = np.zeros(len(several))
    if encoder is not None and several:
        vectors = encoder.encode([question, *(f"{s.title}. {t}" for _, _, t, s in several)])
        near = vectors[1:] @ vectors[0]
    made = []
    for (lexical, whole, text, source), cosine in zip(several, near.tolist(), strict=True):
        worth = lexical if encoder is None else (lexical + cosine) / 2
        worth += 0.1 * min(source.worth, 1.0) + EXPECTED * expected(question, text)
        evidence = Evidence(lexical, whole, cosine, source.found if encoder is not None else 0.0)
        made.append(Candidate(text, source, worth, evidence))
    return sorted(made, key=lambda one: (-one.worth, one.source.number))


def encoder_of(retrievers: Sequence[object], snapshot: Snapshot) -> Encoder | None:
    """The encoder of the first dense retriever that has one with weights; LSA is none."""
    from palate.search.lsa import LSA

    for one in retrievers:
        if isinstance(one, Dense):
            found = one.encoder(snapshot)
            return None if isinstance(found, LSA) else found
    return None
