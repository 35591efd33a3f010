"""What a sequential recommender knows of a history, as numbers: its last hidden states.

Legend: n histories, l states of each, d width of a state, i catalogue size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import nn

from palate.data.cases import Histories
from palate.recommenders.interactions import check_indices
from palate.recommenders.sequential import SequentialRecommender

AT_ONCE = 256  # histories read by the recommender at a time


@dataclass(frozen=True)
class States:
    """The hidden states of some histories at their last events, newest last.

    Attributes:
        values: [n, l, d] zero where there is no event: nets give padding states that mean nothing.
        real: [n, l] True where there is an event.
    """

    values: torch.Tensor
    real: torch.Tensor

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        """d."""
        return self.values.shape[-1]

    def take(self, which: np.ndarray) -> Self:
        """The states of some histories, in that order."""
        rows = torch.as_tensor(which, dtype=torch.long, device=self.values.device)
        return type(self)(self.values[rows], self.real[rows])

    def join(self, other: States) -> States:
        """These, then the others."""
        return States(torch.cat([self.values, other.values]), torch.cat([self.real, other.real]))

    def to(self, device: torch.device) -> States:
        """The same, elsewhere."""
        return States(self.values.to(device), self.real.to(device))

    def among_others(self, seed: int = 0) -> States:
        """Everyone is given the states of another history, each once: the control.

        Histories that nobody else is there to swap with keep their own.
        """
        order = np.random.default_rng(seed).permutation(len(self))
        owners = np.empty(len(self), dtype=np.int64)
        owners[order] = np.roll(order, 1)
        return self.take(owners)


@torch.no_grad()
def hidden_states(recommender: SequentialRecommender, histories: Histories, length: int) -> States:
    """The last *length* states of each history, on the CPU, without dropout.

    The recommender reads as much of a history as it always does. A history shorter than *length*
    has states for its events alone; an empty one has none.
    """
    check_indices(histories, recommender.n_items)
    net, pad = recommender.net.eval(), recommender.n_items
    device = next(net.parameters()).device
    items = torch.from_numpy(histories.padded(recommender.config.length, pad))
    values, real = [], []
    for part in items.split(AT_ONCE):
        states = net.states(part.to(device))[:, -length:].float().cpu()
        there = part[:, -length:] != pad
        missing = length - states.shape[1]
        states = nn.functional.pad(states * there[..., None], (0, 0, missing, 0))
        values.append(states)
        real.append(nn.functional.pad(there, (missing, 0)))
    if not values:
        return States(torch.zeros(0, length, 0), torch.zeros(0, length, dtype=torch.bool))
    return States(torch.cat(values), torch.cat(real))


def next_item_scores(recommender: SequentialRecommender, states: States) -> np.ndarray:
    """[n, i] dot products of the newest states with the item vectors, as the recommender ranks."""
    device = next(recommender.net.parameters()).device
    with torch.no_grad():
        return recommender.net.head(states.values[:, -1].to(device)).float().cpu().numpy()
