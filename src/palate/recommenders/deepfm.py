"""DeepFM: a factorization machine and a network that share their vectors.

Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017,
arXiv:1703.04247.

Legend: b batch, l length, c candidates, d width, h hidden units, k item fields, i catalogue size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.dropout import dropout
from palate.recommenders.fm import FM, FMConfig, FMNet, labels_of
from palate.recommenders.instance import InstanceNet

ACTIVATIONS = 2**22  # of the first hidden layer, held at a time when ranking


class DeepFMConfig(FMConfig):
    """Settings of DeepFM."""

    hidden: tuple[int, ...] = Field((64, 32), min_length=1)
    """Units of each hidden layer of the network."""


class DeepFMNet(FMNet):
    """The machine of :class:`FMNet`, and a network over the same vectors, field by field.

    Its first layer is linear in the fields, so the share of the history and that of a candidate
    are computed once each, and only their sum for every pair of both.
    """

    def __init__(
        self, n_items: int, config: DeepFMConfig, labels: Sequence[torch.Tensor] = ()
    ) -> None:
        super().__init__(n_items, config, labels)
        first = config.hidden[0]
        self.from_user = nn.Linear(len(self.user_fields) * config.width, first)
        self.from_item = nn.Linear(len(self.item_fields) * config.width, first, bias=False)
        self.deep = nn.ModuleList(nn.Linear(*pair) for pair in pairwise((*config.hidden, 1)))

    def logits(self, batch: dict[str, torch.Tensor], candidates: torch.Tensor) -> torch.Tensor:
        chosen, places = candidates.unique(return_inverse=True)
        user, item = self.user(batch["items"]), self.item(chosen)
        left = self.from_user(user.vectors.flatten(1))  # [b, h]
        right = F.embedding(places, self.from_item(item.vectors.flatten(1)))  # [c, h] or [b, c, h]
        return self.pairs(user, item, places) + self.network(left, right)

    def network(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        """[b, c] outputs for the shares of histories [b, h] and candidates in the first layer.

        Args:
            item: [c, h] the same candidates for all, or [b, c, h].
        """
        if item.ndim == 3:
            return self.rest(user[:, None] + item)
        rows = max(1, ACTIVATIONS // max(1, item.numel()))
        return torch.cat([self.rest(some[:, None] + item) for some in user.split(rows)])

    def rest(self, x: torch.Tensor) -> torch.Tensor:
        """[b, c, h] the first layer before its activation -> [b, c]."""
        for layer in self.deep:
            x = layer(dropout(x.relu(), self.dropout, self.training))
        return x[..., 0]

    def softmax(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return InstanceNet.softmax(self, batch)  # no product of two vectors any more


class DeepFM(FM):
    """Factorization machine beside a network over the same vectors."""

    name = "deepfm"
    summary = "factorization machine beside a network over the same vectors"
    Config = DeepFMConfig

    def build(self, catalogue: Catalogue, sequences: Histories) -> FMNet:
        labels = [labels_of(catalogue, column) for column in self.config.item_fields]
        return DeepFMNet(len(catalogue), self.config, labels)
