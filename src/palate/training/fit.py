"""One fit() for every model with gradients, over ``transformers.Trainer``.

Early stopping on a validation metric (NDCG@10 of the whole catalogue, or AUC), best weights
restored, resumable, and the same metric whether one process measures all cases or several
measure a share each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from torch.utils.data import Dataset

from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.judging import Judge, Learned, LikeValidation, Validation
from palate.training.parameters import decay_groups, restore, trained_tensors

if TYPE_CHECKING:
    from transformers import TrainerCallback

__all__ = [
    "Learned",
    "LikeValidation",
    "Trainable",
    "Validation",
    "decay_groups",
    "fit",
    "restore",
    "trained_tensors",
]


class Trainable(Protocol):
    """A torch module whose forward takes a collated batch and returns ``{"loss": scalar}``.

    Where the batch has ``labels``, the loss is their mean over those that are not ``IGNORED``:
    by their number, batches and processes are weighed.
    """

    def __call__(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]: ...


def fit(
    model: nn.Module,
    data: Dataset,
    collate: Callable[[list[Any]], dict[str, torch.Tensor]],
    config: TrainingConfig,
    validation: Judge | None,
    context: FitContext,
    groups: list[dict[str, Any]] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> Learned:
    """Train *model* in place and leave it at its best validation epoch, in evaluation mode.

    Started by ``torchrun``, each process takes its share of every batch and of the validation
    cases, and all end with the same weights.

    Args:
        model: a :class:`Trainable` module, on the device where it is to be trained.
        data: training examples; *collate* makes a batch of keyword arguments from a list of them.
        validation: None trains for all epochs without stopping early.
        groups: optimizer parameter groups, for a learning rate per part of the model, as
            :func:`decay_groups` makes them.
        callbacks: more to be told of each step, such as a curriculum.

    Raises:
        ConfigError: the precision is none that the device has.
        PalateError: the loss is no longer a number.
        RunError: the checkpoint to resume from is of another model.
    """
    # Who only loads a trained model, as a server does, does not wait for what training needs.
    from palate.training.loop import trained

    return trained(model, data, collate, config, validation, context, groups, callbacks)
