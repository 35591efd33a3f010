"""FM: a factorization machine over a history and a candidate.

Rendle, "Factorization Machines", ICDM 2010.

Legend: b batch, l length, c candidates, d width, i catalogue size, n rows, m values of a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.recommenders.instance import InstanceConfig, InstanceNet, InstanceRecommender, dot
from palate.training.dropout import dropout
from palate.training.instances import distinct
from palate.training.next_item import dot_product_loss


class FMConfig(InstanceConfig):
    """Settings of the factorization machine."""

    loss: Literal["softmax", "binary"] = "softmax"
    """softmax: cross-entropy over the whole catalogue. binary: the logistic loss against
    sampled negatives."""
    item_fields: tuple[str, ...] = ()
    """Columns of the catalogue that say what a candidate is like, such as genres; each is a
    field beside the item itself."""


class Part(NamedTuple):
    """What some fields add to the score of a machine.

    Attributes:
        vector: [n, d] ``Σ_j x_j v_j`` over their features j.
        alone: [n] ``Σ_j x_j w_j`` and all products of pairs among them.
    """

    vector: torch.Tensor
    alone: torch.Tensor


class FeatureField(nn.Module):
    """One field: a weight w and a vector v for each of its values.

    Of a row with m values, each counts as ``x = 1/m``.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.pad = size
        self.weights = nn.Embedding(size + 1, 1, padding_idx=size)
        self.vectors = nn.Embedding(size + 1, width, padding_idx=size)
        nn.init.zeros_(self.weights.weight)
        nn.init.normal_(self.vectors.weight[:size], std=0.02)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """[n, m] values without repetition, padded -> [n, d] ``Σ_j x_j v_j``."""
        return self._mean(values, self.vectors.weight)

    def weight(self, values: torch.Tensor) -> torch.Tensor:
        """[n, m] -> [n] ``Σ_j x_j w_j``."""
        return self._mean(values, self.weights.weight)[:, 0]

    def squares(self, values: torch.Tensor) -> torch.Tensor:
        """[n, m] -> [n] ``Σ_j x_j² |v_j|²``."""
        norms = self.vectors.weight.square().sum(1, keepdim=True)
        return self._mean(values, norms)[:, 0] / (values != self.pad).sum(1).clamp(min=1)

    def _mean(self, values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        return F.embedding_bag(values, table, mode="mean", padding_idx=self.pad)


def part(fields: Sequence[FeatureField], values: Sequence[torch.Tensor]) -> Part:
    """Rendle's equation 5 over some fields: all pairs in linear time.

    ``Σ_{j<k} <v_j, v_k> x_j x_k = ½ (|Σ_j x_j v_j|² - Σ_j x_j² |v_j|²)``
    """
    both = list(zip(fields, values, strict=True))
    vector = torch.stack([field(value) for field, value in both]).sum(0)
    squares = torch.stack([field.squares(value) for field, value in both]).sum(0)
    weight = torch.stack([field.weight(value) for field, value in both]).sum(0)
    return Part(vector, weight + (vector.square().sum(1) - squares) / 2)


class FMNet(InstanceNet):
    """Fields of the history, fields of the candidate, and the products of all pairs of features.

    Attributes:
        labels: for each item field, [i, m] the values of each item, padded.
    """

    def __init__(self, n_items: int, config: FMConfig, labels: Sequence[torch.Tensor] = ()) -> None:
        super().__init__(n_items)
        self.dropout = config.dropout
        self.bias = nn.Parameter(torch.zeros(()))
        self.user_fields = nn.ModuleList(FeatureField(n_items, config.width) for _ in range(2))
        sizes = [n_items, *(int(values.max()) for values in labels)]
        self.item_fields = nn.ModuleList(FeatureField(size, config.width) for size in sizes)
        for number, values in enumerate(labels):
            self.register_buffer(f"labels{number}", values, persistent=False)

    def user_values(self, items: torch.Tensor) -> list[torch.Tensor]:
        """[b, l] histories -> [b, l] the set of their items, and [b, 1] the last of them."""
        return [distinct(items, self.pad), items[:, -1:]]

    def item_values(self, candidates: torch.Tensor) -> list[torch.Tensor]:
        """[c] candidates -> [c, 1] themselves, and [c, m] their values in each item field."""
        labels = (self.get_buffer(f"labels{n}") for n in range(len(self.item_fields) - 1))
        return [candidates[:, None], *(values[candidates] for values in labels)]

    def logits(self, batch: dict[str, torch.Tensor], candidates: torch.Tensor) -> torch.Tensor:
        user = part(self.user_fields, self.user_values(batch["items"]))
        item = part(self.item_fields, self.item_values(candidates.flatten()))
        vectors = item.vector.view(*candidates.shape, -1)
        product = dot(dropout(user.vector, self.dropout, self.training), vectors)
        return self.bias + user.alone[:, None] + item.alone.view(candidates.shape) + product

    def softmax(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        # What the history adds by itself is the same for all candidates, so it drops out.
        values = self.user_values(batch["items"])
        fields = zip(self.user_fields, values, strict=True)
        user = torch.stack([field(value) for field, value in fields]).sum(0)
        user = F.pad(dropout(user, self.dropout, self.training), (0, 1), value=1.0)
        everything = torch.arange(self.pad, device=user.device)
        item = part(self.item_fields, self.item_values(everything))
        table = torch.cat([item.vector, item.alone[:, None]], 1)  # [i, d + 1]
        return dot_product_loss(user[:, None], batch["positives"][:, None], table)


def labels_of(catalogue: Catalogue, column: str) -> torch.Tensor:
    """[i, m] the values of a column for each item as numbers, padded with how many there are.

    Raises:
        ConfigError: the catalogue has no such column.
    """
    if column not in catalogue.frame.columns:
        raise ConfigError(
            f"item_fields: the catalogue has no column '{column}'; it has "
            f"{', '.join(catalogue.frame.columns)}"
        )
    cells = [sorted(set(cell)) for cell in catalogue.labels(column).to_list()]
    names = {name: number for number, name in enumerate(sorted(set().union(*cells)))}
    values = Histories.of([[names[name] for name in cell] for cell in cells])
    return torch.from_numpy(values.padded(max(1, int(values.lengths.max())), len(names)))


class FM(InstanceRecommender):
    """Factorization machine."""

    name = "fm"
    summary = "factorization machine over a history, its last item and a candidate"
    Config = FMConfig

    def build(self, catalogue: Catalogue, sequences: Histories) -> FMNet:
        labels = [labels_of(catalogue, column) for column in self.config.item_fields]
        return FMNet(len(catalogue), self.config, labels)
