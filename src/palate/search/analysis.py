"""From text to the terms that lexical search counts.

Lower case, word characters, the 33 English stop words of Lucene, Porter's stem: what published
BM25 results were made with. (On SciFact the newer English stem of Snowball gains .0035 NDCG@10
and loses .007 recall, on Cranfield neither matters.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from palate.config import Config
from palate.errors import ConfigError

STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with".split()
)
WORD = re.compile(r"\w+")


class AnalysisConfig(Config):
    """How text becomes terms. An index keeps what it was made with."""

    stem: Literal["porter", "english", "none"] = "porter"
    """Stemmer: Porter's first one, Snowball's English one, or none."""
    stop_words: bool = True
    """Leave out the 33 stop words of Lucene."""


class Analyzer:
    """Splits texts into terms; a word is stemmed once and remembered."""

    def __init__(self, config: AnalysisConfig | None = None) -> None:
        self.config = config or AnalysisConfig()
        self._stem = None
        if self.config.stem != "none":
            try:
                from Stemmer import Stemmer
            except ImportError:
                raise ConfigError(
                    "searching needs the extra 'search': pip install 'palate[search]'"
                ) from None
            self._stem = Stemmer(self.config.stem, 0).stemWord
        self._stems: dict[str, str] = {}

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in its order."""
        stems = self._stems
        found = []
        for word in WORD.findall(text.lower()):
            stem = stems.get(word)
            if stem is None:
                stem = stems[word] = self._one(word)
            if stem:
                found.append(stem)
        return found

    def _one(self, word: str) -> str:
        """Its stem; empty for a stop word."""
        if self.config.stop_words and word in STOP_WORDS:
            return ""
        return word if self._stem is None else str(self._stem(word))


class Numbering:
    """Numbers for terms, given out as terms are met."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.numbers: dict[str, int] = {}

    def encode(self, texts: Iterable[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """[t] terms of all texts one after another, and [n] how many each text has."""
        numbers = self.numbers
        flat: list[int] = []
        lengths: list[int] = []
        for text in texts:
            terms = self.analyzer.terms(text)
            flat += [numbers.setdefault(term, len(numbers)) for term in terms]
            lengths.append(len(terms))
        return np.array(flat, dtype=np.int32), np.array(lengths, dtype=np.int32)

    def sorted(self) -> tuple[list[str], npt.NDArray[np.int32]]:
        """The terms in the order of their UTF-8, and [v] the place there of each number."""
        order = sorted(self.numbers, key=str.encode)
        places = np.empty(len(order), dtype=np.int32)
        for place, term in enumerate(order):
            places[self.numbers[term]] = place
        return order, places


def counted(terms: Sequence[str]) -> dict[str, float]:
    """How often each term stands in a query, in the order of their first use."""
    counts: dict[str, float] = {}
    for term in terms:
        counts[term] = counts.get(term, 0.0) + 1.0
    return counts
