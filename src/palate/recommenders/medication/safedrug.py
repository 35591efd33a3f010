"""SafeDrug's encoder of visits and its loss, without its encoders of molecules.

Yang et al., "SafeDrug: Dual Molecular Graph Encoders for Recommending Effective and Safe Drug
Combinations", IJCAI 2021, arXiv:2105.02711. Its medications are vectors made from their molecules,
and a second encoder knows their substructures; both need the molecules (SMILES) of every
medication, which are not at hand here, so that medications have vectors that are learned. What is
left is the patient's state from diagnoses and procedures (it reads no earlier medications), matched
with every medication, and the loss that is controlled: where a batch's recommendations interact
more often than ``target_rate``, the more so the more of the loss is on interactions.

Legend: b batch, t visits, d width, v medications.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import nn

from palate.data.hospital.splits import HospitalSplit
from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.net import (
    CodeVectors,
    NetMedicationRecommender,
    VisitNet,
    VisitNetConfig,
    newest,
)
from palate.training.visits import expected_interactions, margin_loss


class SafeDrugConfig(VisitNetConfig):
    """Settings of SafeDrug."""

    target_rate: float = Field(0.06, ge=0, le=1)
    """Rate of interactions up to which the loss is accuracy alone."""
    tolerance: float = Field(0.05, gt=0)
    """So much above the target rate, the loss is interactions alone."""
    margin: float = Field(0.05, ge=0, le=1)
    """Share of the loss that keeps what was given above what was not by a margin."""


class SafeDrugNet(VisitNet):
    """A patient's state, matched with every medication."""

    def __init__(self, terms: Terms, config: SafeDrugConfig) -> None:
        super().__init__(terms, config.interaction_weight)
        width, size = config.width, len(terms.medications)
        self.settings = config  # a Trainer would take a `config` for that of a language model
        self.codes = CodeVectors(terms.sizes(), ("diagnoses", "procedures"), width)
        self.dropout = nn.Dropout(config.dropout)
        self.readers = nn.ModuleDict(
            {kind: nn.GRU(width, width, batch_first=True) for kind in self.codes.tables}
        )
        self.query = nn.Sequential(nn.ReLU(), nn.Linear(2 * width, width))
        self.medications = nn.Parameter(torch.empty(size, width).uniform_(-0.1, 0.1))
        self.mix = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        real = inputs["real"]
        states = [
            newest(reader(self.dropout(self.codes(kind, inputs[kind], real)))[0], real)
            for kind, reader in self.readers.items()
        ]
        matched = (self.query(torch.cat(states, -1)) @ self.medications.T).sigmoid()  # [b, v]
        scored: torch.Tensor = self.norm(matched + self.mix(matched))
        return scored

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        share = self.settings.margin
        return (1 - share) * super().loss(logits, labels) + share * margin_loss(logits, labels)

    def forward(
        self, labels: torch.Tensor, rows: torch.Tensor, **inputs: torch.Tensor
    ) -> dict[str, Any]:
        logits = self.logits(**inputs).float()
        given = (logits > 0).float()
        above = float(expected_interactions(given, self.interactions)) - self.settings.target_rate
        accuracy = min(1.0, max(0.0, 1 - above / self.settings.tolerance))
        loss = accuracy * self.loss(logits, labels)
        if accuracy < 1:
            rate = expected_interactions(logits.sigmoid(), self.interactions)
            loss = loss + (1 - accuracy) * rate
        return {"loss": loss + self.apart(logits)}


class SafeDrug(NetMedicationRecommender):
    """SafeDrug without molecules."""

    name = "safedrug"
    summary = (
        "an encoder of visits whose loss keeps interactions near a rate; "
        "its molecule encoders are left out"
    )
    Config = SafeDrugConfig
    config: SafeDrugConfig

    def build(self, terms: Terms, split: HospitalSplit | None) -> SafeDrugNet:
        return SafeDrugNet(terms, self.config)
