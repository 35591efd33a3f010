"""A language model that knows the answer: passages tell their grade, and it obeys.

Proves that ways of asking find the right order where the model is right; its numbers say nothing
of quality.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from palate.language.questions import Choose, Continue, Question, Reply, Write

_GRADE = re.compile(r"grade (\d+)")
BLOCK = re.compile(r'"""\n(.*?)\n"""', re.DOTALL)


def passage(grade: int, place: int = 0) -> str:
    """A passage that tells its grade."""
    return f"document {place} of grade {grade}, in some words"


class Grader:
    """Reads the grades in the passages it is shown.

    Attributes:
        asked: every question so far, batch by batch.
    """

    name = "grader"
    identity = "grader"

    def __init__(self, contrary: bool = False) -> None:
        self.contrary = contrary
        self.asked: list[list[Question]] = []

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        self.asked.append(list(questions))
        return [self._reply(question) for question in questions]

    @property
    def calls(self) -> int:
        return sum(map(len, self.asked))

    def _reply(self, question: Question) -> Reply:
        if isinstance(question, Continue):
            grade = int(_GRADE.findall(question.before)[0]) if _GRADE.search(question.before) else 0
            return Reply("", (grade - 10.0,), 10, 1)
        said = question.turns[-1][1]
        grades = [int(_GRADE.findall(block)[0]) for block in BLOCK.findall(said)]
        if isinstance(question, Write):
            order = sorted(range(len(grades)), key=lambda i: -grades[i])
            return Reply(" > ".join(f"[{i + 1}]" for i in order), (), 10, len(grades))
        return Reply("", self._options(question, grades), 10, 1)

    @staticmethod
    def _options(question: Choose, grades: list[int]) -> tuple[float, ...]:
        if question.options[0] == "0":
            return tuple(-5.0 * abs(int(option) - grades[0]) for option in question.options)
        if question.options[0] == "yes":
            yes = float(grades[0])
            return tuple(
                yes if option.strip().lower() == "yes" else 0.0 for option in question.options
            )
        return tuple(float(grade) for grade in grades)
