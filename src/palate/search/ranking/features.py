"""What is known of a query and a document, in numbers, for learning to rank.

Legend: h hits of a list, f features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from palate.evaluation.ranking import Values
from palate.search.results import Hit, Query, Results, Texts
from palate.search.statistics import CollectionStatistics

More = Callable[[Query, str], float]
"""A further feature of a query and a document's id."""


class Features:
    """Features of the hits of a list.

    Attributes:
        names: of the features, in the order of the columns.
    """

    def __init__(
        self,
        statistics: CollectionStatistics,
        texts: Texts,
        stages: Sequence[str] = (),
        more: Mapping[str, More] | None = None,
    ) -> None:
        """
        Args:
            stages: retrievers whose score and rank are features, by the name that provenance has.
            more: further features by name, such as a language model's grade, or a person's taste.
        """
        self._statistics, self._texts = statistics, texts
        self._stages, self._more = tuple(stages), dict(more or {})
        self.names = [
            "bm25_title", "bm25_text", "idf_matched", "idf_query", "coverage", "query_terms",
            "title_terms", "text_terms", "first_match",
        ]  # fmt: skip
        for stage in self._stages:
            self.names += [f"score_{stage}", f"reciprocal_rank_{stage}"]
        self.names += list(self._more)

    def of(self, results: Results) -> Values:
        """[h, f] features of all hits of a list; NaN where something is not known."""
        rows = [self._row(results.query, hit) for hit in results.hits]
        return np.array(rows, dtype=float).reshape(len(rows), len(self.names))

    def _row(self, query: Query, hit: Hit) -> list[float]:
        known = self._statistics
        title, text = self._texts.title(hit.document), self._texts.text(hit.document)
        asked = known.terms(query.text)
        title_terms, text_terms = known.terms(title), known.terms(text)
        there = {*title_terms, *text_terms}
        matched = [term for term in dict.fromkeys(asked) if term in there]
        first = next((i for i, term in enumerate(text_terms) if term in matched), len(text_terms))
        row = [
            known.bm25(query.text, title),
            known.bm25(query.text, text),
            sum(map(known.idf, matched)),
            sum(map(known.idf, dict.fromkeys(asked))),
            len(matched) / max(1, len(set(asked))),
            float(len(asked)),
            float(len(title_terms)),
            float(len(text_terms)),
            1 / (1 + first),
        ]
        for stage in self._stages:
            found = next((one for one in hit.provenance if one.stage == stage), None)
            row += [np.nan, 0.0] if found is None else [found.score, 1 / found.rank]
        return row + [one(query, hit.document) for one in self._more.values()]
