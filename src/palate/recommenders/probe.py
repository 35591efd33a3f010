"""A linear probe: what can be read from hidden states without any language model.

The honest reference of an interpreter: words that name far more of a history than a linear map of
the same states does must know it from elsewhere (Alain & Bengio, "Understanding intermediate
layers using linear classifier probes", arXiv:1610.01644).

Legend: n histories, l states of each, d width of a state, i catalogue size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.utils.data import Dataset

from palate.evaluation.text import newest_distinct
from palate.recommenders.hidden_states import States
from palate.recommenders.state_bridge import Pool, Pooling
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import fit
from palate.training.held_out import HeldOutLoss
from palate.training.next_item import IGNORED


class ProbeConfig(TrainingConfig):
    """Settings of the probe's training."""

    epochs: int = Field(100, ge=1)
    patience: int = Field(5, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(1e-2, gt=0)


class ProbeNet(nn.Module):
    """States, pooled as the interpreter pools them, to a score per item."""

    def __init__(self, pooling: Pooling, length: int, width: int, n_items: int) -> None:
        super().__init__()
        self.pool = Pool(pooling, length)
        self.linear = nn.Linear(width, n_items)

    def scores(self, values: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[n, l, d] states and [n, l] which are real -> [n, i]."""
        return self.linear(self.pool(values, real))

    def forward(
        self, values: torch.Tensor, real: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Cross-entropy of each true item [n, l], ``IGNORED`` where there are fewer."""
        log_probs = self.scores(values, real).log_softmax(-1)
        found = log_probs.gather(1, labels.clamp(min=0))
        asked = labels != IGNORED
        return {"loss": -(found * asked).sum() / asked.sum()}


class ProbeExamples(Dataset):
    """States of histories with their last distinct items."""

    def __init__(self, states: States, truths: Sequence[Sequence[int]]) -> None:
        self.states = states
        length = states.values.shape[1]
        self.labels = torch.full((len(states), length), IGNORED)
        for row, truth in enumerate(truths):
            items = newest_distinct(truth, length)
            self.labels[row, : len(items)] = torch.tensor(items, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        return self.states.values[index], self.states.real[index], self.labels[index]

    @staticmethod
    def collate(examples: list[tuple[torch.Tensor, ...]]) -> dict[str, torch.Tensor]:
        """A batch of them, as :class:`ProbeNet` takes it."""
        values, real, labels = map(torch.stack, zip(*examples, strict=True))
        return {"values": values, "real": real, "labels": labels}


class LinearProbe:
    """Which items a history holds, told by one linear map of its states for each item."""

    def __init__(self, pooling: Pooling, n_items: int, config: ProbeConfig | None = None) -> None:
        self.pooling: Pooling = pooling
        self.n_items = n_items
        self.config = config or ProbeConfig()

    def fit(
        self,
        states: States,
        truths: Sequence[Sequence[int]],
        held_out: tuple[States, Sequence[Sequence[int]]],
        context: FitContext = FitContext(),  # noqa: B008
    ) -> Self:
        """Learn from the states of some histories and their items; stop by others."""
        torch.manual_seed(context.seed)
        length = states.values.shape[1]
        self.net = ProbeNet(self.pooling, length, states.width, self.n_items)
        examples, others = ProbeExamples(states, truths), ProbeExamples(*held_out)
        config = self.config
        judge = HeldOutLoss(self.net, others, examples.collate, config.batch_size, config.patience)
        fit(self.net, examples, examples.collate, config, None, context, callbacks=[judge])
        judge.restore()
        return self

    @torch.no_grad()
    def scores(self, states: States) -> np.ndarray:
        """[n, i] how much each item seems to be in each history."""
        return self.net.scores(states.values, states.real).numpy()
