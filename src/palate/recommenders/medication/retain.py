"""RETAIN: attention over visits and over what they hold, computed backwards in time.

Choi et al., "RETAIN: An Interpretable Predictive Model for Healthcare using Reverse Time Attention
Mechanism", NIPS 2016, arXiv:1608.05745; as a recommender of medications, as GAMENet and those after
it compare themselves with it. The visit that is asked about is one of the visits, without its
medications.

Legend: b batch, t visits, d width, v medications.
"""

from __future__ import annotations

import torch
from torch import nn

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import KINDS
from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.net import (
    CodeVectors,
    NetMedicationRecommender,
    VisitNet,
    VisitNetConfig,
)


class RETAINConfig(VisitNetConfig):
    """Settings of RETAIN."""


class RETAINNet(VisitNet):
    """Two recurrent nets that read from the newest visit back, and what they attend to."""

    def __init__(self, terms: Terms, config: RETAINConfig) -> None:
        super().__init__(terms, config.interaction_weight)
        width = config.width
        self.codes = CodeVectors(terms.sizes(), KINDS, width)
        self.dropout = nn.Dropout(config.dropout)
        self.visit_reader = nn.GRU(width, width, batch_first=True)
        self.code_reader = nn.GRU(width, width, batch_first=True)
        self.visit_weight = nn.Linear(width, 1)
        self.code_weight = nn.Linear(width, width)
        self.head = nn.Linear(width, len(terms.medications))

    def logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        real = inputs["real"]
        visits = torch.stack([self.codes(kind, inputs[kind], real) for kind in KINDS]).sum(0)
        visits, there = backwards(self.dropout(visits), real)
        weights = self.visit_weight(self.visit_reader(visits)[0]).squeeze(-1)  # [b, t]
        weights = weights.masked_fill(~there, -torch.inf).softmax(1)
        gates = self.code_weight(self.code_reader(visits)[0]).tanh()  # [b, t, d]
        context = (weights[..., None] * gates * visits).sum(1)
        scored: torch.Tensor = self.head(self.dropout(context))
        return scored


class RETAIN(NetMedicationRecommender):
    """Reverse-time attention."""

    name = "retain"
    summary = "attention over visits, and over what they hold, backwards in time"
    Config = RETAINConfig
    config: RETAINConfig

    def build(self, terms: Terms, split: HospitalSplit | None) -> RETAINNet:
        return RETAINNet(terms, self.config)


def backwards(visits: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[b, t, d] visits, newest first and padded on the right, and [b, t] where there is one."""
    places = torch.arange(real.shape[1], device=real.device)
    order = real.sum(1, keepdim=True) - 1 - places  # [b, t] negative where there is none
    turned = visits.gather(1, order.clamp(min=0)[..., None].expand_as(visits))
    return turned * (order >= 0)[..., None], order >= 0
