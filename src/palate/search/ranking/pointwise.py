"""Each passage by itself: is it an answer, and how likely does it make the query?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from palate.language.questions import Choose, Continue, mean_log_prob
from palate.search.asking import Steps, ask, fenced, user
from palate.search.ranking.permutations import by_score
from palate.search.ranking.reranker import LanguageRanker, Ordering, RankerConfig

YES = ("yes", "Yes", "YES", " yes", " Yes")
NO = ("no", "No", "NO", " no", " No")


def yes_no_question(query: str, text: str) -> Choose:
    """Whether a passage answers a query, as a choice among ways to say so."""
    turns = user(
        f"Passage:\n{fenced(text)}",
        f"Query: {query}",
        "Does the passage answer the query? Answer with Yes or No.",
    )
    return Choose(turns, (*YES, *NO))


def yes_share(log_probs: Sequence[float]) -> float:
    """Log of the probability of yes among yes and no, whatever the spelling.

    The spellings are summed as probabilities: log-sum-exp over those of yes, less that over all.
    """
    values = np.asarray(log_probs, dtype=float)
    return float(np.logaddexp.reduce(values[: len(YES)]) - np.logaddexp.reduce(values))


class YesNo(LanguageRanker[RankerConfig]):
    """By the probability of yes, as monoT5 (Nogueira et al., EMNLP Findings 2020)."""

    method = "yesno"

    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """One question per passage."""
        replies = yield from ask([yes_no_question(query, text) for text in passages])
        return _by_scores([yes_share(reply.log_probs) for reply in replies])


class LikelihoodConfig(RankerConfig):
    """Settings of query likelihood."""

    baseline: float = Field(0.0, ge=0, le=1)
    """Share of the query's likelihood without the passage that is taken off; cannot change an
    order, but makes scores of different queries comparable."""


class QueryLikelihood(LanguageRanker[LikelihoodConfig]):
    """By the mean log-probability of the query's tokens after the passage.

    Sachan et al., "Improving Passage Retrieval with Zero-Shot Question Generation", EMNLP 2022
    (arXiv:2204.07496). The prompt is plain text, so models without a chat format do as well.
    """

    method = "qlm"

    def order(self, query: str, passages: Sequence[str]) -> Steps[Ordering]:
        """One question per passage."""
        asked = [Continue(f"Passage: {text}\nQuery:", f" {query}") for text in passages]
        if self.config.baseline:
            asked.append(Continue("Query:", f" {query}"))
        replies = yield from ask(asked)
        scores = [mean_log_prob(reply) for reply in replies]
        alone = self.config.baseline * scores.pop() if self.config.baseline else 0.0
        return _by_scores([score - alone for score in scores])


def _by_scores(scores: list[float]) -> Ordering:
    order = by_score(scores)
    return Ordering(order, [scores[place] for place in order])
