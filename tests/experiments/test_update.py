"""The next version of a run: what is learned, what stays, and what a kill leaves behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError, DataError, RunError
from palate.evaluation.evaluate import evaluate
from palate.experiments.evaluate import evaluate_run
from palate.experiments.lineage import next_version, record
from palate.experiments.recommend import recommend
from palate.experiments.run import Run
from palate.experiments.train import resume_training, train
from palate.experiments.update import _first, update
from palate.experiments.update_plan import plan
from palate.experiments.versions import Earlier
from palate.recommenders.lsat import LSAT, SHARES
from palate.recommenders.registry import configure, get
from palate.recommenders.updates import Updates

from .shop import TINY, hashes, shop

PATIENCE = 600  # seconds that a busy machine may take


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a shop."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def first(place: Path) -> dict[str, Run]:
    """Runs on the first period."""
    data = shop(place)
    made = {
        method: train(method, TINY, data, folder=place / "runs" / method)
        for method in ("sasrec", "sasrec-likes")
    }
    return made | {"ease": train("ease", {}, data, folder=place / "runs" / "ease")}


@pytest.fixture(scope="module")
def second(place: Path, first: dict[str, Run]) -> dict[str, Run]:
    """Their versions after an update, by default."""
    return {
        method: update(run, place / "new.csv", place / "new_items.csv")
        for method, run in first.items()
    }


def learned(run: Run) -> LSAT:
    found = run.recommender()
    assert isinstance(found, LSAT)
    return found


def told(run: Run) -> dict:  # type: ignore[type-arg]
    found = record(run)
    assert found is not None
    return found


@pytest.mark.parametrize("method", ["sasrec", "sasrec-likes"])
def test_two_updates_keep_the_long_term_model_and_the_old_runs(
    method: str, place: Path, first: dict[str, Run], second: dict[str, Run]
) -> None:
    before, one = first[method], second[method]
    kept = {run.folder: hashes(run.folder) for run in (before, one)}
    two = update(one, place / "newer.csv", place / "new_items.csv")
    assert {folder: hashes(folder) for folder in kept} == kept
    assert [run.folder.name for run in (one, two)] == [f"{method}-v2", f"{method}-v3"]
    assert [run.method for run in (before, one, two)] == [method, "lsat", "lsat"]
    assert [len(run.data.updates or ()) for run in (before, one, two)] == [0, 1, 2]
    assert [len(run.catalogue()) for run in (before, one, two)] == [20, 22, 24]
    old = before.recommender()
    assert isinstance(old, Updates)
    long, short = old.weights(), [learned(run).short for run in (one, two)]
    for run in (one, two):
        for name, value in learned(run).long.items():
            had = long[name]
            same = (
                value if value.shape == had.shape else value[: len(had) - (name == "items.weight")]
            )
            assert torch.equal(same, had[: len(same)])
    assert not torch.equal(short[0]["norm.weight"], short[1]["norm.weight"])
    made = told(two)
    assert made["from"] == str(one.folder)
    assert set(made["tried"]) == {str(share) for share in SHARES}
    assert made["tried"][str(made["share"])] == max(made["tried"].values())
    assert made["new"] == {"events": 200, "users": 2, "items": 2, "late": 0}
    assert learned(two).share == made["share"]
    assert two.results()["split"] == "update"
    assert two.path("report.html").stat().st_size > 1000
    assert [row["name"] for row in two.results()["controls"]] == [
        "long-term alone",
        "short-term alone",
    ]


def test_both_versions_are_judged_on_the_same_test(
    place: Path, first: dict[str, Run], second: dict[str, Run]
) -> None:
    run, new = first["sasrec-likes"], second["sasrec-likes"]
    split = new.split()
    beside = told(new)["versions"]
    assert set(beside) == {"ndcg@10", "auc"}
    assert set(told(second["sasrec"])["versions"]) == {"ndcg@10"}
    for recommender, version in ((run.recommender(), "old"), (new.recommender(), "new")):
        scorer = Earlier(recommender, 20 if version == "old" else 22, 22)
        train, n_items = split.train.sequences(), split.n_items
        found = evaluate(scorer, split.test, train=train, n_items=n_items)
        value = float(found.per_user("ndcg@10").mean())
        assert beside["ndcg@10"][version] == pytest.approx(value, abs=1e-6)
    low, high = beside["auc"]["interval"]
    assert low <= beside["auc"]["difference"] <= high
    assert beside["auc"]["cases"] == told(new)["questions"]["test"]


def test_a_new_version_is_a_run_like_any_other(place: Path, second: dict[str, Run]) -> None:
    new = second["sasrec"]
    metrics = new.metrics()
    copy = Run(shutil.copytree(new.folder, place / "runs" / "copy"))
    assert evaluate_run(copy)["ndcg@10"] == pytest.approx(metrics["ndcg@10"], abs=1e-6)
    assert resume_training(copy.folder).finished
    known = {item.item for item in recommend(new, user="u33", k=22)}  # came with the update
    assert known
    new_item = new.catalogue().find("Even film 20")
    listed = recommend(new, history=[new_item], k=22)
    assert len(listed) == 21
    with pytest.raises(RunError, match="no user is called"):
        recommend(new, user="u35")  # comes with the next one
    assert not list(new.folder.parent.glob(".*"))


@pytest.mark.parametrize("strategy", ["fine-tune", "peso", "full", "lsat-ta", "lsat-ta-exact"])
def test_every_strategy_makes_a_run(
    strategy: str, place: Path, first: dict[str, Run], tmp_path: Path
) -> None:
    run = first["sasrec-likes"]
    new = update(run, place / "new.csv", place / "new_items.csv", strategy, tmp_path / "next")
    assert new.folder == tmp_path / "next"
    assert new.method == ("lsat" if strategy.startswith("lsat") else "sasrec-likes")
    assert told(new)["strategy"] == strategy
    assert told(new)["versions"]["auc"]["new"] > 0
    again = new.recommender().score(new.split().test.histories)
    assert np.isfinite(again).all()


def test_training_on_never_ends_worse_on_validation(
    place: Path, first: dict[str, Run], tmp_path: Path
) -> None:
    run = first["sasrec-likes"]
    planned = plan(run, place / "new.csv", place / "new_items.csv", "fine-tune")
    new = update(run, place / "new.csv", place / "new_items.csv", "fine-tune", tmp_path / "next")
    old, tuned = planned.learner(), new.recommender()
    assert isinstance(old, Updates)
    assert isinstance(tuned, Updates)
    old.begin(planned.dataset.catalogue, run.seed)
    old.take(run.recommender().weights())  # type: ignore[attr-defined]
    asked = planned.validation
    assert tuned.judge(tuned.predict(asked), asked) >= old.judge(old.predict(asked), asked)


def test_a_method_that_cannot_go_on_is_trained_anew_on_everything(
    place: Path, first: dict[str, Run], second: dict[str, Run]
) -> None:
    new = second["ease"]
    assert new.method == "ease"
    assert told(new)["strategy"] == "full"
    assert told(new)["questions"]["train"] == 500 + 160
    with pytest.raises(ConfigError, match=r"ease does not go on learning .* 'lsat-en' cannot be"):
        plan(first["ease"], place / "new.csv", strategy="lsat-en")


def test_what_cannot_be_is_said_before_anything_is_trained(
    place: Path, first: dict[str, Run], second: dict[str, Run]
) -> None:
    run, there = first["sasrec"], sorted(place.rglob("*"))
    with pytest.raises(ConfigError, match="no strategy 'tune'; there are: lsat-en"):
        update(run, place / "new.csv", strategy="tune")
    with pytest.raises(ConfigError, match="'peso' does not say which goes on"):
        update(second["sasrec"], place / "newer.csv", strategy="peso")
    with pytest.raises(RunError, match="holds something already; name another folder"):
        update(run, place / "new.csv", folder=run.folder)
    with pytest.raises(DataError, match=r"'i2\d' is a new item and has no title"):
        update(run, place / "new.csv")
    with pytest.raises(DataError, match=r"no new event is in it"):
        update(second["sasrec"], place / "new.csv", place / "new_items.csv")
    assert sorted(place.rglob("*")) == there


def test_a_plan_says_what_would_be_and_writes_nothing(place: Path, first: dict[str, Run]) -> None:
    before = hashes(place)
    words = plan(first["sasrec"], place / "new.csv", place / "new_items.csv").told()
    assert words["new"] == {"events": 200, "users": 4, "items": 2, "late": 0}
    assert words["models"][0].startswith("short-term sasrec: trained from scratch on")
    assert words["models"][1] == "long-term sasrec: stays as it is in sasrec"
    assert sum(words["questions"][part] for part in ("train", "choose")) <= 180
    assert 0 < words["estimated_seconds"]["training"] < 600
    whole = plan(first["sasrec"], place / "new.csv", place / "new_items.csv", "full").told()
    assert whole["estimated_seconds"]["training"] > words["estimated_seconds"]["training"]
    assert hashes(place) == before


def test_a_short_term_model_begins_as_the_long_term_one_did(first: dict[str, Run]) -> None:
    run = first["sasrec"]
    small = run.catalogue()
    more = small.frame.head(3).with_columns(item="item" + small.frame["item"].head(3))
    grown = Catalogue(small.frame.vstack(more))
    learner = get("sasrec")(configure("sasrec", TINY))
    assert isinstance(learner, Updates)
    learner.begin(small, 0)
    began = learner.weights()
    found = _first(learner, grown, len(small), 0)
    table = found.pop("items.weight")
    assert torch.equal(table[:20], began.pop("items.weight")[:20])
    assert len(table) == 24
    assert all(torch.equal(value, began[name]) for name, value in found.items())


def test_an_earlier_version_ranks_last_what_it_does_not_know(first: dict[str, Run]) -> None:
    old = first["sasrec"].recommender()
    scores = Earlier(old, 20, 22)(Histories.of([[3, 21, 4], [20], [5]]))
    assert (scores[:, 20:] == -np.inf).all()
    plain = old.score(Histories.of([[3, 4], [], [5]]))
    assert (scores[:, :20] == plain).all()


def test_versions_are_counted_on(tmp_path: Path) -> None:
    assert next_version(tmp_path / "shop") == tmp_path / "shop-v2"
    (tmp_path / "shop-v2").mkdir()
    assert next_version(tmp_path / "shop") == tmp_path / "shop-v3"
    assert next_version(tmp_path / "shop-v2") == tmp_path / "shop-v3"
    assert next_version(tmp_path / "shop-v9") == tmp_path / "shop-v10"


def test_a_killed_update_leaves_the_old_version_alone(place: Path, tmp_path: Path) -> None:
    data = shop(tmp_path)
    run = train("sasrec", TINY, data, folder=tmp_path / "runs" / "shop")
    config = run.path("config.yaml")
    config.write_text(config.read_text().replace("epochs: 2", "epochs: 100000"))
    before = hashes(run.folder)
    words = f"{str(run.folder)!r}), Path({str(tmp_path / 'new.csv')!r})"
    code = (
        "from pathlib import Path\n"
        "from palate.experiments.run import Run\n"
        "from palate.experiments.update import update\n"
        f"update(Run({words}, Path({str(tmp_path / 'new_items.csv')!r}))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        end = time.monotonic() + PATIENCE
        while not list(run.folder.parent.glob(".shop.*.update/histories.parquet")):
            assert process.poll() is None, "the update ended too early"
            assert time.monotonic() < end, "nothing came of the update"
            time.sleep(0.01)
        time.sleep(0.5)  # into the training
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        process.wait()
    assert hashes(run.folder) == before
    (left,) = [each for each in run.folder.parent.iterdir() if each != run.folder]
    assert left.name.startswith(".shop.")
    config.write_text(config.read_text().replace("epochs: 100000", "epochs: 2"))
    new = update(run, tmp_path / "new.csv", tmp_path / "new_items.csv")
    assert new.folder.name == "shop-v2"
    assert sorted(each.name for each in run.folder.parent.iterdir()) == ["shop", "shop-v2"]


def test_an_update_that_fails_leaves_nothing(place: Path, tmp_path: Path) -> None:
    run = train("sasrec", TINY, shop(tmp_path), folder=tmp_path / "runs" / "shop")
    run.path("model.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        update(run, tmp_path / "new.csv", tmp_path / "new_items.csv")
    assert [each.name for each in run.folder.parent.iterdir()] == ["shop"]


def test_without_ratings_and_titles_a_shop_goes_on_too(tmp_path: Path) -> None:
    data = shop(tmp_path)
    for name in ("old.csv", "new.csv"):
        lines = (tmp_path / name).read_text().splitlines()
        text = "\n".join(line.rpartition(",")[0] for line in lines) + "\n"
        (tmp_path / name).write_text(text)
    bare = data.model_copy(update={"items": None, "like_from": None})
    run = train("sasrec-likes", TINY, bare, folder=tmp_path / "runs" / "shop")
    new = update(run, tmp_path / "new.csv")
    assert new.catalogue().titles[-1] == new.catalogue().items[-1]
    assert told(new)["versions"]["auc"]["cases"] == told(new)["questions"]["test"]
    assert json.loads(new.path("config.yaml").with_name("update.json").read_text())["share"] >= 0


def test_a_language_model_goes_on(place: Path, tmp_path: Path) -> None:
    settings = {"layers": 2, "noun": "film", "samples": 16, "epochs": 1, "batch_size": 8}
    settings |= {"retrieved": 2, "validation_users": 8, "precision": "fp32", "device": "cpu"}
    data = shop(tmp_path).model_copy(update={"test_users": 3})
    run = train("tallrec", settings, data, folder=tmp_path / "runs" / "shop")
    new = update(run, tmp_path / "new.csv", tmp_path / "new_items.csv")
    assert told(new)["questions"] == {
        "train": 16,
        "choose": 8,
        "test": told(new)["questions"]["test"],
    }
    assert new.results()["cases"] == 3
    old = run.recommender()
    assert isinstance(old, Updates)
    assert all(torch.equal(value, old.weights()[name]) for name, value in learned(new).long.items())
    assert any(
        not torch.equal(value, learned(new).long[name])
        for name, value in learned(new).short.items()
    )
    assert recommend(new, user="u33", k=3)
