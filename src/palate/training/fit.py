"""One fit() for every model with gradients, over ``transformers.Trainer``.

Early stopping on a validation metric (NDCG@10 of the whole catalogue, or AUC), best weights
restored, resumable, and the same metric whether one process measures all cases or several
measure a share each.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.utils import logging

from palate.data.cases import Cases, Histories
from palate.data.questions import Questions
from palate.errors import ConfigError
from palate.evaluation.likes import auc
from palate.evaluation.ranking import ndcg, rank_targets
from palate.training import checkpoint
from palate.training.averaging import WeightAverage
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.parameters import decay_groups, restore, trained_tensors
from palate.training.progress import PREFIX, EpochProgress
from palate.training.trainer import (
    Averaging,
    EpochFlow,
    Judge,
    JudgingTrainer,
    out_of_patience,
)

__all__ = [
    "Learned",
    "LikeValidation",
    "Trainable",
    "Validation",
    "decay_groups",
    "fit",
    "has_bf16",
    "restore",
    "trained_tensors",
]


class Trainable(Protocol):
    """A torch module whose forward takes a collated batch and returns ``{"loss": scalar}``.

    Where the batch has ``labels``, the loss is their mean over those that are not ``IGNORED``:
    by their number, batches and processes are weighed.
    """

    def __call__(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]: ...


@dataclass(frozen=True)
class Validation:
    """A model in training is judged by how it ranks the whole catalogue.

    Attributes:
        cases: the validation cases of the split; their histories are masked when ranking.
        score: ``histories -> [users, items]``, with the module in evaluation mode.
        batch_size: users scored at a time.
    """

    cases: Cases
    score: Callable[[Histories], np.ndarray]
    batch_size: int = 256
    metric: ClassVar[str] = "ndcg@10"

    def __len__(self) -> int:
        return len(self.cases)

    def summary(self, values: np.ndarray) -> float:
        """Mean NDCG@10 of the ranks."""
        return float(ndcg(values, 10).mean())

    def measure(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] rank of each case's target, 0 is best."""
        found = [np.empty(0, dtype=np.int64)]
        for part in self._parts(which):
            seen = (part.histories.items, part.histories.offsets)
            found.append(rank_targets(self.score(part.histories), part.targets, seen))
        return np.concatenate(found)

    def _parts(self, which: np.ndarray) -> list[Cases]:
        """The cases in batches; kept, because training asks for the same ones every epoch."""
        key = which.tobytes()
        if key not in self._kept:
            self._kept.clear()
            starts = range(0, len(which), self.batch_size)
            self._kept[key] = [self.cases.take(which[s : s + self.batch_size]) for s in starts]
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[bytes, list[Cases]]:
        return {}


@dataclass(frozen=True)
class LikeValidation:
    """A model in training is judged by how it tells what people liked from what they did not.

    Attributes:
        questions: those of the validation.
        answer: ``questions -> [n]``, higher where more likely liked.
    """

    questions: Questions
    answer: Callable[[Questions], np.ndarray]
    metric: ClassVar[str] = "auc"

    def __len__(self) -> int:
        return len(self.questions)

    def summary(self, values: np.ndarray) -> float:
        """Area under the ROC curve of the answers."""
        return auc(values, self.questions.liked)

    def measure(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] the answers."""
        return self.answer(self.questions.take(which))


@dataclass(frozen=True)
class Learned:
    """What came of a training.

    Attributes:
        best: best value of the validation metric, or None without validation cases.
        epochs: epochs run until the stop.
        history: one row per epoch: ``epoch``, ``loss`` and, where evaluated, the metric by its
            name, such as ``ndcg@10``.
    """

    best: float | None
    epochs: float
    history: list[dict[str, float]]


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
    if validation is not None and len(validation) == 0:
        validation = None
    verbosity = logging.get_verbosity()
    with _folder(context) as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*pin_memory.*")
        last = checkpoint.newest(folder) if context.resume else None
        trainer = _trainer(model, data, collate, config, validation, context, folder)
        trainer.groups = groups
        for callback in callbacks:
            trainer.add_callback(callback)
        try:
            state = _train(trainer, last)
        finally:
            _release(trainer, model)
            logging.set_verbosity(verbosity)
    model.eval()
    return Learned(state.best_metric, state.epoch or 0.0, _rows(state.log_history))


def _trainer(
    model: nn.Module,
    data: Dataset,
    collate: Callable[[list[Any]], dict[str, torch.Tensor]],
    config: TrainingConfig,
    validation: Judge | None,
    context: FitContext,
    folder: Path,
) -> JudgingTrainer:
    device = next(model.parameters()).device
    callbacks: list[TrainerCallback] = [EpochFlow(config.evaluate_every, validation is not None)]
    if context.progress:
        callbacks.append(EpochProgress(config.epochs))
    trainer = JudgingTrainer(
        model=model,
        args=_arguments(config, folder, context.seed, device),
        train_dataset=data,
        data_collator=collate,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.keep = context.folder is not None
    trainer.patience = config.patience
    if config.averaging:
        trainer.average = WeightAverage(model, config.averaging)
        trainer.add_callback(Averaging(trainer.average))
    if validation is not None:
        trainer.judge = validation
    return trainer


def _train(trainer: JudgingTrainer, last: Path | None) -> TrainerState:
    if last is None:
        if trainer.is_world_process_zero():
            checkpoint.clear(trainer.folder)
        # Processes must not drop out the same units of different examples.
        set_seed(trainer.args.seed + trainer.args.process_index)
        trainer.train()
    else:
        trainer.state = TrainerState.load_from_json(str(last / checkpoint.RECORD))
        if not (trainer.judge and out_of_patience(trainer.state, trainer.patience)):
            trainer.train(resume_from_checkpoint=str(last))
    if trainer.judge:
        trainer.restore_best()
    elif trainer.average:
        trainer.average.swap()
    return trainer.state


def _release(trainer: JudgingTrainer, model: nn.Module) -> None:
    """Take off the model what mixed precision put around it, and close the progress bar."""
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    for leftover in ("forward", "_is_accelerate_prepared"):
        vars(model).pop(leftover, None)
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, EpochProgress):
            callback.close()


@contextmanager
def _folder(context: FitContext) -> Iterator[Path]:
    if context.folder is not None:
        context.folder.mkdir(parents=True, exist_ok=True)
        yield context.folder
        return
    with tempfile.TemporaryDirectory(prefix="palate-fit-") as temporary:
        yield Path(temporary)


def _rows(log: list[dict[str, float]]) -> list[dict[str, float]]:
    rows: dict[float, dict[str, float]] = {}
    for entry in log:
        row = rows.setdefault(entry["epoch"], {"epoch": entry["epoch"]})
        row.update(
            {
                name.removeprefix(PREFIX): value
                for name, value in entry.items()
                if name == "loss" or name.startswith(PREFIX)
            }
        )
    return [row for row in rows.values() if len(row) > 1]


def _arguments(
    config: TrainingConfig, folder: Path, seed: int, device: torch.device
) -> TrainingArguments:
    on_cpu = device.type == "cpu"
    if config.precision == "fp16" and on_cpu:
        raise ConfigError("precision=fp16 needs a GPU; on a CPU there are fp32 and bf16")
    bf16 = config.precision == "bf16" or (config.precision == "auto" and has_bf16(device))
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup,  # below 1 it is a share of all steps
        max_grad_norm=config.clip,
        bf16=bf16,
        fp16=config.precision == "fp16",
        # EpochFlow says when to evaluate and when to save.
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="epoch",
        logging_nan_inf_filter=False,
        seed=seed,
        remove_unused_columns=False,
        label_names=[],
        report_to=[],
        disable_tqdm=True,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        log_level="error",
    )
    # One process drives one GPU; without this, the Trainer spreads each batch over all of them.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def has_bf16(device: torch.device | None = None) -> bool:
    """True where bf16 arithmetic is done in hardware."""
    if device is None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
