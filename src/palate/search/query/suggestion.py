"""What somebody may want to ask next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel, Write
from palate.search.asking import Steps, ask, run
from palate.search.query.completion import normal
from palate.search.query.rewriters import shown
from palate.search.query.written import lines
from palate.search.results import Query, Retriever
from palate.search.similarity import Vectors, mmr, without_twins

FOLLOWED = (
    ("green tea", "green tea caffeine\nhow long to brew green tea\ngreen tea or black tea"),
    ("flat tyre", "how to change a tyre\ntyre repair near me\nspare wheel size"),
)


class SuggestionConfig(Config):
    """Settings of suggestion."""

    count: int = Field(5, ge=1)
    """Suggestions at most."""
    documents: int = Field(3, ge=0)
    """Documents that a suggestion must find..."""
    least: float = 0.0
    """... with a score above this."""
    alike: float = Field(0.9, gt=0, le=1)
    """Cosine above which two suggestions say the same."""
    relevance: float = Field(0.7, ge=0, le=1)
    """Share of relevance, against variety, in choosing among them (MMR)."""
    proposals: int = Field(4, ge=0)
    """Follow-ups that a language model, if there is one, is asked for."""


class Suggester:
    """Queries that followed in past sessions and ones that a model proposes, filtered and varied.

    Nothing is suggested that finds nothing: a suggestion must retrieve enough documents.
    """

    def __init__(
        self,
        sessions: Sequence[Sequence[str]],
        retriever: Retriever,
        vectors: Vectors,
        config: SuggestionConfig | None = None,
        model: ChatModel | None = None,
    ) -> None:
        """
        Args:
            sessions: the queries of each session, in order.
            retriever: shows whether a suggestion finds anything.
            vectors: of texts, for likeness.
        """
        self.config = config or SuggestionConfig()
        self._retriever, self._vectors, self._model = retriever, vectors, model
        self._next: dict[str, Counter[str]] = {}
        for session in sessions:
            asked = [normal(query) for query in session]
            for place, query in enumerate(asked):
                for distance, later in enumerate(asked[place + 1 :], 1):
                    if later != query:
                        self._next.setdefault(query, Counter())[later] += 1 / distance  # type: ignore[assignment]

    def suggest(self, query: str) -> list[str]:
        """At most ``count`` queries, the best first."""
        asked = normal(query)
        followed = self._next.get(asked, Counter())
        total = sum(followed.values()) or 1.0
        worth = {text: 0.5 + 0.5 * count / total for text, count in followed.items()}
        if self._model is not None and self.config.proposals:
            (spent,) = run(self._model, [self._proposed(query)])
            for text in spent.found:
                worth.setdefault(normal(text), 0.5)
        worth.pop(asked, None)
        texts = sorted(self._findable(list(worth)), key=lambda text: -worth[text])
        if not texts:
            return []
        vectors = self._vectors([asked, *texts])
        kept = [place - 1 for place in without_twins(vectors, self.config.alike) if place]
        near = vectors[1:] @ vectors[0]
        texts_kept = [texts[i] for i in kept]
        relevance = [worth[texts[i]] * (1 + max(0.0, float(near[i]))) for i in kept]
        chosen = mmr(
            relevance, vectors[[i + 1 for i in kept]], self.config.count, self.config.relevance
        )
        return [texts_kept[i] for i in chosen]

    def _proposed(self, query: str) -> Steps[list[str]]:
        count = self.config.proposals
        task = f"Write {count} searches that somebody who made this one may make next."
        turns = shown(task, FOLLOWED, query)
        (reply,) = yield from ask([Write(turns, max_tokens=25 * count)])
        return lines(reply.text, 15)[:count]

    def _findable(self, texts: list[str]) -> list[str]:
        wanted = self.config.documents
        if not wanted or not texts:
            return texts
        queries = [Query(str(i), text) for i, text in enumerate(texts)]
        found = self._retriever.retrieve(queries, wanted)
        return [
            text
            for text, one in zip(texts, found, strict=True)
            if sum(hit.score > self.config.least for hit in one.hits) >= wanted
        ]
