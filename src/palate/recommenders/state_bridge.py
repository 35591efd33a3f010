"""From hidden states of a recommender to soft tokens of a language model.

Legend: n histories, l states of each, d width of a state, h hidden size, s slots.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from palate.recommenders.hidden_states import States

Pooling = Literal["conv", "last"]


class Pool(nn.Module):
    """The states of a history as one vector, before it is projected.

    ``conv`` learns a weight for each position and a bias, which start as the mean; ``last`` takes
    the newest state and learns nothing.
    """

    def __init__(self, kind: Pooling, length: int) -> None:
        super().__init__()
        self.conv: nn.Linear | None = None
        if kind == "conv":
            self.conv = nn.Linear(length, 1)
            nn.init.constant_(self.conv.weight, 1 / length)
            nn.init.zeros_(self.conv.bias)

    def forward(self, values: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[n, l, d] states and [n, l] which are real -> [n, d]."""
        masked = values * real[..., None]
        if self.conv is None:
            return masked[:, -1]
        return self.conv(masked.transpose(1, 2)).squeeze(-1)


class StateBridge(nn.Module):
    """Rows of a table of states -> soft tokens; the only part that learns."""

    def __init__(self, pooling: Pooling, length: int, width: int, hidden_size: int) -> None:
        super().__init__()
        self.pool = Pool(pooling, length)
        self.linear = nn.Linear(width, hidden_size)
        self.table = States(torch.zeros(0, length, width), torch.zeros(0, length).bool())

    def forward(self, slots: torch.Tensor) -> torch.Tensor:
        """[s] rows -> [s, h]."""
        return self.linear(self.pool(self.table.values[slots], self.table.real[slots]))

    def read(self, states: States) -> None:
        """Make these the table."""
        self.table = states.to(self.linear.weight.device)

    @torch.no_grad()
    def start_at(self, size: float) -> None:
        """Begin with soft tokens whose entries are of this size, on the states of the table."""
        pooled = self.pool(self.table.values, self.table.real)
        length = pooled.norm(dim=1).mean().clamp(min=1e-6)
        nn.init.normal_(self.linear.weight, std=float(size / length))
        nn.init.zeros_(self.linear.bias)
