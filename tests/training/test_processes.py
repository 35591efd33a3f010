"""Two processes learn what one does with batches of twice the size."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_are_one(
    job: ModuleType,
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    accumulate: int,
) -> None:
    settings = {"epochs": 4, "learning_rate": 0.01}
    one = job.Job(settings | {"batch_size": 14 * accumulate}, dropout=0.0)
    expected = one.run()
    two = settings | {"batch_size": 7, "accumulate": accumulate}
    process = start(tmp_path / "run", tmp_path / "out", TORCHRUN, settings=two, dropout=0.0)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    assert out == ""
    weights = [load_file(tmp_path / "out" / f"{rank}.safetensors") for rank in (0, 1)]
    assert_close(weights[0], weights[1], rtol=0, atol=0)
    assert_close(weights[0], one.weights(), rtol=1e-3, atol=1e-4)
    best, epochs, history = json.loads((tmp_path / "out" / "1.json").read_text())
    assert epochs == expected.epochs
    assert best == pytest.approx(expected.best, abs=1e-6)
    for mine, theirs in zip(history, expected.history, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
