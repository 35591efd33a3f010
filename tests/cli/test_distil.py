"""``palate distil`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.experiments.run import Run
from palate.training.distillation import DistilConfig

SMALL = ["--set", "fm.epochs=2", "--set", "fm.width=8", "--set", "distil.instances=300"]


def test_a_student_of_one_teacher(trained: Path, palate, tmp_path: Path) -> None:
    answer = palate("distil", trained, "--student", "fm", "--out", "student", *SMALL)
    assert answer.code == 0, answer.err
    assert "teachers, then the student" in answer.out
    assert "reconstruction" in answer.out
    run = Run(tmp_path / "student")
    assert run.config["settings"]["width"] == 8
    assert run.config["distillation"]["instances"] == 300
    again = palate("distil", trained, "--student", "fm", "--out", "student", *SMALL, "--json")
    assert json.loads(again.out)["metrics"] == run.metrics()


def test_settings_are_listed(palate) -> None:
    answer = palate("distil", "--list-settings")
    for name in DistilConfig.model_fields:
        assert f"distil.{name} " in answer.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["distil"], "no teacher: name one run"),
        (["distil", "nowhere"], "no such folder"),
        (["distil", "TRAINED", "--student", "ease"], "'ease' cannot be taught"),
        (["distil", "TRAINED", "--set", "distil.temprature=1"], "did you mean temperature"),
        (["distil", "TRAINED", "--set", "fm.width=1"], "'fm' is not compared here; sasrec, distil"),
    ],
)
def test_slips_at_the_keyboard(words: list[str], says: str, palate, trained: Path) -> None:
    answer = palate(*(str(trained) if word == "TRAINED" else word for word in words))
    assert answer.code == 2
    assert answer.out == ""
    assert says in answer.err
    assert len(answer.err.strip().splitlines()) == 1
