"""Training with settings, its help, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from palate.cli.train import OWN_OPTIONS
from palate.recommenders import registry

PALATE = Path(sys.executable).parent / "palate"
NET = ["--width", "16", "--layers=1", "--length", "20", "--batch-size", "64"]


def test_settings_are_typed_as_options(palate, own_files) -> None:
    answer = palate("train", "sasrec", *own_files.words, "--epochs", "1", *NET, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert 0 < told["metrics"]["ndcg@10"] < 1
    kept = yaml.safe_load((Path(told["run"]) / "config.yaml").read_text())
    assert kept["method"] == "sasrec"
    assert {k: kept["settings"][k] for k in ("epochs", "width", "layers", "length")} == {
        "epochs": 1,
        "width": 16,
        "layers": 1,
        "length": 20,
    }


def test_help_of_a_method_lists_its_settings(palate) -> None:
    told = palate("train", "sasrec", "--help").out
    config = registry.get("sasrec").Config
    for name, field in config.model_fields.items():
        assert f"--{name.replace('_', '-')} " in told
        assert str(field.description).split()[0] in told
    assert "softmax|one-negative" in told
    # What is the method's own stands before what all trained methods have.
    assert told.index("--heads") < told.index("--width") < told.index("--epochs")


@pytest.mark.parametrize("method", [method.name for method in registry.BUILT_IN])
def test_help_of_every_method(method: str, palate) -> None:
    answer = palate("train", method, "--help")
    assert answer.code == 0
    assert f"palate train {method}" in answer.out


@pytest.mark.parametrize("method", [method.name for method in registry.BUILT_IN])
def test_no_setting_is_hidden_by_an_option_of_the_command(method: str) -> None:
    fields = registry.get(method).Config.model_fields
    assert not {name.replace("_", "-") for name in fields} & set(OWN_OPTIONS)


@pytest.mark.parametrize("method", [method.name for method in registry.BUILT_IN])
def test_every_setting_says_what_it_means(method: str) -> None:
    fields = registry.get(method).Config.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_ctrl_c_says_how_to_go_on_and_resume_does(palate, own_files, tmp_path: Path) -> None:
    words = [PALATE, "train", "sasrec", *own_files.words, "--epochs", "25", "--patience", "25"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*map(str, words), *NET], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    run = tmp_path / "runs/sasrec-clicks"
    until = time.monotonic() + 300
    while not list(run.glob("checkpoints/checkpoint-*")) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert (
        told.splitlines()[-1] == "interrupted; to go on: palate train --resume runs/sasrec-clicks"
    )
    assert not (run / "metrics.json").exists()

    refused = palate("recommend", "runs/sasrec-clicks", "--user", "1")
    assert refused.code == 2
    assert "palate train --resume runs/sasrec-clicks" in refused.err

    answer = palate("train", "--resume", "runs/sasrec-clicks", "--json")
    assert answer.code == 0, answer.err
    assert (
        json.loads(answer.out)["metrics"]
        == json.loads((run / "metrics.json").read_text())["metrics"]
    )
