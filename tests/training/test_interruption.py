"""A training that is killed and resumed ends where an uninterrupted one does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from palate.errors import RunError
from palate.training import checkpoint
from palate.training.fit import Learned

LONG = {"epochs": 30, "schedule": "linear", "warmup": 0.2, "averaging": 0.9}
Start = Callable[..., subprocess.Popen[str]]


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    """Weights equal to the last bit."""
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.fixture(scope="module")
def uninterrupted(job: ModuleType) -> tuple[Any, Learned]:
    torch.set_num_threads(1)
    whole = job.Job(LONG)
    return whole, whole.run()


def wait_for_steps(folder: Path, steps: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 500  # a busy machine takes minutes to import torch
    while time.monotonic() < deadline:
        found = checkpoint.newest(folder)
        if found is not None and int(found.name.split("-")[1]) >= steps:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    raise AssertionError(f"no checkpoint of {steps} steps in {folder}")


def test_a_killed_training_resumes_to_the_same_end(
    job: ModuleType, start: Start, uninterrupted: tuple[Any, Learned], tmp_path: Path
) -> None:
    whole, expected = uninterrupted
    folder = tmp_path / "run"
    for steps, resume in ((20, False), (60, True)):  # killed twice
        process = start(folder, tmp_path, settings=LONG, pause=0.02, hold=80, resume=resume)
        wait_for_steps(folder, steps, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    resumed = job.Job(LONG)
    learned = resumed.run(folder, resume=True)
    assert learned == expected
    same(resumed.weights(), whole.weights())


def test_ctrl_c_leaves_a_resumable_folder_and_a_clean_terminal(
    job: ModuleType, start: Start, uninterrupted: tuple[Any, Learned], tmp_path: Path
) -> None:
    whole, expected = uninterrupted
    folder = tmp_path / "run"
    process = start(folder, tmp_path, settings=LONG, pause=0.02, hold=80, progress=True)
    wait_for_steps(folder, 12, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=500)
    assert process.returncode != 0
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert out == ""
    assert "training  epoch" in err
    assert "\x1b" not in err  # no terminal, no control characters
    resumed = job.Job(LONG)
    assert resumed.run(folder, resume=True) == expected
    same(resumed.weights(), whole.weights())


class CutError(Exception):
    """The moment a training is cut off."""


@pytest.mark.parametrize("calls", [1, 4, 7])
@pytest.mark.parametrize("where", ["collate", "score", "save_best", "save"])
def test_cut_off_anywhere(
    job: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, calls: int
) -> None:
    settings = {"epochs": 5, "accumulate": 2, "evaluate_every": 2 if calls == 4 else 1}
    whole = job.Job(settings)
    expected = whole.run()

    def cutting(call: Callable[..., Any]) -> Callable[..., Any]:
        left = calls

        def cut(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise CutError
            return call(*args, **kwargs)

        return cut

    first = job.Job(settings)
    with monkeypatch.context() as patch:
        owner = checkpoint if where.startswith("save") else first
        patch.setattr(owner, where, cutting(getattr(owner, where)))
        try:
            first.run(tmp_path)
        except CutError:
            pass
        else:
            assert where.startswith("save"), "was never cut off"
    resumed = job.Job(settings)
    assert resumed.run(tmp_path, resume=True) == expected
    same(resumed.weights(), whole.weights())


def test_a_checkpoint_cut_off_while_written_is_not_taken(
    job: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.Job({"epochs": 2}).run(tmp_path)
    before = checkpoint.newest(tmp_path)

    def broken(*_: Any) -> None:
        raise CutError

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(CutError):
        job.Job({"epochs": 4}).run(tmp_path, resume=True)
    assert checkpoint.newest(tmp_path) == before
    monkeypatch.undo()
    again = job.Job({"epochs": 4})
    learned = again.run(tmp_path, resume=True)
    assert learned == job.Job({"epochs": 4}).run()
    assert not list(tmp_path.glob("*.partial"))


def test_a_finished_training_resumes_to_itself(job: ModuleType, tmp_path: Path) -> None:
    settings = {"epochs": 40, "patience": 2, "learning_rate": 0.1}
    whole = job.Job(settings)
    expected = whole.run(tmp_path)
    assert expected.epochs < 40  # it had stopped early
    again = job.Job(settings)
    assert again.run(tmp_path, resume=True) == expected
    same(again.weights(), whole.weights())


def test_the_folder_keeps_one_checkpoint_and_the_best_weights(
    job: ModuleType, tmp_path: Path
) -> None:
    learned = job.Job({"epochs": 5, "batch_size": 10_000}).run(tmp_path)
    values = [row["ndcg@10"] for row in learned.history]
    best = int(np.argmax(values)) + 1  # epochs of one step
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [f"best-{best}.safetensors", "checkpoint-5"]


def test_starting_afresh_forgets_old_checkpoints(job: ModuleType, tmp_path: Path) -> None:
    job.Job({"epochs": 6}).run(tmp_path)
    fresh = job.Job({"epochs": 2}, seed=1)
    expected = fresh.run(tmp_path)
    assert job.Job({"epochs": 2}, seed=1).run(tmp_path, resume=True) == expected


def test_a_checkpoint_of_another_model_is_refused(job: ModuleType, tmp_path: Path) -> None:
    job.Job({"epochs": 1}).run(tmp_path)
    other = job.Job({"epochs": 2})
    other.net.hidden = torch.nn.Linear(16, 8, bias=False)
    with pytest.raises(RunError, match=r"hidden\.bias.*resume with the settings"):
        other.run(tmp_path, resume=True)


def test_nothing_in_a_checkpoint_is_a_pickle(job: ModuleType, tmp_path: Path) -> None:
    job.Job({"epochs": 1}).run(tmp_path)
    names = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {".safetensors", ".json"}
