"""Pseudo-relevance feedback: search again with what the first documents have in common.

RM3 interpolates the query with the relevance model RM1 of its first documents (Lavrenko and
Croft, SIGIR 2001; Abdul-Jaleel et al., TREC 2004). Rocchio moves the query towards their
centroid (Rocchio 1971). Terms that stand in a tenth of all documents, or that have no letter, are
no feedback terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from palate.search.analysis import Analyzer, counted
from palate.search.index import Snapshot
from palate.search.results import Results
from palate.search.segment import flat_text

if TYPE_CHECKING:
    from palate.search.lexical import BM25Config, LexicalField

COMMON = 0.1  # share of the documents from which on a term says too little


def expand(
    config: BM25Config,
    field: LexicalField,
    snapshot: Snapshot,
    terms: Mapping[str, float],
    first: Results,
) -> dict[str, float]:
    """The terms of a query with those of its first documents, weighted; they sum to about 1.

    Args:
        terms: of the query, with their counts.
        first: the documents that were found with them.
    """
    analyzer = Analyzer(snapshot.config.analysis)
    vectors = []
    for hit in first:
        document = snapshot.document(hit.document)
        counts = counted(analyzer.terms(flat_text(document, snapshot.config.appended)))
        vectors.append({t: n for t, n in counts.items() if _telling(t, field)})
    if config.feedback == "rm3":
        return rm3(
            terms, vectors, [hit.score for hit in first], config.feedback_terms, config.original
        )
    idf = {term: field.idf(term) for vector in (terms, *vectors) for term in vector}
    return rocchio(terms, vectors, idf, config.feedback_terms, config.alpha, config.beta)


def rm3(
    query: Mapping[str, float],
    documents: Sequence[Mapping[str, float]],
    scores: Sequence[float],
    terms: int = 10,
    original: float = 0.5,
) -> dict[str, float]:
    """Weights of terms: ``original`` of the query's model, the rest of the documents' model.

    P(t | R) is the sum over documents of P(t | d) * P(d | q), the latter in proportion to the
    documents' scores; the *terms* likeliest are kept and made to sum to 1.

    Args:
        query: its terms, with counts.
        documents: theirs.
        scores: of the documents.
    """
    model: dict[str, float] = {}
    whole = sum(scores) or 1.0
    for vector, score in zip(documents, scores, strict=True):
        length = sum(vector.values()) or 1.0
        for term, count in vector.items():
            model[term] = model.get(term, 0.0) + count / length * score / whole
    return _mixed(_scaled(query), original, _scaled(_most(model, terms)), 1 - original)


def rocchio(
    query: Mapping[str, float],
    documents: Sequence[Mapping[str, float]],
    idf: Mapping[str, float],
    terms: int = 10,
    alpha: float = 1.0,
    beta: float = 0.75,
) -> dict[str, float]:
    """Weights of terms: alpha of the query's direction, beta of the documents' mean direction.

    Documents are tf-idf vectors of length 1, query and centroid are counts: BM25 itself brings
    in the idf of each term.
    """
    centroid: dict[str, float] = {}
    for vector in documents:
        weights = {t: (1 + math.log(n)) * idf[t] for t, n in vector.items()}
        norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        for term, weight in weights.items():
            centroid[term] = centroid.get(term, 0.0) + weight / norm / len(documents)
    return _mixed(_unit(query), alpha, _unit(_most(centroid, terms)), beta)


def _telling(term: str, field: LexicalField) -> bool:
    return not term.isdigit() and field.frequency(term) <= COMMON * max(field.documents, 1)


def _most(weights: Mapping[str, float], count: int) -> dict[str, float]:
    return dict(sorted(weights.items(), key=lambda one: (-one[1], one[0]))[:count])


def _scaled(weights: Mapping[str, float]) -> dict[str, float]:
    whole = sum(weights.values()) or 1.0
    return {term: weight / whole for term, weight in weights.items()}


def _unit(weights: Mapping[str, float]) -> dict[str, float]:
    norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {term: weight / norm for term, weight in weights.items()}


def _mixed(
    a: Mapping[str, float], share_a: float, b: Mapping[str, float], share_b: float
) -> dict[str, float]:
    mixed = {term: share_a * weight for term, weight in a.items()}
    for term, weight in b.items():
        mixed[term] = mixed.get(term, 0.0) + share_b * weight
    return {term: weight for term, weight in mixed.items() if weight > 0}
