"""What :func:`palate.training.fit.fit` does: a Trainer, set up, run, and taken apart again."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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

from palate.errors import ConfigError
from palate.language.precision import has_bf16
from palate.training import checkpoint
from palate.training.averaging import WeightAverage
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.judging import Judge, Learned
from palate.training.progress import PREFIX, EpochProgress
from palate.training.trainer import Averaging, EpochFlow, JudgingTrainer, out_of_patience


def trained(
    model: nn.Module,
    data: Dataset,
    collate: Callable[[list[Any]], dict[str, torch.Tensor]],
    config: TrainingConfig,
    validation: Judge | None,
    context: FitContext,
    groups: list[dict[str, Any]] | None,
    callbacks: Sequence[TrainerCallback],
) -> Learned:
    """See :func:`palate.training.fit.fit`."""
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
