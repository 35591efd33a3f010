"""Behaviour vectors to soft tokens in a language model's prompts, and the control without queries.

Legend: s slots, i items of the catalogue, c width of a behaviour vector, k tokens of an item, w
their width before the adaptor, h hidden size of the language model.
"""

from __future__ import annotations

import torch
from torch import nn

from palate.language.qformer import QFormer


class MLP(nn.Module):
    """As many tokens from a network without queries, with about as many weights.

    A behaviour vector through one hidden layer, as CoLLM maps its vectors (Zhang et al.,
    arXiv:2310.19488), here with k outputs.
    """

    def __init__(self, source: int, tokens: int, width: int, budget: int) -> None:
        """
        Args:
            source: c.
            tokens: k.
            width: w.
            budget: weights that there may be; the hidden layer is as wide as they allow.
        """
        super().__init__()
        self.outputs = tokens, width
        out = tokens * width
        hidden = max(1, (budget - out - 2 * width) // (source + 1 + out))
        self.map = nn.Sequential(nn.Linear(source, hidden), nn.GELU(), nn.Linear(hidden, out))
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """[b, c] behaviour vectors -> [b, k, w] tokens of unit variance."""
        return self.norm(self.map(vectors).unflatten(-1, self.outputs))


class ItemTokens(nn.Module):
    """The bridge: slots of items to soft tokens.

    Attributes:
        vectors: [i, c] behaviour vectors, which stay as they are.
        encoder: [b, c] -> [b, k, w].
        adaptor: w -> h, one linear layer.
    """

    vectors: torch.Tensor

    def __init__(
        self, vectors: torch.Tensor, encoder: QFormer | MLP, hidden_size: int, size: float
    ) -> None:
        """
        Args:
            hidden_size: h.
            size: root mean square of what comes out at first: that of token embeddings.
        """
        super().__init__()
        self.register_buffer("vectors", vectors, persistent=False)
        self.encoder = encoder
        width = encoder.outputs[1]
        self.adaptor = nn.Linear(width, hidden_size)
        nn.init.normal_(self.adaptor.weight, std=size / width**0.5)
        nn.init.zeros_(self.adaptor.bias)

    def forward(self, slots: torch.Tensor, vectors: torch.Tensor | None = None) -> torch.Tensor:
        """[s] item indices -> [s, k, h].

        Args:
            vectors: [i, c] others in the items' place.
        """
        items, which = slots.unique(return_inverse=True)
        table = self.vectors if vectors is None else vectors
        tokens: torch.Tensor = self.adaptor(self.encoder(table[items]))
        return tokens[which]
