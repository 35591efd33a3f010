"""The parts of LLaRA that learn, and when: projector, hybrid and text-only batches, curriculum.

Legend: b batch, l length, s slots, i items of the catalogue, d width of an item's vector, h hidden
size of the language model, t training steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from palate.language.backbone import positions
from palate.training.prompts import PromptNet

Schedule = Literal["curriculum", "direct", "two-stage", "text-only"]

TEXT_STAGE = 0.4
"""Share of all steps that see text alone in two stages: two epochs of five in the paper."""


class Projector(nn.Module):
    """From an item's vector in a recommender to a vector in the language model's prompts."""

    table: torch.Tensor

    def __init__(self, table: torch.Tensor, hidden_size: int, size: float) -> None:
        """
        Args:
            table: [i, d] the items' vectors, which stay as they are.
            hidden_size: h.
            size: root mean square of what comes out at first.
        """
        super().__init__()
        self.register_buffer("table", table, persistent=False)
        self.enter = nn.Linear(table.shape[1], hidden_size)
        self.leave = nn.Linear(hidden_size, hidden_size)
        with torch.no_grad():
            gain = size / self.project(table).square().mean().sqrt().clamp(min=1e-6)
            self.leave.weight.mul_(gain)
            self.leave.bias.mul_(gain)

    def project(self, vectors: torch.Tensor) -> torch.Tensor:
        """[s, d] -> [s, h]."""
        return self.leave(F.gelu(self.enter(vectors)))

    def forward(self, slots: torch.Tensor) -> torch.Tensor:
        """[s] item indices -> [s, h]."""
        return self.project(self.table[slots])

    @contextmanager
    def reading(self, table: torch.Tensor) -> Iterator[None]:
        """Other vectors [i, d] in the items' place while this is open."""
        own = self.table
        self.table = table.to(own)
        try:
            yield
        finally:
            self.table = own


class HybridNet(PromptNet):
    """Prompts of text and vectors, which may be read without their vectors.

    Attributes:
        hybrid: read the vectors; if not, the prompts close up as if they had never held any, and
            what makes the vectors gets no gradient.
    """

    hybrid = True

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        labels: torch.Tensor,
        slot_mask: torch.Tensor,
        slots: torch.Tensor,
    ) -> dict[str, Any]:
        """Mean cross-entropy of the answers' tokens."""
        if self.hybrid:
            return super().forward(
                input_ids, attention_mask, position_ids, labels, slot_mask, slots
            )
        mask = attention_mask.masked_fill(slot_mask, 0)  # [b, l]
        embeds = self.backbone.embed_tokens(input_ids)
        return {"loss": self.backbone.answer_loss(embeds, mask, positions(mask), labels)}


def chance(schedule: Schedule, step: int, steps: int) -> float:
    """Probability that a batch is hybrid, after *step* of all *steps*: the paper's p(τ) = τ / T.

    Counted over the whole training: the released code began anew with each epoch.
    """
    if schedule == "curriculum":
        return step / steps
    if schedule == "two-stage":
        return float(step >= TEXT_STAGE * steps)
    return float(schedule == "direct")


class Curriculum(TrainerCallback):
    """Says before each step whether it sees vectors.

    The draw depends on seed and step alone, so that a training that was interrupted goes on as it
    would have, and all processes and accumulated batches of a step see the same.

    Attributes:
        log: a row for each step so far: the chance that it was hybrid, and whether it was.
    """

    def __init__(self, net: HybridNet, schedule: Schedule, seed: int) -> None:
        self.net, self.schedule, self.seed = net, schedule, seed
        self.log: list[tuple[float, bool]] = []

    def drawn(self, step: int, steps: int) -> tuple[float, bool]:
        """The chance of a step, and what came of it."""
        p = chance(self.schedule, step, steps)
        return p, bool(np.random.default_rng([self.seed, step]).random() < p)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.log = [self.drawn(step, state.max_steps) for step in range(state.global_step)]

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.log.append(self.drawn(state.global_step, state.max_steps))
        self.net.hybrid = self.log[-1][1]

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.net.hybrid = True
