"""A window of passages at a time, from the end of the list to its head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from palate.language.questions import Write
from palate.search.asking import Steps, ask, fenced, together, user
from palate.search.ranking.permutations import agreement, borda, by_score, parse_permutation
from palate.search.ranking.reranker import LanguageRanker, Ordering, RankerConfig
from palate.search.ranking.setwise import letters_question

PER_NUMBER = 5  # tokens of "[12] > "


def windows(n: int, size: int, step: int) -> Iterator[tuple[int, int]]:
    """Where each window begins and ends, the last of the list first and the head always last.

    The loop of RankGPT's release ends where a window would begin before the list does, which
    leaves the head as it was unless ``n = size + m * step``; here such a window begins at 0.
    """
    end = n
    while n:
        start = max(end - size, 0)
        yield start, end
        if start == 0:
            return
        end -= step


class ListwiseConfig(RankerConfig):
    """Settings of listwise ranking."""

    window: int = Field(20, ge=2)
    """Passages that the model is shown at a time."""
    step: int = Field(10, ge=1)
    """Passages that a window is ahead of the one before it."""
    read: Literal["text", "letters"] = "text"
    """The order that the model writes; or, in a single pass, that of the likelihoods of the
    passages' letters as the first token of the answer (FIRST)."""

    @model_validator(mode="after")
    def _steps_within_windows(self) -> ListwiseConfig:
        if self.step > self.window:
            raise ValueError(f"step {self.step} passes over passages: window is {self.window}")
        if self.read == "letters" and self.window > 26:
            raise ValueError(f"window {self.window}: there are 26 letters")
        return self


class Listwise(LanguageRanker[ListwiseConfig]):
    """RankGPT (Sun et al., EMNLP 2023, arXiv:2304.09542); with letters, FIRST (Reddy et al.,
    EMNLP 2024, arXiv:2406.15657).

    Counts how many answers were ``parsed`` and how many of them ``repaired``.
    """

    method = "listwise"

    @property
    def name(self) -> str:
        """By how the answer is read, and who is asked."""
        method = self.method if self.config.read == "text" else "first"
        return f"{method}:{self.model.name}"

    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """One question per window."""
        order = list(range(len(passages)))
        counts = {"parsed": 0.0, "repaired": 0.0}
        for start, end in windows(len(order), self.config.window, self.config.step):
            places = order[start:end]
            shown = [passages[place] for place in places]
            if self.config.read == "letters":
                (reply,) = yield from ask([letters_question(query, shown)])
                found = by_score(reply.log_probs)
            else:
                (reply,) = yield from ask([list_question(query, shown)])
                parsed = parse_permutation(reply.text, len(places))
                found = parsed.order
                counts["parsed"] += 1
                counts["repaired"] += parsed.repaired
            order[start:end] = [places[i] for i in found]
        return Ordering(order, None, counts if self.config.read == "text" else {})


def list_question(query: str, passages: Sequence[str]) -> Write:
    """The order of numbered passages."""
    n = len(passages)
    shown = [f"[{place}]\n{fenced(text)}" for place, text in enumerate(passages, 1)]
    turns = user(
        f"Rank {n} passages by how relevant they are to the query: {query}",
        *shown,
        f"Query: {query}",
        f"Write the numbers of all {n} passages, the most relevant first, as in [2] > [1]. "
        "Write nothing else.",
    )
    return Write(turns, max_tokens=PER_NUMBER * n + 5)


class SelfConsistent(LanguageRanker[RankerConfig]):
    """A ranker asked about several shuffles of the list, and the orders put together.

    Permutation self-consistency (Tang et al., NAACL 2024, arXiv:2310.07712), with Borda's count.
    Counts ``order_agreement``, the mean Kendall's tau between the orders found, over ``lists``:
    1 where the order shown does not matter.
    """

    def __init__(self, inner: LanguageRanker, shuffles: int = 3, seed: int = 0) -> None:
        """
        Args:
            shuffles: orders of the list that are shown, its own the first.
        """
        super().__init__(inner.model, inner.config)
        self._inner, self._shuffles, self._seed = inner, shuffles, seed

    @property
    def name(self) -> str:
        """The inner ranker's, and how often it is asked."""
        return f"{self._inner.name}×{self._shuffles}"

    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """The inner procedure, once per shuffle."""
        random = np.random.default_rng(self._seed)
        n = len(passages)
        shown = [list(range(n))]
        shown += [random.permutation(n).tolist() for _ in range(self._shuffles - 1)]
        found = yield from together(
            [self._inner.order(query, [passages[i] for i in places]) for places in shown]
        )
        orders = [[places[i] for i in one.order] for places, one in zip(shown, found, strict=True)]
        counts = {"order_agreement": agreement(orders), "lists": 1.0}
        for one in found:
            counts |= {key: counts.get(key, 0.0) + value for key, value in one.counts.items()}
        return Ordering(borda(orders), None, counts)
