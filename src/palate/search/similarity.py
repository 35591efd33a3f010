"""How alike short texts are, and lists that do not say the same thing twice.

Legend: n texts, v terms, d dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from palate.evaluation.ranking import Values

Vectors = Callable[[Sequence[str]], Values]
"""n texts -> [n, d] vectors of length 1, or 0 where there is nothing to be said."""


def unit(vectors: Values) -> Values:
    """[n, d] each vector over its length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)


def term_vectors(terms: Callable[[str], list[str]]) -> Vectors:
    """Vectors of counts of terms, for want of a model's."""

    def of(texts: Sequence[str]) -> Values:
        found = [terms(text) for text in texts]
        places = {t: i for i, t in enumerate(dict.fromkeys(t for one in found for t in one))}
        counts = np.zeros((len(texts), max(1, len(places))))
        for row, one in enumerate(found):
            for term in one:
                counts[row, places[term]] += 1
        return unit(counts)

    return of


def mmr(relevance: Sequence[float], vectors: Values, k: int, share: float = 0.7) -> list[int]:
    """Positions by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    Each next one is the largest of ``share * relevance - (1 - share) * likeness``, where likeness
    is the largest cosine to what was taken; relevance is scaled to 0 … 1.
    """
    scores = np.asarray(relevance, dtype=float)
    if len(scores) == 0:
        return []
    span = scores.max() - scores.min()
    scores = (scores - scores.min()) / span if span else np.ones_like(scores)
    likeness = vectors @ vectors.T
    taken: list[int] = []
    left = list(range(len(scores)))
    while left and len(taken) < k:
        near = likeness[np.ix_(left, taken)].max(1) if taken else np.zeros(len(left))
        values = share * scores[left] - (1 - share) * near
        taken.append(left.pop(int(values.argmax())))
    return taken


def without_twins(vectors: Values, alike: float = 0.9) -> list[int]:
    """Positions of those that are not too like one before them."""
    kept: list[int] = []
    for i in range(len(vectors)):
        if not kept or float((vectors[kept] @ vectors[i]).max()) <= alike:
            kept.append(i)
    return kept
