"""Two passages at a time, shown in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from pydantic import Field

from palate.language.questions import Choose
from palate.search.asking import Steps, ask, fenced, user
from palate.search.ranking.permutations import by_score
from palate.search.ranking.reranker import LanguageRanker, Ordering, RankerConfig
from palate.search.ranking.sorting import bubble, heap_top

FIRST = 1.0
TIE = 0.5


def pair_question(query: str, a: str, b: str) -> Choose:
    """Which of two passages is more relevant, A or B."""
    turns = user(
        f"Query: {query}",
        f"Passage A:\n{fenced(a)}",
        f"Passage B:\n{fenced(b)}",
        "Which passage is more relevant to the query? Answer with A or B.",
    )
    return Choose(turns, ("A", "B"))


def outcome(one: Sequence[float], other: Sequence[float]) -> float:
    """1 where the first passage won in both orders, 0 where the second did, else a tie.

    Args:
        one: log-probabilities of A and B, the first passage shown as A.
        other: the same, the first passage shown as B.
    """
    first = one[0] > one[1]
    again = other[1] > other[0]
    return TIE if first != again else float(first)


class PairwiseConfig(RankerConfig):
    """Settings of pairwise ranking."""

    sort: Literal["all-pairs", "heapsort", "bubble"] = "heapsort"
    """All pairs summed; the best found by a heap; or passes from the end to the front."""
    settle: int = Field(10, ge=1)
    """Places at the head that a heap or the passes settle."""


class Pairwise(LanguageRanker[PairwiseConfig]):
    """Pairwise ranking prompting (Qin et al., arXiv:2306.17563).

    A passage that wins in both orders wins; one that wins in one order alone ties. Counts how
    many comparisons came to a ``tie`` because the answer followed the order shown.
    """

    method = "pairwise"

    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """Comparisons, each of two questions."""
        n, counts = len(passages), {"compared": 0.0, "ties": 0.0}

        def compare(pairs: Sequence[tuple[int, int]]) -> Steps[list[float]]:
            questions = []
            for i, j in pairs:
                questions.append(pair_question(query, passages[i], passages[j]))
                questions.append(pair_question(query, passages[j], passages[i]))
            replies = yield from ask(questions)
            found = [
                outcome(replies[at].log_probs, replies[at + 1].log_probs)
                for at in range(0, len(replies), 2)
            ]
            counts["compared"] += len(found)
            counts["ties"] += found.count(TIE)
            return found

        def best(places: Sequence[int]) -> Steps[int]:
            """The winner so far against each next one; of two that tie, who was ahead at first."""
            leader = places[0]
            for place in places[1:]:
                (result,) = yield from compare([(leader, place)])
                if result == 0.0 or (result == TIE and place < leader):
                    leader = place
            return leader

        if self.config.sort == "all-pairs":
            pairs = list(combinations(range(n), 2))
            scores = [0.0] * n
            if pairs:
                found = yield from compare(pairs)
                for (i, j), result in zip(pairs, found, strict=True):
                    scores[i] += result
                    scores[j] += FIRST - result
            order = by_score(scores)
            return Ordering(order, [scores[place] for place in order], counts)
        if self.config.sort == "heapsort":
            order = yield from heap_top(n, self.config.settle, 2, best)
        else:
            order = yield from bubble(n, self.config.settle, best)
        return Ordering(order, None, counts)
