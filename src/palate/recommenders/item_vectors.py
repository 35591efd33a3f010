"""Items' vectors, as other recommenders learned them, and what takes their place in controls.

Legend: i items of the catalogue, d width of an item's vector.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from palate.errors import ConfigError
from palate.recommenders.base import Recommender

Vectors = Literal["learned", "zero", "permuted", "random"]


def item_table(inner: Recommender) -> torch.Tensor:
    """[i, d] float32 on the CPU: the vector by which it knows each item.

    Of a net that reads sequences, the embeddings that it reads; of a factorisation, the factors.
    No bias is among them, which would say how popular an item is and not what it is like.

    Raises:
        ConfigError: it knows items by no vectors.
    """
    embedding = getattr(getattr(inner, "net", None), "items", None)
    if isinstance(embedding, nn.Embedding):
        rows = embedding.num_embeddings if embedding.padding_idx is None else embedding.padding_idx
        return embedding.weight[:rows].detach().float().cpu().clone()  # padding comes last
    factors = inner.state().get("items")
    if factors is None or factors.ndim != 2:
        raise ConfigError(
            f"cf={inner.name} has no vector for each item; sasrec, gru4rec, caser, als and bpr have"
        )
    return factors.float().clone()


def standardised(table: torch.Tensor) -> torch.Tensor:
    """[i, d] vectors about their mean, of unit variance all in all: no part of what tells items
    apart is lost, and the projector starts the same for every recommender."""
    centred = table - table.mean(0)
    return centred / centred.std(correction=0).clamp(min=1e-6)


def altered(table: torch.Tensor, how: Vectors, seed: int) -> torch.Tensor:
    """[i, d] the items' vectors, or what takes their place in a control.

    zero: nothing but that here stands an item. permuted: each item has another's. random: a
    vector for each that says which item it is, and nothing of who touches it.
    """
    generator = torch.Generator().manual_seed(seed)
    if how == "zero":
        return torch.zeros_like(table)
    if how == "permuted":
        order = torch.randperm(len(table), generator=generator)
        found = torch.empty_like(table)
        found[order] = table[order.roll(1)]  # one cycle through all: none keeps its own
        return found
    if how == "random":
        return torch.randn(table.shape, generator=generator)
    return table
