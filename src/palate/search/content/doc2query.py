"""Queries that a document answers, added to its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel, Continue, Write, mean_log_prob
from palate.search.asking import Steps, ask, clipped
from palate.search.content.enrich import Enricher, shown_how
from palate.search.documents import Document
from palate.search.query.written import lines

Judge = Callable[[str, str], float]
"""(query, document's text) -> how well the document answers it."""

TASK = "Write a short search query that the text answers."
ASKED = (
    ("Moss has no roots. It drinks rain through its leaves, and dries out without dying.",
     "how does moss drink water"),
    ("The first railway tunnel under the Thames was opened in 1843, and was dug behind a shield.",
     "when was the thames tunnel opened"),
)  # fmt: skip
"""How it is done, on texts of no collection: small models need to be shown."""


class Doc2QueryConfig(Config):
    """Settings of doc2query."""

    count: int = Field(20, ge=1)
    """Queries drawn per document; papers draw 20 to 80."""
    top_k: int = Field(10, ge=1)
    """Tokens that each next one is drawn from."""
    temperature: float = Field(1.0, gt=0)
    """Of the drawing."""
    dropped: float = Field(0.5, ge=0, lt=1)
    """Share of a document's queries that the filter drops: the worst ones."""
    words: int = Field(120, ge=5)
    """Words of the document that the model is shown."""
    seed: int = 0
    """Of the first query; each further one adds 1."""


class Doc2Query(Enricher[Doc2QueryConfig, list[str]]):
    """Queries drawn from a language model, the worst of each document dropped.

    Nogueira et al., "Document Expansion by Query Prediction" (arXiv:1904.08375); the filter is
    doc2query-- (Gospodinov, MacAvaney and Macdonald, ECIR 2023, arXiv:2301.03266). Without a judge
    of its own, the filter asks the same model how likely each query is after the document.
    """

    field = "queries"

    def __init__(
        self, model: ChatModel, config: Doc2QueryConfig | None = None, judge: Judge | None = None
    ) -> None:
        """
        Args:
            judge: scores queries for the filter, such as a cross-encoder.
        """
        super().__init__(model, config or Doc2QueryConfig())
        self._judge = judge

    def steps(self, document: Document) -> Steps[list[str]]:
        """One question per query, all at once; then one each for the filter."""
        text = f"{document.title}. {document.text}" if document.title else document.text
        text = clipped(text, self.config.words)
        if not text:
            return []
        config = self.config
        turns = shown_how(TASK, ASKED, text)
        asked = [
            Write(turns, 24, config.temperature, config.top_k, config.seed + i)
            for i in range(config.count)
        ]
        replies = yield from ask(asked)
        queries = list(
            dict.fromkeys(line for reply in replies for line in lines(reply.text, 20)[:1])
        )
        keep = len(queries) - int(config.dropped * len(queries))
        if keep == len(queries):
            return queries
        if self._judge is not None:
            scores = [self._judge(query, text) for query in queries]
        else:
            told = yield from ask([Continue(f"Passage: {text}\nQuery:", f" {q}") for q in queries])
            scores = [mean_log_prob(reply) for reply in told]
        return best(queries, scores, keep)

    def shown(self, found: list[str]) -> str:
        """One query per line."""
        return "\n".join(found)


def best(queries: Sequence[str], scores: Sequence[float], count: int) -> list[str]:
    """The best ones, in the order they were drawn."""
    order = np.argsort(-np.asarray(scores), kind="stable")[:count]
    return [queries[i] for i in sorted(order)]
