"""Validation by the sampled-candidate protocol, for models that are trained to choose.

Legend: u cases, m candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from palate.data.cases import Histories
from palate.evaluation.candidates import CandidateSets, candidate_ranks
from palate.evaluation.ranking import Indices, Scores
from palate.training.fit import Validation


@dataclass(frozen=True, kw_only=True)
class AmongCandidates(Validation):
    """A model in training, judged by where the target stands among its candidates.

    Attributes:
        sets: the candidates of each case.
        rank: histories and candidates [u, m] -> [u, m] scores.
    """

    sets: CandidateSets
    rank: Callable[[Histories, Indices], Scores]

    def ranks(self, which: np.ndarray) -> np.ndarray:
        sets = replace(self.sets, items=self.sets.items[which], targets=self.sets.targets[which])
        return candidate_ranks(self.rank(self.cases.take(which).histories, sets.items), sets)
