"""A language model as annotator: grades of documents, preferences between two, orders of several.

The grades are those of TREC's passage track: 0 unrelated, 1 related without an answer, 2 a partial
answer or one that is buried, 3 dedicated to the query and exact. The prompt's steps follow the
published recipe of Bing and UMBRELA (Upadhyay et al., arXiv:2406.06519): what is asked for, how
well the passage matches it, how far it can be trusted, then one grade.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel, Choose, Write
from palate.search.asking import Steps, ask, fenced, passage, run, together, user
from palate.search.ranking.listwise import list_question
from palate.search.ranking.pairwise import outcome, pair_question
from palate.search.ranking.permutations import parse_permutation
from palate.search.results import Query, Results, Texts

GRADES = 4
SCALE = (
    "0 = not related to the query; 1 = related, but does not answer it; "
    "2 = answers it in part, or hides the answer; 3 = answers it exactly."
)
WORDINGS = (
    ("Grade how well the passage answers the query.", "Grade (0 to 3):"),
    ("Does the passage match what is asked for, and can it be trusted? Grade it.", "The grade is:"),
    ("You are a search quality rater. Give the passage a grade for the query.", "Grade:"),
)
AGAIN = "Answer with one number only: 0, 1, 2 or 3."
_NUMBER = re.compile(r"(?<![\d.])\d+(?![\d.]*\d)")


class AnnotatorConfig(Config):
    """Settings of the annotator."""

    words: int = Field(100, ge=5)
    """Words of each document that the model is shown, its title first."""
    read: Literal["likelihood", "text"] = "likelihood"
    """A grade by the likelihood of each number, or the last number of what the model writes;
    small models write numbers badly, and some addresses tell no likelihoods."""
    votes: Literal[1, 3] = 1
    """Wordings of the question that are asked; of three, the median grade counts."""


@dataclass(frozen=True)
class Grade:
    """What one document is to one query.

    Attributes:
        grade: 0 … 3; None where the model told none, which is not the same as 0.
        expected: mean grade under the model's probabilities, or over the votes.
        sure: probability of the grade, or the share of votes for it: its weight in training.
    """

    query: str
    document: str
    grade: int | None
    expected: float
    sure: float


def parse_grade(text: str) -> int | None:
    """The last whole number of a text, if it is a grade."""
    told = _NUMBER.findall(text)
    return int(told[-1]) if told and len(told[-1]) == 1 and int(told[-1]) < GRADES else None


def grade_turns(query: str, text: str, wording: int = 0, again: bool = False) -> tuple:
    """The conversation in which a grade is asked for."""
    task, ending = WORDINGS[wording]
    lines = [f"{task} {SCALE}", f"Query: {query}", f"Passage:\n{fenced(text)}"]
    return user(*lines, AGAIN if again else "", ending)


class Annotator:
    """Grades documents, and prefers one to another, as a language model does."""

    def __init__(self, model: ChatModel, config: AnnotatorConfig | None = None) -> None:
        self.model, self.config = model, config or AnnotatorConfig()
        self.cost: dict[str, float] = {}
        self.seconds = 0.0

    @property
    def name(self) -> str:
        """Who annotates, and how."""
        return f"{self.model.name}, by {self.config.read}"

    def grade(self, pairs: Sequence[tuple[Query, str]], texts: Texts) -> list[Grade]:
        """One grade per pair of a query and a document's id."""
        shown = [passage(texts, document, self.config.words) for _, document in pairs]
        return [
            Grade(query.id, document, *told)
            for (query, document), told in zip(
                pairs,
                self.grade_texts([(q.text, t) for (q, _), t in zip(pairs, shown, strict=True)]),
                strict=True,
            )
        ]

    def grade_texts(
        self, pairs: Sequence[tuple[str, str]]
    ) -> list[tuple[int | None, float, float]]:
        """Grade, mean and certainty for each pair of a query's and a passage's text."""
        procedures = [
            together([self._once(query, text, wording) for wording in range(self.config.votes)])
            for query, text in pairs
        ]
        return [_voted(one) for one in self._run(procedures)]

    def prefer(self, triples: Sequence[tuple[str, str, str]]) -> list[float]:
        """For each (query, passage, other): 1 where the first is preferred in both orders of
        showing, 0 where the other is, one half where the order decided."""

        def compare(query: str, a: str, b: str) -> Steps[float]:
            one, other = yield from ask([pair_question(query, a, b), pair_question(query, b, a)])
            return outcome(one.log_probs, other.log_probs)

        return self._run([compare(*triple) for triple in triples])

    def arrange(self, lists: Sequence[tuple[str, Sequence[str]]]) -> list[list[int]]:
        """For each (query, passages): the passages' positions, the best first."""

        def arranged(query: str, passages: Sequence[str]) -> Steps[list[int]]:
            (reply,) = yield from ask([list_question(query, passages)])
            return parse_permutation(reply.text, len(passages)).order

        return self._run([arranged(*one) for one in lists])

    def _run(self, procedures: list) -> list:
        found = []
        for spent in run(self.model, procedures):
            found.append(spent.found)
            self.seconds += spent.seconds
            for key, value in spent.cost.items():
                self.cost[key] = self.cost.get(key, 0.0) + value
        return found

    def _once(self, query: str, text: str, wording: int) -> Steps[np.ndarray | None]:
        """[4] probability of each grade under one wording; None where none was told."""
        turns = grade_turns(query, text, wording)
        if self.config.read == "likelihood":
            options = tuple(map(str, range(GRADES)))
            (reply,) = yield from ask([Choose(turns, options)])
            values = np.array(reply.log_probs)
            shares = np.exp(values - values.max())
            return shares / shares.sum()
        for asked in (turns, grade_turns(query, text, wording, again=True)):
            (reply,) = yield from ask([Write(asked, max_tokens=12)])
            if (told := parse_grade(reply.text)) is not None:
                return np.eye(GRADES)[told]
        return None


def _voted(votes: Sequence[np.ndarray | None]) -> tuple[int | None, float, float]:
    told = [vote for vote in votes if vote is not None]
    if not told:
        return None, float("nan"), 0.0
    mean = np.mean(told, axis=0)
    grades = sorted(int(vote.argmax()) for vote in told)
    grade = grades[(len(grades) - 1) // 2]
    return grade, float(mean @ np.arange(GRADES)), float(mean[grade])


def most_disputed(lists: Sequence[Sequence[Results]], count: int) -> list[tuple[Query, str]]:
    """The pairs of a query and a document on whose rank systems differ most, to be graded first.

    Args:
        lists: for each system, its ranked lists of the same queries in the same order.

    Returns:
        At most *count* pairs by falling variance of 1 / rank over the systems (0 where a system
        does not have the document).
    """
    found: list[tuple[float, str, Query, str]] = []
    for several in zip(*lists, strict=True):
        ranks: Mapping[str, list[float]] = {d: [] for one in several for d in one.documents}
        for one in several:
            places = {document: rank for rank, document in enumerate(one.documents, 1)}
            for document, values in ranks.items():
                values.append(1 / places[document] if document in places else 0.0)
        query = several[0].query
        found += [(-float(np.var(v)), document, query, document) for document, v in ranks.items()]
    found.sort(key=lambda one: (one[0], one[2].id, one[1]))
    return [(query, document) for _, _, query, document in found[:count]]


def histogram(grades: Sequence[Grade]) -> dict[str, int]:
    """How often each grade was given, and how often none."""
    counts = Counter("missing" if one.grade is None else str(one.grade) for one in grades)
    return {key: counts[key] for key in (*map(str, range(GRADES)), "missing")}
