"""What was given most often with each of the patient's diagnoses, averaged over them.

Legend: p cases, v medications, d diagnoses of the vocabulary.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from pydantic import Field

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import MedicationCases
from palate.recommenders.medication.base import (
    MedicationConfig,
    MedicationRecommender,
    Scores,
    Terms,
    known_targets,
)
from palate.recommenders.medication.indicators import indicators
from palate.training.context import FitContext


class DiagnosisPopularityConfig(MedicationConfig):
    """Settings of popularity by diagnosis."""

    smoothing: float = Field(10.0, gt=0)
    """So many visits as they are on average are added to those of each diagnosis."""


class DiagnosisPopularity(MedicationRecommender):
    """Mean over the diagnoses of the share of their training visits with a medication."""

    name = "diagnosis-popularity"
    summary = "what was given most often with each of the diagnoses"
    Config = DiagnosisPopularityConfig
    config: DiagnosisPopularityConfig
    deterministic = True
    _share: Scores
    _by_diagnosis: Scores

    def fit(self, split: HospitalSplit, context: FitContext = FitContext()) -> Self:  # noqa: B008
        target = known_targets(split.train).astype(np.float32)
        held = indicators(split.train.diagnoses, len(split.hospital.vocabularies["diagnoses"]))
        self._share = target.mean(0)
        more = self.config.smoothing
        together = held.T @ target + more * self._share  # [d, v]
        self._by_diagnosis = (together / (held.sum(0)[:, None] + more)).astype(np.float32)
        return self

    def score(self, cases: MedicationCases) -> Scores:
        held = indicators(cases.diagnoses, len(self._by_diagnosis))
        scores: Scores = np.tile(self._share, (len(cases), 1))
        some = np.flatnonzero(cases.diagnoses.lengths)
        summed = (held @ self._by_diagnosis)[some]
        scores[some] = summed / cases.diagnoses.lengths[some, None]
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        return {
            "share": torch.from_numpy(self._share),
            "by_diagnosis": torch.from_numpy(self._by_diagnosis),
        }

    def load_state(self, state: dict[str, torch.Tensor], terms: Terms) -> None:
        self._share = state["share"].numpy()
        self._by_diagnosis = state["by_diagnosis"].numpy()
