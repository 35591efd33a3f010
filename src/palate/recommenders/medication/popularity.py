"""The same medications for everyone: how often each was given. What every method has to beat."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import MedicationCases
from palate.recommenders.medication.base import (
    MedicationRecommender,
    Scores,
    Terms,
    known_targets,
)
from palate.training.context import FitContext


class MedicationPopularity(MedicationRecommender):
    """Share of the training visits in which each medication was given."""

    name = "popularity"
    summary = "the medications given most often, the same for everyone"
    deterministic = True
    _share: Scores

    def fit(self, split: HospitalSplit, context: FitContext = FitContext()) -> Self:  # noqa: B008
        self._share = known_targets(split.train).mean(0).astype(np.float32)
        return self

    def score(self, cases: MedicationCases) -> Scores:
        return np.tile(self._share, (len(cases), 1))

    def state(self) -> dict[str, torch.Tensor]:
        return {"share": torch.from_numpy(self._share)}

    def load_state(self, state: dict[str, torch.Tensor], terms: Terms) -> None:
        self._share = state["share"].numpy()
