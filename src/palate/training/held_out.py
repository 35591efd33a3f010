"""Early stopping by the loss on held-out examples, for models that rank nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from palate.training.next_item import IGNORED
from palate.training.parameters import trained_tensors


class HeldOutLoss(TrainerCallback):
    """After each epoch, the loss on examples that are not learned from; keeps the best weights.

    Given to :func:`~palate.training.fit.fit` as a callback; then :meth:`restore` goes back to the
    best epoch.

    Attributes:
        losses: mean loss over the labels of all held-out examples, one for each epoch.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Dataset,
        collate: Callable[[list[Any]], dict[str, torch.Tensor]],
        batch_size: int,
        patience: int,
    ) -> None:
        """
        Args:
            data: held-out examples, as those of the training; none at all stops nothing.
            patience: epochs without a lower loss before training stops.
        """
        self.model, self.collate, self.patience = model, collate, patience
        examples = [data[place] for place in range(len(data))]  # type: ignore[arg-type]
        self._batches = [
            examples[start : start + batch_size] for start in range(0, len(examples), batch_size)
        ]
        self.losses: list[float] = []
        self._best: dict[str, torch.Tensor] = {}

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if not self._batches:
            return
        self.losses.append(self.loss())
        best = self.losses.index(min(self.losses))
        if best == len(self.losses) - 1:
            self._best = trained_tensors(self.model)
        elif len(self.losses) - 1 - best >= self.patience:
            control.should_training_stop = True

    @torch.no_grad()
    def loss(self) -> float:
        """Mean loss over the held-out labels as the model is now."""
        training = self.model.training
        device = next(self.model.parameters()).device
        self.model.eval()
        total, labels = 0.0, 0
        for examples in self._batches:
            batch = {key: value.to(device) for key, value in self.collate(examples).items()}
            own = int(batch["labels"].ne(IGNORED).sum())
            total += float(self.model(**batch)["loss"]) * own
            labels += own
        self.model.train(training)
        return total / max(labels, 1)

    def restore(self) -> None:
        """Give the model the weights of its best epoch."""
        if self._best:
            self.model.load_state_dict(self._best, strict=False)
