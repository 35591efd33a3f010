"""Small parts that tests of the research room share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from palate.language.questions import Choose, Question, Reply, Write
from palate.research.corpus import Corpus
from palate.research.papers import Paper


@pytest.fixture
def corpus() -> Corpus:
    """Seven papers: five to be found, a survey, and one that is too late."""
    return Corpus(
        [
            Paper("a", "Graph neural networks for items", "Graphs of items.", date="2018"),
            Paper("b", "Graph attention", "Attention on graphs.", date="2019-05", references=("a",),
                  authors=("Ada",)),
            Paper("c", "Text encoders for news", "Words of news.", date="2019-12-31",
                  references=("a", "b"), authors=("Ada", "Bob")),
            Paper("d", "Cold start of users", "New users.", date="2020-02-28"),
            Paper("e", "Old ideas", "From long ago.", authors=("Bob",)),
            Paper("s", "A survey of graph recommendation", "All graphs.", date="2019"),
            Paper("t", "The topic itself", "Graph text.", date="2020", references=("a", "b", "c")),
        ],
        "seven",
    )  # fmt: skip


def words(texts: Sequence[str]) -> np.ndarray:
    """[n, h] one axis per word."""
    known = sorted({word for text in texts for word in text.lower().split()})
    return np.array([[text.lower().split().count(word) for word in known] for text in texts])


@pytest.fixture
def embed() -> Callable[[Sequence[str]], np.ndarray]:
    """Vectors that count words."""
    return words


class Scripted:
    """A language model whose replies are written down; questions of yes or no go by a word."""

    name = identity = "scripted"

    def __init__(self, *texts: str, yes: str = "") -> None:
        self.texts, self.yes_word = list(texts), yes
        self.asked: list[Question] = []

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The next text for each, or yes where the last turn has the word."""
        self.asked += questions
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Reply:
        if isinstance(question, Choose):
            sure = bool(self.yes_word) and self.yes_word in question.turns[-1][1]
            half = len(question.options) // 2
            log_probs = [-0.1 if (place < half) == sure else -9.0 for place in range(2 * half)]
            return Reply(log_probs=tuple(log_probs), tokens_in=10, tokens_out=1)
        assert isinstance(question, Write)
        return Reply(self.texts.pop(0) if self.texts else "", tokens_in=20, tokens_out=5)
