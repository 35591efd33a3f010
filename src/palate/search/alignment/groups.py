"""Graded results as preferences between answers: one answer for each document, ordered by how good
the document is for the question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from palate.errors import DataError
from palate.search.answers.words import Words, best_sentence, sentences
from palate.search.results import Query, Retriever, Texts


@dataclass(frozen=True)
class Group:
    """Answers to one question.

    Attributes:
        answers: no two of them alike.
        grades: of each; the higher the better.
        documents: that each is grounded in.
    """

    query: str
    question: str
    answers: tuple[str, ...]
    grades: tuple[float, ...]
    documents: tuple[str, ...] = ()

    def pairs(self) -> list[tuple[int, int]]:
        """Positions of a better and a worse answer, all of them."""
        several = range(len(self.answers))
        return [(a, b) for a in several for b in several if self.grades[a] > self.grades[b]]


def grounded(question: str, text: str, words: Words, most_words: int = 40) -> str:
    """The sentence of a document that answers best, cut to so many words; its first one where none
    shares a word with the question."""
    found = sentences(text)
    chosen = best_sentence(question, found, words) or (found[0] if found else "")
    return " ".join(chosen.split()[:most_words])


def groups(
    queries: Sequence[Query],
    grades: Mapping[str, Mapping[str, float]],
    texts: Texts,
    words: Words,
    retriever: Retriever | None = None,
    *,
    answers: int = 6,
    allowed: Callable[[str], bool] | None = None,
    seed: int = 0,
) -> list[Group]:
    """Groups of the queries that have answers of different grades.

    Args:
        grades: by the query's id and document: judgements, or scores of a learned ranker.
        retriever: what it finds and nobody graded is graded 0, as a hard negative.
        answers: of a group, at most: the best, the rest drawn from the worse.
        allowed: whether an answer may be learned from (a safety filter); all by default.
    """
    random = np.random.default_rng(seed)
    found = retriever.retrieve(queries, 4 * answers) if retriever is not None else None
    made = []
    for place, query in enumerate(queries):
        known: dict[str, float] = dict(grades.get(query.id, {}))
        if found is not None:
            known |= {one: 0.0 for one in found[place].documents if one not in known}
        unlike: dict[str, tuple[str, float]] = {}
        for document, grade in sorted(known.items(), key=lambda one: (-one[1], one[0])):
            try:
                text = texts.text(document)
            except DataError:  # judged, and not in the index
                continue
            answer = grounded(query.text, text, words)
            if answer and answer not in unlike and (allowed is None or allowed(answer)):
                unlike[answer] = (document, grade)
        chosen = _chosen(list(unlike.items()), answers, random)
        if len({grade for _, (_, grade) in chosen}) > 1:
            made.append(
                Group(
                    query.id, query.text, tuple(answer for answer, _ in chosen),
                    tuple(grade for _, (_, grade) in chosen),
                    tuple(document for _, (document, _) in chosen),
                )
            )  # fmt: skip
    return made


def _chosen(
    several: list[tuple[str, tuple[str, float]]], count: int, random: np.random.Generator
) -> list[tuple[str, tuple[str, float]]]:
    """The best half, and others at random."""
    if len(several) <= count:
        return several
    head = max(1, count // 2)
    drawn = sorted(random.choice(np.arange(head, len(several)), count - head, replace=False))
    return [*several[:head], *(several[int(place)] for place in drawn)]
