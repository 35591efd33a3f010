"""GRU4Rec: a recurrent network over the sequence of items.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016, and
Hidasi & Karatzoglou, "Recurrent Neural Networks with Top-k Gains", CIKM 2018, whose constrained
embedding (one matrix for the items that go in and the items that come out) is used here. The
papers sample negatives; by default this is trained with full-softmax cross-entropy.

Legend: b batch, l length, d width.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import nn

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.recommenders.incremental import ItemSequenceRecommender
from palate.recommenders.sequential import (
    SequenceNet,
    SequentialConfig,
    informed_vectors,
)


class GRU4RecConfig(SequentialConfig):
    """Settings of GRU4Rec."""

    layers: int = Field(1, ge=1)
    """Recurrent layers on top of each other."""
    learning_rate: float = Field(5e-3, gt=0)


class GRU4RecNet(SequenceNet):
    """Item embeddings, recurrent layers, and a dot product with the item embeddings."""

    def __init__(self, n_items: int, config: GRU4RecConfig) -> None:
        super().__init__()
        self.pad = n_items
        self.items = nn.Embedding(n_items + 1, config.width, padding_idx=n_items)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(
            config.width,
            config.width,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.biases = nn.Parameter(torch.zeros(n_items))
        nn.init.normal_(self.items.weight[:n_items], std=0.02)

    def item_vectors(self) -> torch.Tensor:
        return torch.cat([self.items.weight[: self.pad], self.biases[:, None]], 1)  # [i, d + 1]

    def start_from(self, sequences: Histories) -> None:
        table = self.items.weight.data[: self.pad]
        table.copy_(informed_vectors(sequences, *table.shape))

    def states(self, items: torch.Tensor) -> torch.Tensor:
        # Padding is moved behind the events, where it cannot change the state they start from. The
        # states at padding mean nothing: no label and no score is read there.
        padding = (items == self.pad).sum(1, keepdim=True)  # [b, 1]
        places = torch.arange(items.shape[1], device=items.device)
        forward = (places + padding) % items.shape[1]  # [b, l]
        back = (places - padding) % items.shape[1]
        hidden, _ = self.gru(self.dropout(self.items(items.gather(1, forward))))
        hidden = hidden.gather(1, back[..., None].expand_as(hidden))
        return nn.functional.pad(self.dropout(hidden), (0, 1), value=1.0)  # [b, l, d + 1]


class GRU4Rec(ItemSequenceRecommender):
    """Gated recurrent units over the events of a history, oldest first."""

    name = "gru4rec"
    summary = "recurrent network over the sequence of items"
    Config = GRU4RecConfig

    def build(self, catalogue: Catalogue) -> SequenceNet:
        return GRU4RecNet(len(catalogue), self.config)
