"""How a model in training is judged on validation cases, and what came of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from palate.data.cases import Cases, Histories
from palate.data.questions import Questions
from palate.evaluation.likes import auc
from palate.evaluation.ranking import ndcg, rank_targets


class Judge(Protocol):
    """Judges a model in training on validation cases, a share of which each process takes.

    Attributes:
        metric: what :meth:`summary` gives, such as ``ndcg@10``; higher is better.
    """

    metric: ClassVar[str]

    def __len__(self) -> int:
        """Cases there are."""
        ...

    def measure(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] a number for each of the cases at these positions."""
        ...

    def summary(self, values: np.ndarray) -> float:
        """The metric, of the numbers of all cases."""
        ...


@dataclass(frozen=True)
class Validation:
    """A model in training is judged by how it ranks the whole catalogue.

    Attributes:
        cases: the validation cases of the split; their histories are masked when ranking.
        score: ``histories -> [users, items]``, with the module in evaluation mode.
        batch_size: users scored at a time.
    """

    cases: Cases
    score: Callable[[Histories], np.ndarray]
    batch_size: int = 256
    metric: ClassVar[str] = "ndcg@10"

    def __len__(self) -> int:
        return len(self.cases)

    def summary(self, values: np.ndarray) -> float:
        """Mean NDCG@10 of the ranks."""
        return float(ndcg(values, 10).mean())

    def measure(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] rank of each case's target, 0 is best."""
        found = [np.empty(0, dtype=np.int64)]
        for part in self._parts(which):
            seen = (part.histories.items, part.histories.offsets)
            found.append(rank_targets(self.score(part.histories), part.targets, seen))
        return np.concatenate(found)

    def _parts(self, which: np.ndarray) -> list[Cases]:
        """The cases in batches; kept, because training asks for the same ones every epoch."""
        key = which.tobytes()
        if key not in self._kept:
            self._kept.clear()
            starts = range(0, len(which), self.batch_size)
            self._kept[key] = [self.cases.take(which[s : s + self.batch_size]) for s in starts]
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[bytes, list[Cases]]:
        return {}


@dataclass(frozen=True)
class LikeValidation:
    """A model in training is judged by how it tells what people liked from what they did not.

    Attributes:
        questions: those of the validation.
        answer: ``questions -> [n]``, higher where more likely liked.
    """

    questions: Questions
    answer: Callable[[Questions], np.ndarray]
    metric: ClassVar[str] = "auc"

    def __len__(self) -> int:
        return len(self.questions)

    def summary(self, values: np.ndarray) -> float:
        """Area under the ROC curve of the answers."""
        return auc(values, self.questions.liked)

    def measure(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] the answers."""
        return self.answer(self.questions.take(which))


@dataclass(frozen=True)
class Learned:
    """What came of a training.

    Attributes:
        best: best value of the validation metric, or None without validation cases.
        epochs: epochs run until the stop.
        history: one row per epoch: ``epoch``, ``loss`` and, where evaluated, the metric by its
            name, such as ``ndcg@10``.
    """

    best: float | None
    epochs: float
    history: list[dict[str, float]]
