"""Training that stays near earlier weights.

Yoo et al., "Continual Low-Rank Adapters for LLM-based Generative Recommender Systems" (PESO),
arXiv:2510.25093: one adapter goes on learning, and each of its matrices is held near what it was
by the divergence of their softmaxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Near:
    """What training is held near.

    Attributes:
        weights: by name, as ``trained_tensors`` gives them.
        strength: weight of the distance in the loss.
        distance: ``kl`` of the softmax of each tensor's entries, as in the paper, or ``l2``, half
            the sum of squared differences.
    """

    weights: Mapping[str, torch.Tensor]
    strength: float = 2.0
    distance: Literal["kl", "l2"] = "kl"


class ProximalNet(nn.Module):
    """A net whose loss has the distance to earlier weights added."""

    def __init__(self, net: nn.Module, near: Near) -> None:
        super().__init__()
        self.net, self.near = net, near
        device = next(net.parameters()).device
        self._before = {
            name: near.weights[name].to(device).float()
            for name, parameter in net.named_parameters()
            if parameter.requires_grad and name in near.weights
        }

    def forward(self, **batch: torch.Tensor) -> dict[str, Any]:
        """The net's loss and the distance."""
        loss = self.net(**batch)["loss"]
        return {"loss": loss + self.near.strength * self.distance()}

    def distance(self) -> torch.Tensor:
        """How far the weights are from what they were, summed over tensors."""
        now = {name: value for name, value in self.net.named_parameters() if name in self._before}
        kl = self.near.distance == "kl"
        parts = [
            _kl(value, self._before[name]) if kl else _l2(value, self._before[name])
            for name, value in now.items()
        ]
        return torch.stack(parts).sum()


def _kl(now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    log_now, log_before = now.float().flatten().log_softmax(0), before.flatten().log_softmax(0)
    return F.kl_div(log_now, log_before, reduction="sum", log_target=True)


def _l2(now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    return 0.5 * (now.float() - before).square().sum()
