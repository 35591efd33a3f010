"""Progress of a training: epoch, loss, validation metric."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

PREFIX = "eval_"  # what the Trainer's log puts before a metric
SECONDS_BETWEEN_LINES = 10.0


class EpochProgress(TrainerCallback):
    """Steps done, the last loss and the best validation metric so far, on standard error.

    A bar on a terminal; elsewhere (a log file, a pipe) a plain line now and then.
    """

    def __init__(self, epochs: int, console: Console | None = None) -> None:
        self.epochs = epochs
        self.loss = self.value = self.best = float("nan")
        self.metric = ""
        self.console = console or Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=None, numbers="")
        self.text, self.last_line = "", float("-inf")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            self.bar.update(self.task, total=state.max_steps, completed=state.global_step)
            self.bar.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            self.bar.update(self.task, completed=state.global_step, numbers=self.numbers(state))

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
        for name in logs:
            if name.startswith(PREFIX):
                self.metric, self.value = name.removeprefix(PREFIX).upper(), logs[name]
                self.best = max(self.value, self.best)  # in this order, so that NaN gives way
        if time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self._line(state)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._line(state)

    def _line(self, state: TrainerState) -> None:
        text = self.numbers(state)
        if self.bar.disable and state.is_world_process_zero and text != self.text:
            self.text, self.last_line = text, time.monotonic()
            self.console.print(f"training  {text}", soft_wrap=True, highlight=False)

    def numbers(self, state: TrainerState) -> str:
        """``epoch 3.0/200  loss 5.123  NDCG@10 0.0910 (best 0.0931)``, as far as it is known."""
        text = f"epoch {state.epoch:.1f}/{self.epochs}"
        if self.loss == self.loss:
            text += f"  loss {self.loss:.3f}"
        if self.best == self.best:
            text += f"  {self.metric} {self.value:.4f} (best {self.best:.4f})"
        return text

    def close(self) -> None:
        """Leave the terminal as it was, however the training ended."""
        self.bar.stop()
