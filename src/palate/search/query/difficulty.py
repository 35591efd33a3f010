"""Whether a query is hard enough that other words are worth their price.

Expansions help weak searches and hurt strong ones, so rewriters ask here first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.search.results import Query, Retriever, Texts
from palate.search.statistics import CollectionStatistics


class Gate(Protocol):
    """Tells which queries are worth other words."""

    def hard(self, queries: Sequence[Query]) -> list[bool]:
        """True where other words are worth trying."""
        ...


class DifficultyConfig(Config):
    """Settings of the gate."""

    by: Literal["max-idf", "clarity"] = "max-idf"
    """The largest idf of the query's words, before any search; or how far the language of the
    first documents found is from the collection's, which needs one."""
    easy_above: float | None = None
    """Queries with more than this are left alone; null takes the median of the queries that the
    gate was calibrated on."""
    documents: int = Field(10, ge=1)
    """First documents that clarity is measured on."""


class Difficulty:
    """Tells hard queries from easy ones."""

    def __init__(
        self,
        statistics: CollectionStatistics,
        config: DifficultyConfig | None = None,
        retriever: Retriever | None = None,
        texts: Texts | None = None,
    ) -> None:
        """
        Args:
            retriever: finds the first documents, for clarity.
            texts: their words.
        """
        self.config = config or DifficultyConfig()
        if self.config.by == "clarity" and (retriever is None or texts is None):
            raise ValueError("clarity needs a retriever and texts")
        self._statistics, self._retriever, self._texts = statistics, retriever, texts
        self._above = self.config.easy_above

    def measure(self, queries: Sequence[Query]) -> list[float]:
        """The larger, the easier."""
        if self.config.by == "max-idf":
            return [self._statistics.max_idf(query.text) for query in queries]
        assert self._retriever is not None
        assert self._texts is not None
        texts = self._texts
        return [
            self._statistics.clarity([texts.text(document) for document in one.documents])
            if one.hits
            else 0.0
            for one in self._retriever.retrieve(queries, self.config.documents)
        ]

    def calibrate(self, queries: Sequence[Query], share: float = 0.5) -> float:
        """Call so large a share of these queries hard; returns the value above which is easy."""
        self._above = float(np.quantile(self.measure(queries), share))
        return self._above

    def hard(self, queries: Sequence[Query]) -> list[bool]:
        """True where other words are worth trying; an uncalibrated gate lets all through."""
        if self._above is None:
            return [True] * len(queries)
        return [value <= self._above for value in self.measure(queries)]
