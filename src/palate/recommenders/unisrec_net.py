"""UniSRec's net: adapted texts, a causal transformer, and cosines.

Legend: b batch, l length, i catalogue size, n items, t dimensions of text, w width, e experts.
"""

from __future__ import annotations

from typing import Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import nn

from palate.data.cases import Histories
from palate.dropout import dropout
from palate.language.embeddings import Pooling
from palate.recommenders.sasrec import Block, attention_mask
from palate.recommenders.sequential import (
    INFORMED,
    SequenceConfig,
    SequenceNet,
    informed_vectors,
)

INITIAL = 0.02  # standard deviation of fresh item vectors
LEAST_NOISE = 0.01


class UniSRecShape(SequenceConfig):
    """What a UniSRec is made of, whatever it is trained for."""

    model: str = "smollm2-135m"
    """Language model that reads items' texts: a known name, a hub id (owner/name), a folder, or a
    GGUF file."""
    item_layers: int | None = Field(24, ge=1)
    """Its first layers that are used; null takes all."""
    text_columns: tuple[str, ...] | None = None
    """Columns of the item table that are read after the title; null takes genres, categories
    and text where they exist."""
    item_pooling: Pooling = "mean"
    """How an item's tokens become one vector."""
    max_tokens: int = Field(64, ge=1)
    """Tokens of an item's text that are read."""
    text_dims: int | None = Field(128, ge=1)
    """Principal components of the language model's vectors that the adaptor sees; null is all
    dimensions, each standardised."""
    experts: int = Field(8, ge=1)
    """Experts of the adaptor."""
    adaptor_dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout on what the experts see."""
    layers: int = Field(2, ge=1)
    """Transformer blocks."""
    heads: int = Field(2, ge=1)
    """Attention heads; must divide the width."""
    temperature: float = Field(0.07, gt=0)
    """What the cosine of sequence and item is divided by."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self


class Adaptor(nn.Module):
    """Mixture-of-experts adaptor, each expert a learned whitening (equations 3 to 5)."""

    def __init__(self, source: int, width: int, experts: int, dropout: float) -> None:
        """
        Args:
            source: t.
        """
        super().__init__()
        self.dropout = dropout
        self.shift = nn.Parameter(torch.zeros(experts, source))
        self.whiten = nn.Parameter(torch.randn(experts, source, width) * INITIAL / source**0.5)
        self.gate = nn.Parameter(torch.zeros(source, experts))
        self.noise = nn.Parameter(torch.zeros(source, experts))

    def forward(self, texts: torch.Tensor) -> torch.Tensor:
        """[n, t] -> [n, w]."""
        logits = texts @ self.gate
        if self.training:
            spread = F.softplus(texts @ self.noise) + LEAST_NOISE
            logits = logits + torch.randn_like(logits) * spread
        seen = dropout(texts, self.dropout, self.training)
        e, t, w = self.whiten.shape
        found = (seen @ self.whiten.transpose(0, 1).reshape(t, e * w)).view(-1, e, w)
        found = found - torch.einsum("et,etw->ew", self.shift, self.whiten)  # [n, e, w]
        return (logits.softmax(-1)[:, None] @ found)[:, 0]


class UniSRecNet(SequenceNet):
    """Adapted texts, and ids where asked for; a causal transformer; cosines."""

    texts: torch.Tensor

    def __init__(self, texts: torch.Tensor, config: UniSRecShape, ids: bool) -> None:
        """
        Args:
            texts: [i, t] what the language model says of each item.
            ids: a learned vector per item as well.
        """
        super().__init__()
        self.pad, width = len(texts), config.width
        self.temperature, self.dropout = config.temperature, config.dropout
        self.register_buffer("texts", texts)
        self.adaptor = Adaptor(texts.shape[1], width, config.experts, config.adaptor_dropout)
        self.ids = nn.Embedding(self.pad, width) if ids else None
        self.positions = nn.Embedding(config.length, width)
        self.enter = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.positions.weight, std=INITIAL)
        if self.ids is not None:
            nn.init.normal_(self.ids.weight, std=INITIAL)

    def start_from(self, sequences: Histories) -> None:
        if self.ids is not None:
            found = informed_vectors(sequences, *self.ids.weight.shape)
            self.ids.weight.data.copy_(found * (INITIAL / INFORMED))  # the size of adapted texts

    def freeze_encoder(self) -> None:
        """Leave all as it is but what makes items' vectors."""
        for part in (self.positions, self.enter, self.blocks, self.norm):
            part.requires_grad_(False)

    def vectors(self, items: torch.Tensor) -> torch.Tensor:
        """[n] item indices -> [n, w], of any length."""
        adapted: torch.Tensor = self.adaptor(self.texts[items])
        return adapted if self.ids is None else adapted + self.ids(items)

    def directions(self, items: torch.Tensor) -> torch.Tensor:
        """[n] item indices -> [n, w] of length 1."""
        return F.normalize(self.vectors(items), dim=-1)

    def item_vectors(self) -> torch.Tensor:
        return self.directions(torch.arange(self.pad, device=self.texts.device))

    def readings(self, items: torch.Tensor) -> torch.Tensor:
        """[b, l] item indices -> [b, l, w] states of length 1, causal."""
        real = items != self.pad
        known, which = items.masked_fill(~real, 0).unique(return_inverse=True)
        x = self.vectors(known)[which]
        # Positions count from the newest event, so a short window reads like a padded one.
        x = self.enter(x + self.positions.weight[-items.shape[1] :])
        x = dropout(x, self.dropout, self.training)
        mask = attention_mask(real)
        for block in self.blocks:
            x = block(x, mask)
        return F.normalize(self.norm(x), dim=-1)

    def states(self, items: torch.Tensor) -> torch.Tensor:
        return self.readings(items) / self.temperature
