"""When to say nothing: how likely the best evidence is any, from what can be seen of it.

Legend: n questions, f features.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from palate.errors import ConfigError, DataError
from palate.evaluation.ranking import Values

FEATURES = ("sentence", "passage", "near", "found")


@dataclass(frozen=True)
class Evidence:
    """What can be seen of the best evidence for an answer.

    Attributes:
        sentence: share of the question's terms that the sentence has, by how telling they are.
        passage: the same of its passage.
        near: cosine of question and sentence; 0 without an encoder.
        found: cosine of question and passage in dense retrieval; 0 without.
    """

    sentence: float = 0.0
    passage: float = 0.0
    near: float = 0.0
    found: float = 0.0

    def values(self) -> list[float]:
        """In the order of :data:`FEATURES`."""
        return [self.sentence, self.passage, self.near, self.found]


@dataclass(frozen=True)
class Calibration:
    """A logistic regression from evidence to how likely it is to hold the answer.

    Attributes:
        weights: one per feature.
        threshold: below this probability, nothing is answered.
    """

    bias: float
    weights: tuple[float, float, float, float]
    threshold: float = 0.5

    def confidence(self, evidence: Evidence) -> float:
        """Probability that the evidence holds an answer."""
        parts = zip(self.weights, evidence.values(), strict=True)
        score = self.bias + sum(weight * value for weight, value in parts)
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what was saved.

        Raises:
            ConfigError: it is no calibration.
        """
        try:
            told = json.loads(path.read_text("utf-8"))
            weights = tuple(float(weight) for weight in told["weights"])
            if len(weights) != len(FEATURES):
                raise ValueError(f"{len(weights)} weights")
            return cls(float(told["bias"]), weights, float(told["threshold"]))  # type: ignore[arg-type]
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file") from None
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{path}: not a calibration of answers ({error})") from None


def calibrate(
    evidence: Sequence[Evidence], right: Sequence[bool], threshold: float = 0.5
) -> Calibration:
    """Learn from questions of which it is known whether the best evidence held the answer.

    Raises:
        DataError: all of them did, or none.
    """
    if len(set(map(bool, right))) < 2:
        raise DataError(
            "calibrating needs questions with an answer and questions without; there are "
            f"{sum(right)} and {len(right) - sum(right)}"
        )
    from sklearn.linear_model import LogisticRegression

    values = np.array([one.values() for one in evidence])
    model = LogisticRegression(C=10.0, max_iter=1000).fit(values, np.array(right, dtype=int))
    weights = tuple(float(weight) for weight in model.coef_[0])
    return Calibration(float(model.intercept_[0]), weights, threshold)  # type: ignore[arg-type]


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> tuple[Values, Values]:
    """[n] share of questions answered, and [n] share of wrong ones among them, as the threshold
    falls."""
    order = np.argsort(-np.asarray(confidences, dtype=float), kind="stable")
    wrong = ~np.asarray(right, dtype=bool)[order]
    counts = np.arange(1, len(order) + 1)
    return counts / max(1, len(order)), np.cumsum(wrong) / counts


def threshold_for(confidences: Sequence[float], right: Sequence[bool], risk: float) -> float:
    """The lowest confidence from which on no more than that share of answers is wrong; infinite
    where there is none."""
    sure = np.sort(np.asarray(confidences, dtype=float))[::-1]
    _, risks = risk_coverage(confidences, right)
    if not len(sure):
        return math.inf
    last = np.append(sure[:-1] > sure[1:], True)  # equals are answered together, or not at all
    fine = np.flatnonzero(last & (risks <= risk))
    return float(sure[fine[-1]]) if len(fine) else math.inf


# Learned by claims/search4llm.py (part "calibration") on 300 claims of SciFact and 150 questions of
# Cranfield that SciFact cannot answer, with BM25 and with BM25 and MiniLM; right is a best sentence
# from a document that was judged relevant.
WORDS_ALONE = Calibration(-4.84, (1.48, 5.97, 0.0, 0.0))
WITH_VECTORS = Calibration(-5.76, (0.98, 2.62, 4.95, 1.02))
