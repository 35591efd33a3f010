"""Systematic reviews: in which order to read candidates, so that few are read in vain.

Legend: n candidates, in the order of the review.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError, DataError
from palate.evaluation.ranking import Indices, Values
from palate.research.readers.screening_csv import Screening

Labels = npt.NDArray[np.bool_]
Strategy = Literal["active", "bm25", "random"]
RECALL = 0.95


class ScreeningConfig(Config):
    """Active learning: what is read next is what the labels so far say is likeliest."""

    start: Literal["query", "random"] = "query"
    """Which candidates are read before anything is learned: by BM25 of the review's question, or
    at random until one was included and one was not."""
    batch: int = Field(10, ge=1)
    """Candidates that are read between two trainings."""
    regularisation: float = Field(1.0, gt=0)
    """Inverse strength of the penalty on the weights of logistic regression."""
    terms: int = Field(20_000, ge=1)
    """Most frequent words and pairs of words that TF-IDF looks at."""
    balance: bool = True
    """Weigh both classes the same, whatever their counts: few candidates are included."""


@dataclass(frozen=True)
class Outcome:
    """What an order of reading was worth.

    Attributes:
        order: [n] candidates in the order in which they were read.
        found: [n] included ones among the first 1, 2 … that were read, as a share of all.
    """

    strategy: str
    order: Indices
    found: Values

    def wss(self, recall: float = RECALL) -> float:
        """Work saved over sampling: see :func:`work_saved`."""
        return work_saved(self.found, recall)

    def read_for(self, recall: float = RECALL) -> int:
        """How many are read until that share of the included ones is found."""
        return int(np.argmax(self.found >= recall - 1e-12)) + 1


def recall_curve(order: Indices, included: Labels) -> Values:
    """[n] share of the included candidates that is found after reading 1, 2 … of them."""
    if not included.any():
        raise DataError("the review includes no candidate, so there is nothing to find")
    return np.cumsum(included[order]) / included.sum()


def work_saved(found: Values, recall: float = RECALL) -> float:
    """Work saved over sampling: ``1 - read / n - (1 - recall)``, with as many read as that recall
    takes (Cohen et al., "Reducing workload in systematic review preparation", 2006).

    Reading in random order saves 0 on average; stopping there is assumed to be known.
    """
    read = int(np.argmax(found >= recall - 1e-12)) + 1
    return 1 - read / len(found) - (1 - recall)


def screen(
    review: Screening,
    strategy: Strategy = "active",
    question: str = "",
    config: ScreeningConfig | None = None,
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Read all candidates of a review whose labels are known, in the order of a strategy.

    Args:
        strategy: ``active`` learns from what was read; ``bm25`` is the order of *question*;
            ``random`` is none.
        question: what the review is about; needed by ``bm25`` and by a start by query.
        told: called with how many were read, and how many there are.

    Raises:
        ConfigError: a question is needed and not given.
    """
    config = config or ScreeningConfig()
    random = np.random.default_rng(seed)
    if strategy == "random":
        order = random.permutation(len(review.papers))
    elif strategy == "bm25":
        order = by_question(review, question)
    else:
        first = (
            by_question(review, question)
            if config.start == "query"
            else random.permutation(len(review.papers))
        )
        order = _active(texts(review), review.included, first, config, seed, told)
    return Outcome(strategy, order, recall_curve(order, review.included))


def texts(review: Screening) -> list[str]:
    """Title and abstract of each candidate."""
    return [f"{paper.title}. {paper.abstract}" for paper in review.papers]


def by_question(review: Screening, question: str) -> Indices:
    """[n] candidates in the order of BM25; those without a word of the question come last."""
    if not question.strip():
        raise ConfigError('say what the review is about: --question "…"')
    from palate.research.finding import memory_bm25

    ranked = memory_bm25(texts(review), question)
    rest = np.setdiff1d(np.arange(len(review.papers)), ranked)
    return np.concatenate([ranked, rest]).astype(np.int64)


def _active(
    documents: Sequence[str],
    included: Labels,
    first: Indices,
    config: ScreeningConfig,
    seed: int,
    told: Callable[[int, int], None] | None,
) -> Indices:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ConfigError("active learning needs it: pip install 'palate[research]'") from None
    words = TfidfVectorizer(
        max_features=config.terms, ngram_range=(1, 2), stop_words="english", sublinear_tf=True
    ).fit_transform(documents)
    n = len(documents)
    read: list[int] = []
    unread = np.ones(n, dtype=bool)
    while unread.any():
        labels = included[read]
        if labels.any() and not labels.all():
            model = LogisticRegression(
                C=config.regularisation,
                class_weight="balanced" if config.balance else None,
                random_state=seed,
                max_iter=1000,
            ).fit(words[read], labels)
            likely = model.decision_function(words)
            candidates = np.lexsort((np.arange(n), -likely))
        else:
            candidates = first
        batch = candidates[unread[candidates]][: config.batch]
        read += batch.tolist()
        unread[batch] = False
        if told is not None:
            told(len(read), n)
    return np.array(read, dtype=np.int64)
