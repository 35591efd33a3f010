"""SASRec: self-attention over the sequence of items.

Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv:1808.09781. Trained
with full-softmax cross-entropy on all positions by default, which Klenitskiy & Vasilev (RecSys
2023) show to be decisive; ``loss=one-negative`` is the paper's own binary loss.

Legend: b batch, l length, d width, h heads, i catalogue size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.dropout import dropout
from palate.recommenders.incremental import ItemSequenceRecommender
from palate.recommenders.sequential import (
    SequenceNet,
    SequentialConfig,
    informed_vectors,
)


class SASRecConfig(SequentialConfig):
    """Settings of SASRec."""

    layers: int = Field(2, ge=1)
    """Transformer blocks."""
    patience: int = Field(20, ge=1)
    heads: int = Field(1, ge=1)
    """Attention heads; must divide the width."""


class Block(nn.Module):
    """Pre-norm causal self-attention and a position-wise feed-forward network of the same width."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None, newest: bool = False
    ) -> torch.Tensor:
        """x [b, l, d] -> [b, l, d]; of the newest alone, what comes out at the last position.

        mask: [b, 1, l, l] True where attention is allowed; None is a causal one.
        """
        b, l, d = x.shape  # noqa: E741
        heads = self.qkv(self.attention_norm(x)).view(b, l, 3, self.heads, -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # [b, h, l, d/h] each
        if newest:
            x, q = x[:, -1:], q[:, :, -1:]
            mask = None if mask is None else mask[:, :, -1:]
        mixed = self.attend(q, k, v, mask).transpose(1, 2).reshape(b, -1, d)
        x = x + self.drop(self.out(mixed))
        hidden = self.drop(F.relu(self.up(self.feed_norm(x))))
        return x + self.drop(self.down(hidden))

    def attend(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """q [b, h, l or 1, d/h], k, v [b, h, l, d/h] -> [b, h, l or 1, d/h]."""
        if mask is None:
            causal = q.shape[2] > 1  # the newest event sees all there is
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        if not self.training:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        # Torch takes the long way on a CPU as soon as weights are dropped; so do it by hand.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        weights = scores.masked_fill_(~mask, -torch.inf).softmax(-1)
        return self.drop(weights) @ v

    def drop(self, x: torch.Tensor) -> torch.Tensor:
        """Dropout while training."""
        return dropout(x, self.dropout, self.training)


class SASRecNet(SequenceNet):
    """Item and position embeddings, blocks, and a dot product with the item embeddings."""

    def __init__(self, n_items: int, config: SASRecConfig) -> None:
        super().__init__()
        self.pad = n_items
        self.items = nn.Embedding(n_items + 1, config.width, padding_idx=n_items)
        self.positions = nn.Embedding(config.length, config.width)
        self.dropout = config.dropout
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        nn.init.normal_(self.items.weight[:n_items], std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)

    def item_vectors(self) -> torch.Tensor:
        return self.items.weight[: self.pad]

    def start_from(self, sequences: Histories) -> None:
        table = self.items.weight.data[: self.pad]
        table.copy_(informed_vectors(sequences, *table.shape))

    def states(self, items: torch.Tensor) -> torch.Tensor:
        return self._read(items, attention_mask(items != self.pad))

    def newest(self, items: torch.Tensor) -> torch.Tensor:
        real = items != self.pad
        first = int(real.any(0).float().argmax())  # what is padding for all need not be read
        items, real = items[:, first:], real[:, first:]
        mask = None if real[:, 0].all() else attention_mask(real)
        return self._read(items, mask, newest=True)[:, -1]

    def _read(
        self, items: torch.Tensor, mask: torch.Tensor | None, newest: bool = False
    ) -> torch.Tensor:
        """[b, l, d], or [b, 1, d] of the newest events alone."""
        length = items.shape[1]
        # Positions count from the newest event, so a short window reads like a padded one.
        x = self.items(items) + self.positions.weight[-length:]
        x = dropout(x, self.dropout, self.training)
        for block in self.blocks[:-1]:
            x = block(x, mask)
        return self.norm(self.blocks[-1](x, mask, newest))


def attention_mask(real: torch.Tensor) -> torch.Tensor:
    """[b, l] real events -> [b, 1, l, l] causal mask that hides padding.

    Every position sees itself, so that a row of padding alone stays finite.
    """
    length = real.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=real.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=real.device)
    return ((causal & real[:, None, :]) | itself)[:, None]


class SASRec(ItemSequenceRecommender):
    """Self-attentive sequential recommendation."""

    name = "sasrec"
    summary = "causal self-attention over the sequence of items"
    Config = SASRecConfig

    def build(self, catalogue: Catalogue) -> SequenceNet:
        return SASRecNet(len(catalogue), self.config)
