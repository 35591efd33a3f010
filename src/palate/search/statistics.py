"""What a collection's words say about a query before anything is ranked.

Legend: N documents, df documents with a term, cf occurrences of a term.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Terms = Callable[[str], list[str]]
"""The terms of a text, as an index has them."""


@dataclass
class CollectionStatistics:
    """Counts of terms, and of words as they are spelt.

    Attributes:
        terms: how texts become terms.
        documents: N.
        df: documents with each term.
        cf: occurrences of each term.
        length: terms in all documents.
    """

    terms: Terms
    documents: int = 0
    df: Counter[str] = field(default_factory=Counter)
    cf: Counter[str] = field(default_factory=Counter)
    length: int = 0

    @classmethod
    def of(cls, texts: Iterable[str], terms: Terms) -> CollectionStatistics:
        """The counts of these texts."""
        found = cls(terms)
        for text in texts:
            several = Counter(terms(text))
            found.documents += 1
            found.df.update(several.keys())
            found.cf.update(several)
            found.length += several.total()
        return found

    @property
    def average_length(self) -> float:
        """Terms per document."""
        return self.length / max(1, self.documents)

    def idf(self, term: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)), as BM25 of Lucene has it."""
        df = self.df[term]
        return math.log(1 + (self.documents - df + 0.5) / (df + 0.5))

    def bm25(self, query: str, text: str, k1: float = 0.9, b: float = 0.4) -> float:
        """Score of one text, as an index over the collection would give it."""
        counts = Counter(self.terms(text))
        norm = k1 * (1 - b + b * counts.total() / max(1e-9, self.average_length))
        return sum(
            self.idf(term) * counts[term] / (counts[term] + norm)
            for term in self.terms(query)
            if counts[term]
        )

    def max_idf(self, query: str) -> float:
        """Largest idf among the query's terms that the collection has; 0 where it has none.

        A query without a rare word is hard to answer by words (He and Ounis, SPIRE 2004).
        """
        return max((self.idf(term) for term in self.terms(query) if self.df[term]), default=0.0)

    def clarity(self, found: Sequence[str], *, terms: int = 100) -> float:
        """How far the language of the texts found is from that of the collection, in bits.

        The Kullback-Leibler divergence over the likeliest *terms* of the texts found
        (Cronen-Townsend, Zhou and Croft, "Predicting query performance", SIGIR 2002), each text
        counting alike. Low where a query finds a bit of everything.
        """
        mixed: Counter[str] = Counter()
        for text in found:
            counts = Counter(self.terms(text))
            for term, count in counts.items():
                mixed[term] += count / counts.total() / len(found)  # type: ignore[assignment]
        best = mixed.most_common(terms)
        mass = sum(share for _, share in best)
        return sum(
            share / mass * math.log2(share / mass * self.length / self.cf[term])
            for term, share in best
            if self.cf[term]
        )


def spelt(texts: Iterable[str]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """How often each word is spelt in these texts, in lower case, and each two in a row."""
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for text in texts:
        several = plain_words(text)
        words.update(several)
        pairs.update(pairwise(several))
    return words, pairs


def plain_words(text: str) -> list[str]:
    """Runs of letters and digits, in lower case; an apostrophe or hyphen within is kept."""
    word: list[str] = []
    found: list[str] = []
    lower = text.lower() + " "
    for place, character in enumerate(lower):
        inside = character in "'’-" and word and lower[place + 1 : place + 2].isalnum()
        if character.isalnum() or inside:
            word.append(character)
        elif word:
            found.append("".join(word))
            word = []
    return found
