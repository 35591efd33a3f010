"""A Rich progress bar for a training: epoch, loss, validation NDCG@10."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class EpochProgress(TrainerCallback):
    """Shows steps done, the last loss and the best validation NDCG@10 so far."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.loss = self.ndcg = self.best = float("nan")
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            self.bar.start()
            self.task = self.bar.add_task("training", total=state.max_steps, numbers="")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            text = f"epoch {state.epoch:.1f}/{self.epochs}  loss {self.loss:.3f}"
            if self.best == self.best:
                text += f"  NDCG@10 {self.ndcg:.4f} (best {self.best:.4f})"
            self.bar.update(self.task, completed=state.global_step, numbers=text)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        logs = logs or {}
        self.loss = logs.get("loss", self.loss)
        if "eval_ndcg@10" in logs:
            self.ndcg = logs["eval_ndcg@10"]
            self.best = max(self.best, self.ndcg) if self.best == self.best else self.ndcg

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.bar.stop()
