"""What must not be learned from or answered: a hard filter, and a reward that harm takes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from palate.errors import DataError, RunError
from palate.evaluation.ranking import Values
from palate.search.corpus.quality import NgramClassifier

FILE = "threshold.json"
FREE = 0.1  # probability of harm that costs nothing


class HarmFilter:
    """Probability of harm of a text, and the threshold above which it is not let through.

    Attributes:
        threshold: above it, a text is harmful; 1 until it is calibrated.
    """

    def __init__(self, classifier: NgramClassifier | None = None, threshold: float = 1.0) -> None:
        self.classifier = classifier or NgramClassifier()
        self.threshold = threshold

    def fit(
        self, harmful: Sequence[str], harmless: Sequence[str], dev: Sequence[str],
        false_positives: float = 0.01,
    ) -> HarmFilter:  # fmt: skip
        """Learn to tell them apart, and set the threshold.

        Args:
            dev: harmless texts, none of which was learned from.
            false_positives: share of *dev* that may be stopped.

        Raises:
            DataError: a kind is missing, or *dev* is empty.
        """
        if not len(dev):
            raise DataError("a threshold needs harmless texts that were not learned from")
        self.classifier.fit(harmful, harmless)
        scores = np.sort(self.classifier.score(dev))[::-1]
        # At most so many of dev are above.
        self.threshold = float(scores[int(false_positives * len(scores))])
        return self

    def probability(self, texts: Sequence[str]) -> Values:
        """[n] p(harm)."""
        return self.classifier.score(texts)

    def allowed(self, text: str) -> bool:
        """Whether a text is let through."""
        return float(self.probability([text])[0]) <= self.threshold

    def save(self, folder: Path) -> None:
        """Write classifier and threshold."""
        self.classifier.save(folder)
        (folder / FILE).write_text(json.dumps({"threshold": self.threshold}), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> HarmFilter:
        """Read what was saved.

        Raises:
            RunError: there is none.
        """
        if not (folder / FILE).is_file():
            raise RunError(f"{folder}: no harm filter here ({FILE})")
        threshold = json.loads((folder / FILE).read_text("utf-8"))["threshold"]
        return cls(NgramClassifier.load(folder), float(threshold))


def constrained(rewards: Values, harm: Values, strength: float = 1.0, free: float = FREE) -> Values:
    """[n] rewards less what harm costs: ``r - strength * max(0, p - 0.1)``."""
    found: Values = rewards - strength * np.maximum(0.0, harm - free)
    return found
