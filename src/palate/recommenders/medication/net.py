"""What the methods around a net over visits share: settings, training, scoring.

Legend: b batch, t visits, n visits of a batch, c codes, d width, p cases, v medications.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import Kind, MedicationCases
from palate.language.precision import choose_device
from palate.recommenders.medication.base import (
    MedicationConfig,
    MedicationRecommender,
    Scores,
    Terms,
)
from palate.recommenders.net import AroundNet
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, fit, trained_tensors
from palate.training.visits import (
    CaseExamples,
    Keep,
    MedicationValidation,
    Timelines,
    expected_interactions,
)

AT_ONCE = 512  # cases scored at a time


class InteractionLossConfig(MedicationConfig):
    """What every method that learns by gradients can be set to."""

    interaction_weight: float = Field(0.0, ge=0)
    """Weight in the loss of the rate of interactions that is to be expected from the
    probabilities; 0 leaves it out, as LEADER does."""


class VisitNetConfig(InteractionLossConfig, TrainingConfig):
    """Settings shared by the nets over visits."""

    width: int = Field(64, ge=1)
    """Width of the vectors of codes and visits."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Dropout, in training."""
    length: int = Field(10, ge=1)
    """Visits that are read at most, the newest, the one that is asked about among them."""
    epochs: int = Field(100, ge=1)
    patience: int = Field(10, ge=1)
    batch_size: int = Field(64, ge=1)
    weight_decay: float = Field(0.0, ge=0)
    device: str = "auto"
    """Where to run: auto, cpu, cuda, cuda:1 …"""


class VisitNet(nn.Module):
    """A net that gives each medication a logit.

    Attributes:
        interactions: [v, v] 1 where two medications interact.
    """

    interactions: torch.Tensor

    def __init__(self, terms: Terms, interaction_weight: float) -> None:
        super().__init__()
        self.interaction_weight = interaction_weight
        graph = torch.from_numpy(terms.interactions.astype(np.float32))
        self.register_buffer("interactions", graph, persistent=False)

    @abstractmethod
    def logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        """[b, v] for a batch as :meth:`.Timelines.batch` makes it, without its labels."""

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean binary cross-entropy of all medications."""
        return F.binary_cross_entropy_with_logits(logits, labels)

    def forward(
        self, labels: torch.Tensor, rows: torch.Tensor, **inputs: torch.Tensor
    ) -> dict[str, Any]:
        """The loss, that of interactions beside it where it has a weight."""
        logits = self.logits(**inputs).float()
        return {"loss": self.loss(logits, labels) + self.apart(logits)}

    def apart(self, logits: torch.Tensor) -> torch.Tensor | float:
        """The weighted rate of interactions that is to be expected."""
        if not self.interaction_weight:
            return 0.0
        rate = expected_interactions(logits.sigmoid(), self.interactions)
        return self.interaction_weight * rate


class NetMedicationRecommender(AroundNet, MedicationRecommender):
    """A method around a net over visits."""

    config: VisitNetConfig
    net: VisitNet
    learned: Learned | None = None
    keep: Keep = "last"

    @abstractmethod
    def build(self, terms: Terms, split: HospitalSplit | None) -> VisitNet:
        """A fresh net.

        Args:
            split: what will be learned from; None where a trained net comes back, so that all
                that is made from the split must be in its state.
        """

    def fit(self, split: HospitalSplit, context: FitContext = FitContext()) -> Self:  # noqa: B008
        torch.manual_seed(context.seed)
        self._place(Terms.of(split), split)
        examples = CaseExamples(self.timelines(split.train))
        self.learned = fit(
            self.learner(split, context),
            examples,
            examples.collate,
            self.config,
            MedicationValidation.of(split.validation, self.score),
            context,
        )
        return self

    def learner(self, split: HospitalSplit, context: FitContext) -> nn.Module:
        """What is trained: the net, or the net with what only training needs."""
        return self.net

    def _place(self, terms: Terms, split: HospitalSplit | None = None) -> None:
        self.net = self.build(terms, split).to(choose_device(self.config.device))

    def timelines(self, cases: MedicationCases) -> Timelines:
        """The visits that the net reads."""
        return Timelines.of(cases, self.config.length, self.keep)

    @torch.no_grad()
    def score(self, cases: MedicationCases) -> Scores:
        timelines = self.timelines(cases.without_targets())
        device = next(self.net.parameters()).device
        self.net.eval()
        scores = np.empty((len(cases), len(self.net.interactions)), dtype=np.float32)
        for start in range(0, len(cases), AT_ONCE):
            which = np.arange(start, min(start + AT_ONCE, len(cases)))
            batch = {key: value.to(device) for key, value in timelines.batch(which).items()}
            scores[which] = self.net.logits(**batch).float().sigmoid().cpu().numpy()
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        return trained_tensors(self.net)

    def load_state(self, state: dict[str, torch.Tensor], terms: Terms) -> None:
        self._place(terms)
        self._restore(state)


class CodeVectors(nn.Module):
    """A vector for each visit and kind of code: the sum over the visit's codes."""

    def __init__(self, sizes: dict[Kind, int], kinds: tuple[Kind, ...], width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleDict()
        for kind in kinds:
            table = nn.Embedding(sizes[kind] + 1, width, padding_idx=0)
            nn.init.uniform_(table.weight, -0.1, 0.1)
            with torch.no_grad():
                table.weight[0] = 0
            self.tables[kind] = table

    def forward(self, kind: Kind, codes: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[n, c] codes -> [b, t, d] visits, zero where there is none."""
        return spread(self.tables[kind](codes).sum(1), real)


def spread(vectors: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """[n, d] vectors of the real visits -> [b, t, d], zero elsewhere."""
    places = torch.zeros((*real.shape, vectors.shape[-1]), dtype=vectors.dtype, device=real.device)
    places[real] = vectors
    return places


def newest(states: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """[b, t, d] -> [b, d] the state of each case's last visit."""
    last = real.sum(1) - 1
    return states[torch.arange(len(states), device=states.device), last]
