"""Caser: convolutions over the last few items.

Tang & Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding",
WSDM 2018. Horizontal filters slide over the last items and look for patterns in a row; vertical
filters weigh the last items against each other. The paper's embedding of the user is left out,
so that people who were not there at training are served like all others: its Caser-VH.

The paper cuts every sequence into windows and trains on each with sampled negatives. Here all
windows of a sequence are read in one pass, with the same result, and the default loss is
full-softmax cross-entropy.

Legend: b batch, l length, d width, w window, v vertical filters, f horizontal filters of a height.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.catalogue import Catalogue
from palate.recommenders.incremental import ItemSequenceRecommender
from palate.recommenders.sequential import SequenceNet, SequentialConfig


class CaserConfig(SequentialConfig):
    """Settings of Caser."""

    window: int = Field(5, ge=1)
    """Last events that a prediction is made from; the L of the paper."""
    horizontal: int = Field(16, ge=1)
    """Horizontal filters of each height from 1 to the window."""
    vertical: int = Field(4, ge=1)
    """Vertical filters."""
    learning_rate: float = Field(3e-3, gt=0)


class CaserNet(SequenceNet):
    """Both kinds of filters over every window, a dense layer, and a vector and bias per item."""

    def __init__(self, n_items: int, config: CaserConfig) -> None:
        super().__init__()
        self.pad, self.window = n_items, config.window
        d, w, v, f = config.width, config.window, config.vertical, config.horizontal
        self.items = nn.Embedding(n_items + 1, d, padding_idx=n_items)
        self.rows = nn.ModuleList(nn.Conv1d(d, f, height) for height in range(1, w + 1))
        self.columns = nn.Linear(w, v)
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(f * w + v * d, d)
        self.targets = nn.Embedding(n_items, d)
        self.biases = nn.Parameter(torch.zeros(n_items))
        nn.init.normal_(self.items.weight[:n_items], std=1 / d)
        nn.init.normal_(self.targets.weight, std=1 / d)

    def item_vectors(self) -> torch.Tensor:
        return torch.cat([self.targets.weight, self.biases[:, None]], 1)  # [i, d + 1]

    def states(self, items: torch.Tensor) -> torch.Tensor:
        x = self.items(items).transpose(1, 2)  # [b, d, l]
        x = F.pad(x, (self.window - 1, 0))  # the first windows begin before the first event
        found = [self._row(x, conv, h) for h, conv in enumerate(self.rows, 1)]  # w times [b, f, l]
        weighed = self.columns(x.unfold(2, self.window, 1))  # [b, d, l, v]
        weighed = weighed.permute(0, 1, 3, 2).flatten(1, 2)  # [b, d * v, l]
        both = torch.cat([*found, weighed], 1).transpose(1, 2)  # [b, l, f * w + d * v]
        hidden = F.relu(self.dense(self.dropout(both)))
        return F.pad(hidden, (0, 1), value=1.0)  # [b, l, d + 1]

    def _row(self, x: torch.Tensor, conv: nn.Module, height: int) -> torch.Tensor:
        """[b, d, l + w - 1] -> [b, f, l] the strongest answer of each filter in each window."""
        places = self.window - height + 1  # where the filter fits into a window
        return F.max_pool1d(F.relu(conv(x)), places, stride=1)


class Caser(ItemSequenceRecommender):
    """Convolutional sequence embedding."""

    name = "caser"
    summary = "convolutions over the last few items"
    Config = CaserConfig

    def build(self, catalogue: Catalogue) -> SequenceNet:
        return CaserNet(len(catalogue), self.config)
