"""What all recommenders around a net share: how large it is, and how it comes back from disk."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from palate.recommenders.base import Recommender
from palate.recommenders.stored import Stored
from palate.training.parameters import trained_tensors


class AroundNet(Stored):
    """Something around a torch module, of which training may change a part.

    Attributes:
        net: the module.
    """

    net: nn.Module

    @property
    def parameters(self) -> int:
        """Number of values in the net, frozen ones too."""
        return sum(parameter.numel() for parameter in self.net.parameters())

    @property
    def trainable_parameters(self) -> int:
        """Number of values in the net that training changes."""
        return sum(p.numel() for p in self.net.parameters() if p.requires_grad)

    def _restore(self, values: Mapping[str, torch.Tensor]) -> None:
        """Give the net back what :func:`trained_tensors` took from it, among others."""
        missing = set(trained_tensors(self.net)) - set(values)
        if missing:
            raise RuntimeError(f"saved model lacks {sorted(missing)[:3]}")
        self.net.load_state_dict(values, strict=False)
        self.net.eval()


class NetRecommender(AroundNet, Recommender):
    """A recommender around a torch module."""
