"""What search stages hand to each other: queries, hits with where they came from, ranked lists.

Ranks count from 1. What counts in a list is its order: a hit's score is that of the stage that
placed it last, so scores of a head and of a tail need not be of one scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self, runtime_checkable

from palate.errors import ScoreError

RAW = "query"  # the stage of a text that is the query as it was asked


@dataclass(frozen=True)
class Query:
    """What somebody asks.

    Attributes:
        id: unique among the queries of one call.
        user: who asks, where it is known.
        fields: anything else that a stage may want to know.
    """

    id: str
    text: str
    user: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """That a stage put a document at a rank.

    Attributes:
        rank: from 1, in that stage's own list.
        score: in that stage's own scale.
        note: what a person would want to know, as the text that was searched for.
    """

    stage: str
    rank: int
    score: float
    note: str = ""


@dataclass(frozen=True)
class Hit:
    """One document of a ranked list.

    Attributes:
        document: its id.
        score: of the stage that placed it last; higher is better.
        passage: number of the passage that earned it the place, from 0; None is the whole text.
        provenance: every stage that placed it, in the order in which they did.
    """

    document: str
    score: float
    passage: int | None = None
    provenance: tuple[Found, ...] = ()

    @property
    def best_rank(self) -> float:
        """The best rank that any stage gave it; infinite where none is known."""
        return min((found.rank for found in self.provenance), default=math.inf)

    def found(self, stage: str, rank: int, score: float, note: str = "") -> Hit:
        """The hit with *score*, and one more line in its provenance."""
        seen = Found(stage, rank, score, note)
        return replace(self, score=score, provenance=(*self.provenance, seen))


@dataclass(frozen=True)
class Results:
    """The ranked list of one query.

    Attributes:
        hits: best first; a document stands in it once.
        seconds: spent on this query by each stage; a batch's time is shared out evenly.
        cost: what else was spent, as ``calls`` and ``tokens`` of a language model.

    Raises:
        ScoreError: a document stands in the list twice, or a score is NaN.
    """

    query: Query
    hits: tuple[Hit, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for hit in self.hits:
            if hit.document in seen:
                raise ScoreError(f"query '{self.query.id}': document '{hit.document}' twice")
            if math.isnan(hit.score):
                raise ScoreError(f"query '{self.query.id}': '{hit.document}' has score NaN")
            seen.add(hit.document)

    @classmethod
    def ranked(
        cls,
        query: Query,
        hits: Iterable[Hit],
        k: int | None = None,
        *,
        seconds: Mapping[str, float] | None = None,
        cost: Mapping[str, float] | None = None,
    ) -> Self:
        """The list in the order of scores, cut to *k*; ties by best single rank, then by id."""
        order = sorted(hits, key=lambda hit: (-hit.score, hit.best_rank, hit.document))
        return cls(query, tuple(order[:k]), seconds or {}, cost or {})

    def reordered(
        self,
        order: Sequence[int],
        stage: str,
        scores: Sequence[float] | None = None,
        notes: Sequence[str] = (),
    ) -> Self:
        """The list with its head in another order, which *stage* signs for; the tail is kept.

        Args:
            order: positions of the head's hits, the best first: a permutation of
                ``0 … len(order) - 1``.
            scores: one per place of *order*; without, hits keep the scores that they had.
            notes: one per place of *order*, for the provenance.

        Raises:
            ScoreError: *order* is not such a permutation.
        """
        if sorted(order) != list(range(len(order))) or len(order) > len(self.hits):
            raise ScoreError(
                f"stage '{stage}' did not return a permutation of the hits it was given"
            )
        head = []
        for place, position in enumerate(order):
            hit = self.hits[position]
            score = hit.score if scores is None else scores[place]
            head.append(hit.found(stage, place + 1, score, notes[place] if notes else ""))
        return replace(self, hits=(*head, *self.hits[len(order) :]))

    def spent(
        self, stage: str, seconds: float = 0.0, cost: Mapping[str, float] | None = None
    ) -> Self:
        """The list with what *stage* took added up."""
        return replace(
            self,
            seconds=added(self.seconds, {stage: seconds}),
            cost=added(self.cost, cost or {}),
        )

    @property
    def documents(self) -> list[str]:
        """The ids of the documents, best first."""
        return [hit.document for hit in self.hits]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


def added(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    """The sums, key by key."""
    return {key: a.get(key, 0.0) + b.get(key, 0.0) for key in (*a, *(k for k in b if k not in a))}


@dataclass(frozen=True)
class WeightedText:
    """A text to search for.

    Attributes:
        weight: of the list that it finds, in fusion; the raw query has 1.
        stage: what wrote it; :data:`RAW` is the person.
    """

    text: str
    weight: float = 1.0
    stage: str = RAW


@dataclass(frozen=True)
class Expansion:
    """What is searched for in place of a query: always the query itself, and more.

    Attributes:
        texts: searched one by one, and the lists fused; the raw query is added where it is missing.
        dense: texts whose vectors are averaged with the query's own, and that mean is searched
            for in place of the query's vector (HyDE); stages without vectors pass over them.
        seconds: spent on this query by the stages that wrote the texts.
        cost: what else they spent.
    """

    query: Query
    texts: tuple[WeightedText, ...] = ()
    dense: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not any(text.stage == RAW for text in self.texts):
            raw = WeightedText(self.query.text)
            object.__setattr__(self, "texts", (raw, *self.texts))


class Texts(Protocol):
    """The documents' words, by id."""

    def text(self, document: str) -> str:
        """The whole text, without the title.

        Raises:
            DataError: there is no such document.
        """
        ...

    def title(self, document: str) -> str:
        """The title; empty where there is none."""
        ...


@runtime_checkable
class Rewriter(Protocol):
    """Writes other words for queries."""

    name: str

    def rewrite(self, queries: Sequence[Query]) -> list[Expansion]:
        """One expansion per query, in the order given."""
        ...


@runtime_checkable
class Retriever(Protocol):
    """Finds documents."""

    name: str

    def retrieve(self, queries: Sequence[Query], k: int) -> list[Results]:
        """One list of at most *k* hits per query, in the order given."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Puts found documents in a better order."""

    name: str

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits: the first *k* of each list (or all) in a new order, then the tail."""
        ...
