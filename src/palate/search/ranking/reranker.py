"""What language-model rankers have in common: the head of a list goes to a procedure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel
from palate.search.asking import Steps, passage, run
from palate.search.results import Results, Texts


class RankerConfig(Config):
    """Settings that all language-model rankers have."""

    depth: int = Field(20, ge=1)
    """Hits at the head of the list that are put in order; the others keep their places."""
    words: int = Field(100, ge=5)
    """Words of each document that the model is shown, its title first."""


@dataclass(frozen=True)
class Ordering:
    """An order of passages.

    Attributes:
        order: positions, the best first.
        scores: one per place of *order*, falling; made from ranks where a method has none.
        counts: more to be told of how it came about, such as answers that had to be ``repaired``.
    """

    order: list[int]
    scores: list[float] | None = None
    counts: dict[str, float] = field(default_factory=dict)

    @property
    def told_scores(self) -> list[float]:
        """Scores of the places: those there are, or one over the rank."""
        return self.scores or [1 / place for place in range(1, len(self.order) + 1)]


C = TypeVar("C", bound=RankerConfig)


class LanguageRanker(ABC, Generic[C]):
    """Puts the head of each list in an order that a language model is asked for.

    Attributes:
        config: its settings.
        method: short name of the way of asking.
    """

    method: str

    def __init__(self, model: ChatModel, config: C) -> None:
        self.model, self.config = model, config

    @property
    def name(self) -> str:
        """The way of asking, and who is asked."""
        return f"{self.method}:{self.model.name}"

    @abstractmethod
    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """The procedure that puts the passages of one query in order."""

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits, the head of each list in a new order."""
        depth = self.config.depth if k is None else min(k, self.config.depth)
        procedures = [
            self.order(
                one.query.text,
                [passage(texts, hit.document, self.config.words) for hit in one.hits[:depth]],
            )
            for one in results
        ]
        ranked = []
        for one, spent in zip(results, run(self.model, procedures), strict=True):
            found = spent.found
            again = one.reordered(found.order, self.name, found.told_scores)
            ranked.append(again.spent(self.name, spent.seconds, spent.cost | found.counts))
        return ranked
