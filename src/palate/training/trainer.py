"""``transformers.Trainer``, made to judge a model by its purpose, and to stop and keep by that."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
from accelerate.utils import gather_object
from torch import nn
from torch.utils.data import DataLoader
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from palate.errors import PalateError
from palate.training import checkpoint
from palate.training.averaging import WeightAverage
from palate.training.batches import EpochLoader, SharedBatches
from palate.training.judging import Judge
from palate.training.next_item import IGNORED
from palate.training.parameters import decay_groups, restore, trained_tensors
from palate.training.progress import PREFIX


class JudgingTrainer(Trainer):
    """A Trainer whose evaluation asks a :class:`Judge`.

    Attributes:
        judge: of the validation cases; None where there are none.
        patience: evaluations without a better metric before it stops.
        groups: optimizer parameter groups; None for one learning rate.
        average: moving average of the weights, which is then what is judged and kept.
        keep: write checkpoints from which a training can be resumed.
    """

    judge: Judge | None = None
    patience: int = 1
    groups: list[dict[str, Any]] | None = None
    average: WeightAverage | None = None
    keep: bool = True

    optimizer: Any
    control: TrainerControl

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Makes the Trainer count the labels of a whole step, over accumulated batches and
        # processes; compute_loss below weighs by that count.
        self.model_accepts_loss_kwargs = True

    @property
    def folder(self) -> Path:
        """Where checkpoints are."""
        return Path(self.args.output_dir)

    def get_train_dataloader(self) -> DataLoader:
        args = self.args
        batches = SharedBatches(
            len(self.train_dataset),
            args.per_device_train_batch_size,
            args.seed,
            args.process_index,
            args.world_size,
            getattr(self.train_dataset, "lengths", None),
            args.gradient_accumulation_steps,
        )
        return EpochLoader(
            self.train_dataset,
            batch_sampler=batches,
            collate_fn=self.data_collator,
            pin_memory=args.dataloader_pin_memory,
        )

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            fused = self.args.device.type in ("cpu", "cuda")
            groups = self.groups or decay_groups(self.model, self.args.weight_decay)
            self.optimizer = torch.optim.AdamW(groups, lr=self.args.learning_rate, fused=fused)
        return self.optimizer

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """The model's mean over its labels, as a share of the mean over all labels of the step.

        So a step is the same however its examples are spread over batches and processes: a
        batch with few labels does not count as much as one with many.
        """
        outputs = model(**inputs)
        loss = outputs["loss"]
        if num_items_in_batch is not None:
            own = inputs["labels"].ne(IGNORED).sum()
            # The gradients of the processes are averaged, not summed.
            loss = loss * (own * self.args.world_size / num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The metric on validation; each process measures a share of the cases."""
        assert self.judge is not None
        # The weights that are judged are the ones to keep.
        with self.average.in_place() if self.average else nullcontext():
            value = self._summary(self.judge)
            metrics = {PREFIX + self.judge.metric: value}
            self.log(dict(metrics))
            self._keep_best(value)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _summary(self, judge: Judge) -> float:
        index, world = self.args.process_index, self.args.world_size
        self.model.eval()
        mine = judge.measure(np.arange(index, len(judge), world))
        values = np.empty(len(judge), dtype=mine.dtype)
        for rank, share in enumerate(gather_object([mine.tolist()])):
            values[rank::world] = share
        return judge.summary(values)

    def _keep_best(self, value: float) -> None:
        """Keep the weights if they are the best so far; stop if they have not been for long."""
        if self.state.best_metric is None or value > self.state.best_metric:
            self.state.best_metric = value
            self.state.best_global_step = self.state.global_step
            if self.is_world_process_zero():
                tensors = trained_tensors(self.model)
                checkpoint.save_best(self.folder, self.state.global_step, tensors)
        if out_of_patience(self.state, self.patience):
            self.control.should_training_stop = True

    def restore_best(self) -> None:
        """Go back to the weights of the best evaluation, in every process."""
        step = self.state.best_global_step
        if step is None:
            return
        if self.is_world_process_zero():
            restore(self.model, checkpoint.best(self.folder, step))
        if self.args.world_size > 1:
            learned = trained_tensors(self.model).keys()
            for name, value in self.model.state_dict(keep_vars=True).items():
                if name in learned:
                    torch.distributed.broadcast(value.data, src=0)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        if not self.keep:
            return
        randoms = gather_object([checkpoint.random_states()])
        if self.is_world_process_zero():
            scaler = getattr(self.accelerator, "scaler", None)
            checkpoint.save(
                self.folder,
                self.state.global_step,
                self.state.best_global_step,
                trained_tensors(self.model),
                self.optimizer.state_dict(),
                self.average.values if self.average else {},
                {
                    "averaged": self.average.steps if self.average else 0,
                    "schedule": self.lr_scheduler.state_dict(),
                    "scaler": scaler.state_dict() if scaler else None,
                    "random": randoms,
                },
                json.dumps(asdict(self.state), indent=2) + "\n",
            )

    def _load_from_checkpoint(self, checkpoint_: str, model: nn.Module | None = None) -> None:
        restore(self.model, Path(checkpoint_) / checkpoint.MODEL)

    def _load_optimizer_and_scheduler(self, checkpoint_: str | None) -> None:
        if checkpoint_ is not None:
            optimizer, rest = checkpoint.load(Path(checkpoint_))
            self.optimizer.load_state_dict(optimizer)
            self.lr_scheduler.load_state_dict(rest["schedule"])
            if self.average:
                self.average.load(checkpoint.load_average(Path(checkpoint_)), rest["averaged"])

    def _load_scaler(self, checkpoint_: str | None) -> None:
        if checkpoint_ is not None:
            scaler = checkpoint.load(Path(checkpoint_))[1]["scaler"]
            if scaler:
                self.accelerator.scaler.load_state_dict(scaler)

    def _load_rng_state(self, checkpoint_: str | None) -> None:
        if checkpoint_ is not None:
            states = checkpoint.load(Path(checkpoint_))[1]["random"]
            if self.args.process_index < len(states):
                checkpoint.restore_random_states(states[self.args.process_index])


def out_of_patience(state: TrainerState, patience: int) -> bool:
    """True where the last *patience* evaluations were not better than one before."""
    evaluated = [
        entry["step"]
        for entry in state.log_history
        if any(name.startswith(PREFIX) for name in entry)
    ]
    return sum(step > (state.best_global_step or 0) for step in evaluated) >= patience


class EpochFlow(TrainerCallback):
    """Evaluates and keeps a checkpoint every few epochs and at the end; stops at a broken loss."""

    def __init__(self, every: int, validated: bool) -> None:
        self.every, self.validated = every, validated

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        due = round(state.epoch or 0) % self.every == 0 or state.global_step >= state.max_steps
        control.should_evaluate = due and self.validated
        control.should_save = due

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise PalateError(
                f"training diverged: the loss is {loss} in epoch {state.epoch:.0f}; "
                f"a learning_rate below {args.learning_rate:g} is the usual mend"
            )


class Averaging(TrainerCallback):
    """Takes each step's weights into a moving average."""

    def __init__(self, average: WeightAverage) -> None:
        self.average = average

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.average.update()
