"""A moving average of the weights: steadier than the weights of any one step.

Tarvainen & Valpola, "Mean teachers are better role models", NeurIPS 2017; Morales-Brotons et al.,
"Exponential Moving Average of Weights in Deep Learning", TMLR 2024.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of a module's trainable parameters.

    The average of the first n steps weighs each alike until ``n / (n + 9)`` exceeds the decay, so
    that it does not remember the fresh weights for long.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.values = {
            name: p.detach().clone(memory_format=torch.contiguous_format)
            for name, p in self.parameters.items()
        }

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of one more step."""
        self.steps += 1
        weight = 1 - min(self.decay, self.steps / (self.steps + 9))
        torch._foreach_lerp_(list(self.values.values()), list(self.parameters.values()), weight)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The average in the model's place while this is open; then the weights as they were."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the average and the model's weights."""
        for name, parameter in self.parameters.items():
            parameter.data, self.values[name] = self.values[name], parameter.data

    def load(self, values: dict[str, torch.Tensor], steps: int) -> None:
        """Go on from what a checkpoint kept."""
        self.steps = steps
        for name, value in values.items():
            self.values[name].copy_(value)
