"""A training that was killed goes on, and ends where it would have ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from palate.data.load import DataConfig
from palate.errors import RunError
from palate.experiments.items import absolute
from palate.experiments.run import Run
from palate.experiments.train import resume_training, train
from palate.experiments.worker import Job
from palate.recommenders.registry import configure
from palate.training.checkpoint import newest

SETTINGS = {"epochs": 12, "patience": 12, "width": 8, "length": 10, "layers": 1}
PATIENCE = 600  # seconds that a busy machine may take


@pytest.fixture(scope="module")
def killed(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a SASRec whose process was killed after its first epochs."""
    folder = tmp_path_factory.mktemp("runs") / "killed"
    process = _start(own_files, folder, SETTINGS)
    try:
        _wait_for(lambda: newest(folder / "checkpoints") is not None, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        process.communicate()
    return folder


def test_it_ends_where_it_would_have_ended(
    killed: Path, own_files: DataConfig, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="did not finish"):
        Run(killed)
    with pytest.raises(RunError, match="has other settings and seed; resume it with its own"):
        train("sasrec", {**SETTINGS, "width": 4}, own_files, 1, killed, resume=True)
    last = newest(killed / "checkpoints")
    assert last is not None
    # What the killed process had spent until then:
    before = last.stat().st_mtime - (killed / "begun.json").stat().st_mtime
    assert before > 0
    resumed = resume_training(killed)
    assert resumed.cost()["resumed"]
    assert resumed.cost()["fit_seconds"] > before
    assert not resumed.path("begun.json").exists()
    whole = train("sasrec", SETTINGS, own_files, folder=tmp_path / "whole")
    assert not whole.cost()["resumed"]
    assert resumed.metrics() == whole.metrics()
    assert resumed.predictions().equals(whole.predictions())
    assert resumed.training() == whole.training()
    assert not resumed.path("checkpoints").exists()
    assert resume_training(killed).metrics() == whole.metrics()  # finished: opened, not trained


def test_a_model_that_was_fitted_is_not_fitted_again(own_files: DataConfig, tmp_path: Path) -> None:
    run = train("sasrec", SETTINGS, own_files, folder=tmp_path / "run")
    metrics, model = run.metrics(), run.path("model.safetensors").stat().st_mtime_ns
    run.path("metrics.json").unlink()  # as if killed while it was evaluated
    assert resume_training(run.folder).metrics() == metrics
    assert run.path("model.safetensors").stat().st_mtime_ns == model


def test_a_worker_stops_when_nobody_waits_for_it(own_files: DataConfig, tmp_path: Path) -> None:
    process = _start(own_files, tmp_path / "run", {**SETTINGS, "epochs": 100_000})
    try:
        _wait_for((tmp_path / "run" / "config.yaml").exists, process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 130
    finally:
        process.kill()
        process.communicate()


def _start(data: DataConfig, folder: Path, settings: dict[str, int]) -> subprocess.Popen[bytes]:
    job = Job(
        method="sasrec",
        settings=configure("sasrec", settings).model_dump(mode="json"),
        data=absolute(data).model_dump(mode="json"),
        seed=0,
        folder=str(folder),
        progress=False,
        resume=False,
        command="test",
    )
    command = [sys.executable, "-P", "-m", "palate.experiments.worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
    process.stdin.flush()
    return process


def _wait_for(there, process: subprocess.Popen[bytes]) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + PATIENCE
    while not there():
        assert process.poll() is None, "the worker ended too early"
        assert time.monotonic() < end, "nothing came of the worker"
        time.sleep(0.005)
