"""A person's own words beside a query: what they looked at before says which sense is meant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.search.results import Expansion, Query, WeightedText
from palate.search.similarity import Vectors


class PersonalConfig(Config):
    """Settings of personal expansion."""

    items: int = Field(5, ge=1)
    """Things of the person's past that are looked at: the nearest to the query."""
    phrases: int = Field(5, ge=1)
    """Phrases that are added, at most."""
    weight: float = Field(0.3, gt=0, le=0.3)
    """Weight of the list that they find; at most .3, so that the query outweighs the past."""
    half_life: float = Field(30.0, gt=0)
    """Days after which a thing of the past counts half."""
    navigational: float = Field(1.0, ge=0)
    """Queries whose clicks have less entropy than this (bits) mean one thing to everybody, and
    are left alone."""
    clicks: int = Field(5, ge=1)
    """Clicks that a query needs for its entropy to be believed."""


@dataclass(frozen=True)
class Past:
    """Something a person looked at.

    Attributes:
        phrases: what it is about, the most telling first.
        age: days since then.
    """

    phrases: tuple[str, ...]
    age: float = 0.0


def click_entropy(clicks: Mapping[str, int] | Sequence[str]) -> float:
    """Entropy in bits of what was clicked for a query (Dou, Song and Wen, WWW 2007)."""
    counts = np.array(list(Counter(clicks).values()), dtype=float)
    shares = counts[counts > 0] / max(1.0, counts.sum())
    return float(-(shares * np.log2(shares)).sum())


class Personal:
    """Adds phrases of a person's past that are near the query.

    A phrase weighs the sum over things of the past of nearness to the query times
    ``2 ** (-age / half life)``, the later phrases of a thing less.
    """

    name = "personal"

    def __init__(
        self,
        past: Callable[[str], Sequence[Past]],
        vectors: Vectors,
        config: PersonalConfig | None = None,
        clicks: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """
        Args:
            past: what a user looked at, by the user's id.
            vectors: of texts, for nearness.
            clicks: for queries asked before (lower case), how often each document was clicked.
        """
        self.config = config or PersonalConfig()
        self._past, self._vectors, self._clicks = past, vectors, dict(clicks or {})

    def is_navigational(self, text: str) -> bool:
        """Nearly everybody who asked this clicked the same."""
        counts = self._clicks.get(" ".join(text.lower().split()), {})
        if sum(counts.values()) < self.config.clicks:
            return False
        return click_entropy(counts) < self.config.navigational

    def phrases(self, query: Query) -> list[tuple[str, float]]:
        """Phrases and their weights, the heaviest first."""
        past = [one for one in self._past(query.user) if one.phrases] if query.user else []
        if not past or self.is_navigational(query.text):
            return []
        vectors = self._vectors([query.text, *(" ".join(one.phrases) for one in past)])
        near = (vectors[1:] @ vectors[0]).clip(min=0)
        chosen = np.argsort(-near, kind="stable")[: self.config.items]
        weights: dict[str, float] = {}
        for place in chosen:
            worth = near[place] * math.pow(2, -past[place].age / self.config.half_life)
            for rank, phrase in enumerate(past[place].phrases, 1):
                if worth > 0 and phrase.lower() not in query.text.lower():
                    weights[phrase] = weights.get(phrase, 0.0) + float(worth) / rank
        heaviest = sorted(weights.items(), key=lambda one: (-one[1], one[0]))
        return heaviest[: self.config.phrases]

    def rewrite(self, queries: Sequence[Query]) -> list[Expansion]:
        """The query, and the query with the person's phrases at a small weight."""
        found = []
        for query in queries:
            phrases = " ".join(phrase for phrase, _ in self.phrases(query))
            texts = (
                (WeightedText(f"{query.text} {phrases}", self.config.weight, self.name),)
                if phrases
                else ()
            )
            found.append(Expansion(query, texts))
        return found
