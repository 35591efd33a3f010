"""The feedback loop: what was answered is kept with its score, and a drift of the scores calls for
learning anew."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from palate.errors import DataError
from palate.evaluation.ranking import Values

TRIGGER = 0.2
BINS = 10
LEAST = 1e-4  # share of a bin in which nothing is


def psi(reference: Values, now: Values, bins: int = BINS) -> float:
    """Population stability index: ``sum (q - p) ln(q / p)`` over bins of equal shares of the
    reference; below .1 all is as it was, above .2 it is not.

    Raises:
        DataError: one of them is empty.
    """
    if not len(reference) or not len(now):
        raise DataError("a drift is one from scores to scores: there are none of one kind")
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for values in (reference, now):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        shares.append(np.maximum(counts / len(values), LEAST))
    before, after = shares
    return float(((after - before) * np.log(after / before)).sum())


@dataclass(frozen=True)
class Drift:
    """Whether answers are still what they were.

    Attributes:
        index: the population stability index.
        retrain: it is above the trigger, and there are enough answers to tell.
    """

    index: float
    answers: int
    retrain: bool


def drift(
    reference: Sequence[float], now: Sequence[float], trigger: float = TRIGGER, fewest: int = 100
) -> Drift:
    """Compare scores of answers now with those of a time when all was well.

    Args:
        fewest: answers below which nothing is called for: with 10 bins, chance alone makes an
            index of about ``9 / answers`` on either side.
    """
    value = psi(np.asarray(reference, dtype=float), np.asarray(now, dtype=float))
    enough = min(len(reference), len(now)) >= fewest
    return Drift(value, len(now), enough and value > trigger)


class AnswerLog:
    """Answers with their scores, in a file of JSON lines that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, question: str, answer: str, score: float, **more: Any) -> None:
        """Keep one answer."""
        line = {"at": time.time(), "question": question, "answer": answer, "score": score, **more}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def scores(self) -> list[float]:
        """Of all answers, oldest first; a line that broke off is passed over."""
        found = []
        if self.path.is_file():
            for line in self.path.read_text("utf-8").splitlines():
                try:
                    found.append(float(json.loads(line)["score"]))
                except (json.JSONDecodeError, KeyError, TypeError):
                    continue
        return found
