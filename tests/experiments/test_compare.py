"""Comparisons: one line per method, each in its own process, nothing done twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from palate.data.load import DataConfig
from palate.errors import ConfigError, RunError
from palate.evaluation.ranking import ndcg
from palate.evaluation.significance import holm, paired_test
from palate.experiments.compare import compare
from palate.experiments.comparison import Comparison
from palate.experiments.run import Run
from palate.experiments.samples import sample_users
from palate.experiments.train import train


def test_chance_costs_seeds_and_its_absence_does_not(comparison: Comparison) -> None:
    runs = {row.label: row.runs for row in comparison.rows}
    assert runs["popularity"] == ["popularity-seed0"]
    assert runs["ease"] == ["ease-seed0"]
    assert runs["sasrec"] == ["sasrec-seed0", "sasrec-seed1"]
    first, second = comparison.runs_of(next(r for r in comparison.rows if r.label == "sasrec"))
    assert (first.seed, second.seed) == (0, 1)
    assert first.metrics() != second.metrics()


def test_seeds_can_be_told_by_entry(own_files: DataConfig, tmp_path: Path) -> None:
    tiny = {"factors": 2, "iterations": 1}
    settings = {"als": tiny, "als@dear": tiny}
    found = compare(["als", "als@dear"], own_files, {"als": 2}, tmp_path, settings)
    assert {row.label: len(row.runs) for row in found.rows} == {"als": 2, "als@dear": 1}


def test_a_failure_costs_its_own_line_only(comparison: Comparison) -> None:
    (failed,) = comparison.failed
    assert failed.label == "sasrec@nowhere"
    assert failed is comparison.rows[-1]
    assert failed.runs == []
    assert "cuda" in (failed.error or "").lower()
    assert "\n" not in (failed.error or "")
    assert all(row.metrics for row in comparison.rows[:-1])
    told = (comparison.folder / "sasrec@nowhere-seed0" / "failure.json").read_text()
    assert "Traceback" in told


def test_rows_are_means_and_tests_are_paired(comparison: Comparison) -> None:
    done = comparison.rows[:-1]
    values = {
        row.label: np.mean(
            [ndcg(run.cases()["rank"].to_numpy() - 1, 10) for run in comparison.runs_of(row)],
            axis=0,
        )
        for row in done
    }
    best = max(values, key=lambda label: values[label].mean())
    assert comparison.reference == best == done[0].label
    others = [row for row in done if row.label != best]
    expected = holm([paired_test(values[row.label], values[best]) for row in others])
    for row, p in zip(others, expected, strict=True):
        assert row.metrics["ndcg@10"] == pytest.approx(values[row.label].mean())
        assert row.difference == pytest.approx((values[row.label] - values[best]).mean())
        assert row.p == pytest.approx(p)
    assert done[0].p is None
    for row in done:
        low, high = row.intervals["ndcg@10"]
        assert low < row.metrics["ndcg@10"] < high
        assert ("ndcg@10" in row.spread) == (len(row.runs) > 1)


def test_it_can_be_opened_again(comparison: Comparison) -> None:
    again = Comparison.open(comparison.folder)
    assert [row.label for row in again.rows] == [row.label for row in comparison.rows]
    assert again.reference == comparison.reference
    assert again.rows[0].metrics == comparison.rows[0].metrics
    with pytest.raises(RunError, match="a comparison; name one of its runs: ease-seed0, pop"):
        Run(comparison.folder)
    with pytest.raises(RunError, match="no comparison here"):
        Comparison.open(comparison.folder / "ease-seed0")


def test_finished_runs_are_reused_and_others_are_not(own_files: DataConfig, tmp_path: Path) -> None:
    def times(settings: dict[str, dict[str, float]], reuse: bool = True) -> list[int]:
        compare(["popularity", "ease"], own_files, folder=tmp_path, settings=settings, reuse=reuse)
        models = [tmp_path / f"{name}-seed0/model.safetensors" for name in ("popularity", "ease")]
        return [model.stat().st_mtime_ns for model in models]

    first = times({})
    assert times({}) == first
    other = times({"ease": {"regularization": 10.0}})
    assert other[0] == first[0]
    assert other[1] > first[1]
    assert Run(tmp_path / "ease-seed0").config["settings"] == {"regularization": 10.0}
    assert times({"ease": {"regularization": 10.0}}, reuse=False)[0] > other[0]


def test_memory_and_seconds_are_those_of_the_method(own_files: DataConfig, tmp_path: Path) -> None:
    ballast = np.ones(2**27)  # 1 GiB in this process, none of the method's business
    found = compare(["popularity"], own_files, folder=tmp_path)
    assert found.rows[0].cost["peak_bytes"] < ballast.nbytes
    assert found.rows[0].cost["fit_seconds"] < 5


def test_a_reference_can_be_named(comparison: Comparison) -> None:
    outcomes = {row.label: dict.fromkeys(row.runs) for row in comparison.rows[:-1]}
    again = Comparison.build(comparison.folder, outcomes, comparison.about, "popularity")
    try:
        assert again.reference == "popularity"
        assert [row.label for row in again.rows if row.p is None] == ["popularity"]
    finally:
        comparison._save()


def test_sample_users_see_what_every_method_said(comparison: Comparison) -> None:
    runs = {row.label: comparison.runs_of(row)[0] for row in comparison.rows if row.runs}
    samples = sample_users(runs)
    events = [sample.events for sample in samples]
    assert len(samples) == 3
    assert events == sorted(events)
    for sample in samples:
        assert sample.lists.keys() == runs.keys()
        assert len(sample.recent) == 10
        for label, listed in sample.lists.items():
            assert len(listed) == 10
            hits = [place for place, one in enumerate(listed, start=1) if one.hit]
            assert all(listed[place - 1].title == sample.target for place in hits)
            assert bool(hits) == (sample.ranks[label] <= 10)
            assert not {one.title for one in listed} & set(sample.recent)


@pytest.mark.parametrize(
    ("methods", "more", "told"),
    [
        ([], {}, "nothing to compare"),
        (["ease", "ease"], {}, "named twice; to compare a method with itself, write ease@name"),
        (["ease"], {"reference": "sasrec"}, "'sasrec' is not compared here; ease are"),
        (["ease"], {"settings": {"sasrec": {}}}, "'sasrec' is not compared here"),
        (["ease"], {"seeds": {"sasrec": 2}}, "'sasrec' is not compared here"),
        (["ease@../x"], {}, "cannot name a folder"),
        (["eese"], {}, "no method is called 'eese'"),
        (["ease"], {"settings": {"ease": {"lambda": 3}}}, "no setting is called 'lambda'"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(
    own_files: DataConfig, tmp_path: Path, methods: list[str], more: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        compare(methods, own_files, folder=tmp_path / "x", **more)  # type: ignore[arg-type]
    assert not (tmp_path / "x").exists()


def test_other_folders_are_left_alone(own_files: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "ease-seed0").mkdir()
    (tmp_path / "ease-seed0" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="in the way and holds no run; move it"):
        compare(["ease"], own_files, folder=tmp_path)
    assert (tmp_path / "ease-seed0" / "thesis.txt").exists()
    run = train("popularity", {}, own_files, folder=tmp_path / "run")
    with pytest.raises(RunError, match="choose another for the comparison"):
        compare(["ease"], own_files, folder=run.folder)
