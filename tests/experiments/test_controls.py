"""A method that comes with controls is judged beside them, in its files and on the page."""

from __future__ import annotations

import re

import pytest

from palate.cli.evaluate import show_metrics
from palate.data.load import DataConfig
from palate.evaluation.ranking import ndcg
from palate.evaluation.significance import paired_test
from palate.experiments.run import Run
from palate.experiments.train import train

SMALL = {
    "layers": 1,
    "samples": 8,
    "epochs": 1,
    "validation_users": 4,
    "max_tokens": 4,
    "beams": 1,
    "statistics": "cf",
    "cf": "ease",
    "device": "cpu",
}


@pytest.fixture(scope="module")
def run(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "bigrec"
    return train("bigrec", SMALL, own_files, folder=folder)


@pytest.fixture(scope="module")
def ease(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("ease", {}, own_files, folder=tmp_path_factory.mktemp("runs") / "ease")


def test_controls_are_judged_on_the_same_cases(run: Run, ease: Run) -> None:
    controls = {row["name"]: row for row in run.results()["controls"]}
    assert set(controls) == {"nearest to the last title", "popularity", "zero-shot", "ease alone"}
    metrics = controls["ease alone"]["metrics"]
    assert metrics == pytest.approx({name: ease.metrics()[name] for name in metrics})
    assert all(0 < row["p"] <= 1 for row in controls.values())
    own, other = (ndcg(one.cases()["rank"].to_numpy() - 1, 10) for one in (run, ease))
    assert controls["ease alone"]["p"] >= paired_test(own, other)  # corrected for all four


def test_controls_are_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    show_metrics(run)
    shown = capsys.readouterr().out
    row = next(row for row in run.results()["controls"] if row["name"] == "ease alone")
    line = next(line for line in shown.splitlines() if line.strip().startswith("ease alone"))
    assert f"{row['metrics']['ndcg@10']:.4f}" in line
    html = (run.folder / "report.html").read_text("utf-8")
    section = re.search(r'<section id="controls">.*?</section>', html, re.DOTALL)
    assert section is not None
    assert "ease alone" in section.group()
    assert f"{row['metrics']['ndcg@10']:.4f}" in section.group()


def test_methods_without_controls_have_no_such_section(ease: Run) -> None:
    assert "controls" not in ease.results()
    assert 'id="controls"' not in (ease.folder / "report.html").read_text("utf-8")
