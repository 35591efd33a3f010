"""A few passages at a time: which of them is the best?"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from pydantic import Field

from palate.language.questions import Choose
from palate.search.asking import Steps, ask, fenced, user
from palate.search.ranking.reranker import LanguageRanker, Ordering, RankerConfig
from palate.search.ranking.sorting import heap_top


def letters_question(query: str, passages: Sequence[str]) -> Choose:
    """Which of at most 26 lettered passages is the most relevant."""
    letters = ascii_uppercase[: len(passages)]
    shown = [
        f"Passage {letter}:\n{fenced(text)}" for letter, text in zip(letters, passages, strict=True)
    ]
    turns = user(
        f"Query: {query}",
        *shown,
        f"Which passage is the most relevant to the query? Answer with {' or '.join(letters)}."
        if len(letters) < 5
        else "Which passage is the most relevant to the query? Answer with its letter.",
    )
    return Choose(turns, tuple(letters))


class SetwiseConfig(RankerConfig):
    """Settings of setwise ranking."""

    children: int = Field(2, ge=2, le=25)
    """Passages that one is held against at a time: children of a node of the heap."""
    settle: int = Field(10, ge=1)
    """Places at the head that are settled."""


class Setwise(LanguageRanker[SetwiseConfig]):
    """A heap whose nodes are compared with all their children at once.

    Zhuang et al., SIGIR 2024 (arXiv:2310.09497), with the likelihood of each letter.
    """

    method = "setwise"

    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """One question per visit to a node."""

        def best(places: Sequence[int]) -> Steps[int]:
            (reply,) = yield from ask([letters_question(query, [passages[i] for i in places])])
            score = dict(zip(places, reply.log_probs, strict=True))
            return min(places, key=lambda place: (-score[place], place))

        order = yield from heap_top(len(passages), self.config.settle, self.config.children, best)
        return Ordering(order)
