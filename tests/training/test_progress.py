"""Progress on a terminal and in a log file."""

from __future__ import annotations

import io
from types import ModuleType

import pytest
from rich.console import Console
from transformers import TrainerControl, TrainerState, TrainingArguments

from palate.training import progress
from palate.training.progress import EpochProgress


def played(bar: EpochProgress) -> None:
    """Two epochs of five steps, evaluated."""
    args, control = TrainingArguments(output_dir="unused", report_to=[]), TrainerControl()
    state = TrainerState(max_steps=10, epoch=0.0, is_world_process_zero=True)
    bar.on_train_begin(args, state, control)
    for step in range(1, 11):
        state.global_step, state.epoch = step, step / 5
        bar.on_step_end(args, state, control)
        if step % 5 == 0:
            bar.on_log(args, state, control, {"loss": 7.0 - step / 5})
            bar.on_log(args, state, control, {"eval_ndcg@10": 0.3 - step / 100})
    bar.on_train_end(args, state, control)
    bar.close()


def test_a_log_file_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    file = io.StringIO()
    played(EpochProgress(2, Console(file=file, width=20)))
    assert file.getvalue().splitlines() == [
        "training  epoch 1.0/2  loss 6.000",
        "training  epoch 1.0/2  loss 6.000  NDCG@10 0.2500 (best 0.2500)",
        "training  epoch 2.0/2  loss 5.000  NDCG@10 0.2500 (best 0.2500)",
        "training  epoch 2.0/2  loss 5.000  NDCG@10 0.2000 (best 0.2500)",
    ]


def test_lines_are_few() -> None:
    file = io.StringIO()
    played(EpochProgress(2, Console(file=file)))
    assert len(file.getvalue().splitlines()) == 2  # the first one and the end


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    file = io.StringIO()
    played(EpochProgress(2, Console(file=file, force_terminal=True, width=120)))
    text = file.getvalue()
    assert "training" in text
    assert text.rstrip().endswith("\x1b[2K")  # the line is cleared
    assert "\x1b[?25h" in text  # and the cursor is back


def test_a_broken_training_gives_the_terminal_back(
    job: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # Rich takes it for a terminal
    broken = job.Job({"epochs": 2})
    broken.collate = lambda windows: 1 / 0
    with pytest.raises(ZeroDivisionError):
        broken.run(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\x1b[?25h") == err.count("\x1b[?25l") == 1  # cursor hidden, cursor shown
