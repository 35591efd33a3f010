"""What nets over visits learn from: cases as padded tensors, how they are judged, and a loss.

Legend: p cases, b batch, t visits of a case, n visits of a batch, c codes of a visit,
f fields of a profile, v medications.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from palate.data.hospital.visits import KINDS, Kind, MedicationCases, Ragged, gather
from palate.evaluation.medication import prauc

Batch = dict[str, torch.Tensor]
Keep = Literal["last", "first"]


@dataclass(frozen=True)
class Timelines:
    """The visits of each case, oldest first, the one that is asked about last.

    The medications of that one are in no input: its row of them is empty, always.

    Attributes:
        offsets: [p + 1] where the visits of each case begin.
        codes: of each kind a row per visit.
        profiles: [p, f].
        target: [p, v] what was given; None where it is hidden.
    """

    offsets: np.ndarray
    codes: dict[Kind, Ragged]
    profiles: np.ndarray
    target: np.ndarray | None

    @classmethod
    def of(cls, cases: MedicationCases, length: int, keep: Keep = "last") -> Self:
        """The timelines of *cases*, of each so many visits at most.

        Args:
            keep: the ``last`` visits, or the ``first``, which leaves out the very visit that is
                asked about where there are more.
        """
        p, before = len(cases), len(cases.past)
        current = {
            "diagnoses": cases.diagnoses,
            "procedures": cases.procedures,
            "medications": Ragged(np.zeros(p + 1, dtype=np.int64), np.empty(0, dtype=np.int32)),
        }
        several = cases.earlier + 1
        # Every visit of every case, as a row of the past visits followed by the current ones.
        rows = np.insert(np.arange(before), cases.offsets[1:], before + np.arange(p))
        starts = np.concatenate([[0], np.cumsum(several)]).astype(np.int64)
        kept = np.minimum(several, length)
        first = starts[:-1] + (several - kept if keep == "last" else 0)
        offsets = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        places = rows[np.repeat(first - offsets[:-1], kept) + np.arange(offsets[-1])]
        codes = {
            kind: _joined(cases.past.codes[kind], current[kind]).take(places) for kind in KINDS
        }
        return cls(offsets, codes, cases.profiles, cases.target)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def batch(self, which: np.ndarray) -> Batch:
        """Tensors of the cases at these positions.

        Returns:
            ``real`` [b, t] True where there is a visit, from the left; of each kind [n, c] the
            codes of those visits, row by row, plus one, 0 where there is none; ``profile`` [b, f];
            ``labels`` [b, v] 0 or 1, where targets are known.
        """
        offsets, places = gather(self.offsets, which)
        lengths = np.diff(offsets)
        real = np.arange(int(lengths.max(initial=1))) < lengths[:, None]
        batch: Batch = {kind: torch.from_numpy(padded(self.codes[kind], places)) for kind in KINDS}
        batch["real"] = torch.from_numpy(real)
        batch["profile"] = torch.from_numpy(self.profiles[which].astype(np.int64))
        if self.target is not None:
            batch["labels"] = torch.from_numpy(self.target[which].astype(np.float32))
        return batch


def _joined(first: Ragged, second: Ragged) -> Ragged:
    offsets = np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]])
    return Ragged(offsets, np.concatenate([first.codes, second.codes]))


def padded(codes: Ragged, rows: np.ndarray) -> np.ndarray:
    """[n, c] int64 codes of the rows plus one, filled up with 0 on the right."""
    some = codes.take(rows)
    lengths = some.lengths
    matrix = np.zeros((len(rows), max(1, int(lengths.max(initial=0)))), dtype=np.int64)
    columns = np.arange(len(some.codes)) - np.repeat(some.offsets[:-1], lengths)
    matrix[np.repeat(np.arange(len(rows)), lengths), columns] = some.codes.astype(np.int64) + 1
    return matrix


class CaseExamples(Dataset):
    """Timelines with their targets; an example is its position, so that batches are gathered."""

    def __init__(self, timelines: Timelines) -> None:
        self.timelines = timelines

    def __len__(self) -> int:
        return len(self.timelines)

    def __getitem__(self, index: int) -> int:
        return index

    def collate(self, which: list[int]) -> Batch:
        """As of :meth:`Timelines.batch`, with ``rows`` [b]: the positions."""
        rows = np.asarray(which, dtype=np.int64)
        return self.timelines.batch(rows) | {"rows": torch.from_numpy(rows)}


@dataclass(frozen=True)
class MedicationValidation:
    """A model in training is judged by the PRAUC of validation patients.

    Attributes:
        cases: those who were given something; see :meth:`of`.
        score: ``cases -> [p, v]`` probabilities, with the module in evaluation mode.
    """

    cases: MedicationCases
    score: Callable[[MedicationCases], np.ndarray]
    metric: ClassVar[str] = "prauc"

    @classmethod
    def of(
        cls, cases: MedicationCases, score: Callable[[MedicationCases], np.ndarray]
    ) -> Self | None:
        """A judge by those of *cases* who were given something; None where there are none."""
        assert cases.target is not None
        rows = np.flatnonzero(cases.target.any(1))
        return cls(cases.take(rows), score) if len(rows) else None

    def __len__(self) -> int:
        return len(self.cases)

    def measure(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] PRAUC of each patient."""
        part = self.cases.take(which)
        assert part.target is not None
        return prauc(self.score(part.without_targets()), part.target)

    def summary(self, values: np.ndarray) -> float:
        """Mean over patients."""
        return float(values.mean())


def expected_interactions(probabilities: torch.Tensor, interactions: torch.Tensor) -> torch.Tensor:
    """The rate of interacting pairs that is to be expected if each were given by its probability.

    The pairs that interact over all pairs, pooled over the batch as the metric is. A ratio: it does
    not fall by recommending less of everything.

    Args:
        probabilities: [b, v]; interactions: [v, v] 0 or 1, symmetric, without a diagonal.
    """
    interacting = (probabilities @ interactions * probabilities).sum() / 2
    together = (probabilities.sum(1).square() - probabilities.square().sum(1)).sum() / 2
    return interacting / together.clamp(min=1e-6)


def margin_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of how much a probability given is not above one not given by a margin of 1.

    Args:
        logits: [b, v]; labels: [b, v] 0 or 1.
    """
    order = labels.argsort(1, descending=True)
    places = torch.arange(labels.shape[1], device=labels.device)
    given = order.masked_fill(places >= labels.sum(1, keepdim=True), -1)
    return F.multilabel_margin_loss(logits.sigmoid(), given)
