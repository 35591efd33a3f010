"""BM25 as Lucene counts it, over all segments of an index as if they were one.

    score(q, d) = sum of w(t) * ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + K(d)),
    K(d) = k1 * (1 - b + b * length(d) / average length)

(Robertson and Zaragoza 2009; the form without k1 + 1 is Lucene's, see Kamphuis et al., "Which
BM25 do you mean?", ECIR 2020.) N, df and the average are those of the living documents of all
segments that have the field. The sums are bm25s', over weights that are computed for a term when
it is first asked for: a change of one document changes N, and with it every weight of the index,
of which the next query needs a handful.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.search import feedback
from palate.search.analysis import counted
from palate.search.index import SearchIndex, Snapshot, View
from palate.search.postings import Postings
from palate.search.results import Query, Results
from palate.search.segment import FLAT
from palate.search.selection import best, gathered

FIELD_WEIGHT = 0.5  # of a field beside title and text


class BM25Config(Config):
    """Settings of BM25."""

    k1: float = Field(0.9, ge=0)
    """How soon more of the same term stops to count; 0.9 and 0.4 are Anserini's, 1.2 and 0.75
    Elasticsearch's."""
    b: float = Field(0.4, ge=0, le=1)
    """How much long documents are held back."""
    weights: dict[str, float] = {}
    """Weights of the index's further fields; 0.5 for those that are not named."""
    feedback: Literal["none", "rm3", "rocchio"] = "none"
    """Search again with terms from the first documents found."""
    feedback_documents: int = Field(10, ge=1)
    """So many of the first documents."""
    feedback_terms: int = Field(10, ge=1)
    """So many terms from them."""
    original: float = Field(0.5, ge=0, le=1)
    """RM3: share of the weight that the query's own terms keep."""
    alpha: float = Field(1.0, ge=0)
    """Rocchio: weight of the query."""
    beta: float = Field(0.75, ge=0)
    """Rocchio: weight of the documents."""


class Part:
    """One segment's postings of one field, with weights filled in term by term."""

    def __init__(self, view: View, postings: Postings) -> None:
        self.view = view
        self.postings = postings
        self.lengths = np.where(view.alive, postings.lengths, 0)
        self.norms = np.empty(0, dtype=np.float32)  # [n] K(d); set when the average is known
        # Zeros that nothing has touched take no memory.
        self.weights = np.zeros(len(postings.documents), dtype=np.float32)
        from bm25s import BM25

        self.engine = BM25(method="lucene", backend="numpy")
        self.engine.nonoccurrence_array = None
        self.engine.scores = {
            "data": self.weights,
            "indices": postings.documents,
            "indptr": postings.starts,
            "num_docs": len(view.segment),
        }

    def span(self, number: int) -> slice:
        """Where the postings of a term stand."""
        return slice(int(self.postings.starts[number]), int(self.postings.starts[number + 1]))


class LexicalField:
    """One field of one state of an index, ready to be searched."""

    def __init__(self, snapshot: Snapshot, field: str, k1: float, b: float) -> None:
        self.parts = [
            Part(view, postings)
            for view in snapshot.views
            if (postings := view.segment.postings(field)) is not None
        ]
        self.documents = sum(int(np.count_nonzero(part.lengths)) for part in self.parts)
        total = sum(int(part.lengths.sum(dtype=np.int64)) for part in self.parts)
        self.average = total / self.documents if self.documents else 1.0
        for part in self.parts:
            part.norms = (k1 * (1 - b + b * part.lengths / self.average)).astype(np.float32)
        self._terms: dict[str, list[int]] = {}
        self._frequencies: dict[str, int] = {}

    def numbers(self, term: str) -> list[int]:
        """The number of a term in each part, -1 where it is not; its weights are filled in."""
        known = self._terms.get(term)
        return self._fill(term) if known is None else known

    def frequency(self, term: str) -> int:
        """How many living documents have the term."""
        self.numbers(term)
        return self._frequencies[term]

    def idf(self, term: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5))"""
        df = self.frequency(term)
        return math.log(1 + (self.documents - df + 0.5) / (df + 0.5))

    def _fill(self, term: str) -> list[int]:
        encoded = term.encode()
        numbers = [part.postings.find(encoded) for part in self.parts]
        found, df = [], 0
        for part, number in zip(self.parts, numbers, strict=True):
            if number < 0:
                continue
            span = part.span(number)
            documents = part.postings.documents[span]
            alive = part.view.alive[documents]
            df += int(np.count_nonzero(alive))
            found.append((part, span, documents, alive))
        idf = np.float32(math.log(1 + (self.documents - df + 0.5) / (df + 0.5)))
        for part, span, documents, alive in found:
            tf = part.postings.values[span].astype(np.float32)
            part.weights[span] = idf * (tf / (tf + part.norms[documents])) * alive
        self._frequencies[term] = df
        self._terms[term] = numbers  # last: another thread may look
        return numbers

    def scores(self, terms: Mapping[str, float]) -> list[npt.NDArray[np.float32]]:
        """[n] scores of the documents of each part.

        Args:
            terms: what to look for, with weights; a query's are the counts of its terms.
        """
        numbers = [(self.numbers(term), weight) for term, weight in terms.items()]
        whole = all(weight == int(weight) and 0 < weight <= 4 for _, weight in numbers)
        return [self._of(place, numbers, whole) for place in range(len(self.parts))]

    def _of(
        self, place: int, numbers: Sequence[tuple[list[int], float]], whole: bool
    ) -> npt.NDArray[np.float32]:
        part = self.parts[place]
        here = [(found[place], weight) for found, weight in numbers if found[place] >= 0]
        if whole:
            ids = [number for number, weight in here for _ in range(int(weight))]
            scores: npt.NDArray[np.float32] = part.engine.get_scores_from_ids(ids)
            return scores
        scores = np.zeros(len(part.view.segment), dtype=np.float32)
        for number, weight in here:
            span = part.span(number)
            scores[part.postings.documents[span]] += np.float32(weight) * part.weights[span]
        return scores


class BM25:
    """Finds documents that share words with the query.

    Attributes:
        name: what it is called in traces.
    """

    Config = BM25Config
    kind = "retriever"

    def __init__(self, config: BM25Config, index: SearchIndex, name: str = "bm25") -> None:
        unknown = sorted(set(config.weights) - {FLAT, *index.config.fields})
        if unknown:
            raise ConfigError(
                f"bm25: weights: the index has no field '{unknown[0]}'; it has "
                f"{', '.join((FLAT, *index.config.fields))}"
            )
        self.config = config
        self.index = index
        self.name = name

    def retrieve(self, queries: Sequence[Query], k: int) -> list[Results]:
        """One list per query; documents that share no term with it are in none."""
        with self.index.reading() as snapshot:
            return [self._one(snapshot, query, k) for query in queries]

    def terms(self, snapshot: Snapshot, query: Query) -> dict[str, float]:
        """The terms that a query is searched with, feedback included, and their weights."""
        terms = counted(self.index.analyzer.terms(query.text))
        if self.config.feedback == "none" or not terms:
            return terms
        first = self._ranked(snapshot, query, terms, self.config.feedback_documents)
        return feedback.expand(self.config, self.field(snapshot, FLAT), snapshot, terms, first)

    def field(self, snapshot: Snapshot, name: str) -> LexicalField:
        """A field of that state of the index, with this one's k1 and b."""
        k1, b = self.config.k1, self.config.b
        return snapshot.once(("bm25", name, k1, b), lambda: LexicalField(snapshot, name, k1, b))

    def _one(self, snapshot: Snapshot, query: Query, k: int) -> Results:
        start = time.perf_counter()
        terms = self.terms(snapshot, query)
        note = "" if self.config.feedback == "none" else " ".join(terms)
        found = self._ranked(snapshot, query, terms, k, note)
        return found.spent(self.name, time.perf_counter() - start)

    def _ranked(
        self, snapshot: Snapshot, query: Query, terms: Mapping[str, float], k: int, note: str = ""
    ) -> Results:
        flat = self.field(snapshot, FLAT)
        scores = {
            part.view.segment.name: (part.view.segment, one * np.float32(self._weight(FLAT, 1.0)))
            for part, one in zip(flat.parts, flat.scores(terms), strict=True)
        }
        for name in self.index.config.fields:
            weight = self._weight(name, FIELD_WEIGHT)
            if not weight:
                continue
            more = self.field(snapshot, name)
            for part, one in zip(more.parts, more.scores(terms), strict=True):
                scores[part.view.segment.name][1].__iadd__(np.float32(weight) * one)
        parts = []
        for segment, total in scores.values():
            places = best(total, segment.ranks, k)
            parts.append((segment, places, total[places], None))
        return gathered(query, parts, k, self.name, note)

    def _weight(self, field: str, otherwise: float) -> float:
        return self.config.weights.get(field, otherwise)
