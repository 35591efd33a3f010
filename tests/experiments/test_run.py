"""The run folder: what it holds, what it is good for without its data, and how it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from palate.data.cases import Split
from palate.data.load import DataConfig
from palate.errors import RunError
from palate.evaluation.ranking import hr, ndcg
from palate.experiments.comparison import Comparison
from palate.experiments.evaluate import attributes, evaluate_run
from palate.experiments.recommend import recommend
from palate.experiments.run import Run
from palate.experiments.train import train

FILES = {
    "config.yaml",
    "environment.json",
    "model.safetensors",
    "recommender.json",
    "catalogue.parquet",
    "histories.parquet",
    "cost.json",
    "predictions.parquet",
    "cases.parquet",
    "metrics.json",
    "report.html",
}


def test_a_finished_run_holds_its_files_and_nothing_half_written(ease_run: Run) -> None:
    assert {path.name for path in ease_run.folder.iterdir()} == FILES


def test_known_numbers_on_movielens(ease_run: Run) -> None:
    """EASE as an independent implementation measured it, to rounding."""
    assert ease_run.metrics()["ndcg@10"] == pytest.approx(0.0728, abs=5e-5)
    low, high = ease_run.results()["intervals"]["ndcg@10"]
    assert low < 0.0728 < high


def test_metrics_are_the_means_over_the_cases(ease_run: Run, ml100k_split: Split) -> None:
    cases = ease_run.cases()
    ranks = cases["rank"].to_numpy() - 1
    assert ease_run.metrics()["ndcg@10"] == pytest.approx(ndcg(ranks, 10).mean())
    assert ease_run.metrics()["hr@10"] == pytest.approx(hr(ranks, 10).mean())
    assert cases["user"].to_list() == ml100k_split.test.histories.users
    titles = ml100k_split.catalogue.items
    assert cases["target"].to_list() == [titles[i] for i in ml100k_split.test.targets]


def test_predictions_hold_each_target_at_its_rank(ease_run: Run) -> None:
    top = ease_run.predictions()
    assert top.columns == ["user", "item", "rank", "score"]
    found = ease_run.cases().join(
        top.rename({"item": "target", "rank": "place"}), on=["user", "target"]
    )
    within = ease_run.cases().filter(pl.col("rank") <= 50)
    assert len(found) == len(within) > 300
    assert (found["rank"] == found["place"]).all()
    by_rank = top.sort("user", "rank", maintain_order=True)
    falls = by_rank.select(pl.col("score").diff().over("user").drop_nulls() <= 0)
    assert falls.to_series().all()


def test_nothing_of_a_history_is_predicted(ease_run: Run, ml100k_split: Split) -> None:
    histories = ml100k_split.test.histories
    users = pl.Series(histories.users).gather(histories.rows())
    items = pl.Series(ml100k_split.catalogue.items).gather(histories.items)
    seen = pl.DataFrame({"user": users, "item": items})
    assert ease_run.predictions().join(seen, on=["user", "item"], how="inner").is_empty()


def test_evaluating_again_gives_the_same(ease_run: Run, tmp_path: Path) -> None:
    shutil.copytree(ease_run.folder, tmp_path / "copy")
    copy = Run(tmp_path / "copy")
    for name in ("metrics.json", "predictions.parquet"):
        copy.path(name).unlink()
    again = evaluate_run(Run(copy.folder, finished=False))
    assert again == ease_run.metrics()
    assert copy.predictions().equals(ease_run.predictions())
    assert copy.finished


def test_the_record_says_what_it_takes_to_train_again(ease_run: Run) -> None:
    config = yaml.safe_load(ease_run.path("config.yaml").read_text())
    assert config["method"] == "ease"
    assert config["settings"] == {"regularization": 300.0}
    assert config["data"]["data"] == "ml-100k"
    assert config["seed"] == 0
    about = ease_run.environment()
    assert about["fingerprint"] == ease_run.dataset().fingerprint
    assert {"numpy", "torch", "polars"} <= about["packages"].keys()
    assert about["data"]["events"] == 100_000


def test_cost_is_measured(comparison: Comparison) -> None:
    # Trained in a process of its own: in this one, memory that other tests let go is used again.
    cost = comparison.run("ease-seed0").cost()
    assert cost["fit_seconds"] > 0
    assert cost["p99_ms"] >= cost["p50_ms"] > 0
    assert cost["users_per_second"] > 0
    assert cost["peak_bytes"] > cost["fit_bytes"] > 1682 * 1682 * 8  # the matrix it inverts
    assert cost["parameters"] == 1682 * 1682 + 1682


def test_the_data_may_be_gone_for_recommending(own_files: DataConfig, tmp_path: Path) -> None:
    data = _copied(own_files, tmp_path)
    run = train("ease", {}, data, folder=tmp_path / "run")
    before = recommend(run, user="196", k=5)
    for path in (data.interactions, data.items):
        assert path is not None
        path.unlink()
    moved = Run(shutil.move(run.folder, tmp_path / "elsewhere"))
    assert recommend(moved, user="196", k=5) == before
    assert len(recommend(moved, history=[0, 5], k=5)) == 5
    with pytest.raises(RunError, match="its data cannot be read again"):
        evaluate_run(moved)


def test_changed_data_is_refused(own_files: DataConfig, tmp_path: Path) -> None:
    data = _copied(own_files, tmp_path)
    run = train("popularity", {}, data, folder=tmp_path / "run")
    assert data.interactions is not None
    lines = data.interactions.read_text().splitlines()
    data.interactions.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(RunError, match=r"not what it was trained on .* put the old files back"):
        evaluate_run(run)


def test_relative_paths_work_from_another_folder(
    own_files: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copied(own_files, tmp_path)
    monkeypatch.chdir(tmp_path)
    data = DataConfig(interactions=Path("events.csv"), items=Path("films.csv"))
    run = train("popularity", {}, data, folder=tmp_path / "run")
    monkeypatch.chdir("/")
    assert evaluate_run(run) == run.metrics()


def test_folders_that_are_no_run_say_what_to_do(ease_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder; runs are made by: palate train"):
        Run(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"no config\.yaml"):
        Run(tmp_path)
    shutil.copytree(ease_run.folder, tmp_path / "half")
    (tmp_path / "half" / "metrics.json").unlink()
    with pytest.raises(RunError, match="did not finish; continue it with: palate train --resume"):
        Run(tmp_path / "half")
    with pytest.raises(RunError, match="there is a run in this folder already"):
        train("popularity", {}, DataConfig(data="ml-100k"), folder=ease_run.folder)


def test_a_missing_file_is_named(ease_run: Run, tmp_path: Path) -> None:
    shutil.copytree(ease_run.folder, tmp_path / "run")
    (tmp_path / "run" / "cost.json").unlink()
    with pytest.raises(RunError, match=r"the run has no cost\.json"):
        Run(tmp_path / "run").cost()


def test_json_files_are_strict(ease_run: Run) -> None:
    """Other languages read them too: not-a-number has no place in JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    for path in ease_run.folder.glob("*.json"):
        json.loads(path.read_text("utf-8"), parse_constant=refuse)


def test_attributes_are_the_genres(ml100k_split: Split) -> None:
    found = attributes(ml100k_split.catalogue)
    assert found is not None
    genres = [set(one.split(", ")) for one in ml100k_split.catalogue.frame["genres"][:100]]
    shared = (found @ found.T)[:100, :100]
    assert np.array_equal(shared, [[len(a & b) for b in genres] for a in genres])


def _copied(data: DataConfig, folder: Path) -> DataConfig:
    assert data.interactions is not None
    assert data.items is not None
    return DataConfig(
        interactions=Path(shutil.copy(data.interactions, folder)),
        items=Path(shutil.copy(data.items, folder)),
    )
