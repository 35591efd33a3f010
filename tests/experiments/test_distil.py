"""From runs to a student's run: ordinary, resumable, honest about its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.data.load import DataConfig
from palate.errors import ConfigError, RunError
from palate.experiments.distil import distil
from palate.experiments.recommend import recommend
from palate.experiments.run import Run
from palate.experiments.train import resume_training, train
from palate.recommenders.distil import taught
from palate.training.distillation import DistilConfig

TINY = {"epochs": 3, "width": 16, "length": 20, "layers": 1}
SOME = DistilConfig(instances=500)


@pytest.fixture(scope="module")
def teachers(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """One that scores, and one that represents."""
    folder = tmp_path_factory.mktemp("teachers")
    return [
        train("itemknn", {}, own_files, folder=folder / "itemknn"),
        train("sasrec", TINY, own_files, folder=folder / "sasrec"),
    ]


@pytest.fixture(scope="module")
def student(teachers: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "student"
    return distil(teachers, "gru4rec", folder, {"epochs": 3, "width": 16}, SOME)


def test_a_student_is_an_ordinary_run(student: Run, teachers: list[Run]) -> None:
    again = Run(student.folder)
    assert again.method == "gru4rec"
    assert [one["method"] for one in again.config["teachers"]] == ["itemknn", "sasrec"]
    assert again.config["distillation"]["instances"] == 500
    assert len(again.cases()) == len(teachers[0].cases())
    assert again.metrics()["ndcg@10"] > 0
    assert len(recommend(again, history=[1, 2, 3], k=5)) == 5
    assert (student.folder / "report.html").exists()
    plain = train(
        "gru4rec", {"epochs": 1, "width": 16}, student.data, folder=student.folder.parent / "plain"
    )
    assert plain.recommender().parameters == again.recommender().parameters


def test_the_same_command_opens_what_is_done(student: Run, teachers: list[Run]) -> None:
    before = student.path("metrics.json").stat().st_mtime_ns
    again = distil(teachers, "gru4rec", student.folder, {"epochs": 3, "width": 16}, SOME)
    assert again.path("metrics.json").stat().st_mtime_ns == before


def test_an_interrupted_training_goes_on(
    teachers: list[Run], student: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(student, told, split, config, context):  # type: ignore[no-untyped-def]
        student.config = student.config.model_copy(update={"epochs": 2})
        taught(student, told, split, config, context)
        raise KeyboardInterrupt

    words = (teachers, "gru4rec", tmp_path / "student", {"epochs": 3, "width": 16}, SOME)
    with monkeypatch.context() as patch:
        patch.setattr("palate.experiments.distil.taught", stopped)
        with pytest.raises(KeyboardInterrupt):
            distil(*words)
    with pytest.raises(RunError, match="a student of 2 teachers"):
        resume_training(tmp_path / "student")
    run = distil(*words)
    assert run.cost()["resumed"]
    assert len(run.training()["history"]) == len(student.training()["history"])  # type: ignore[index]


def test_teachers_of_other_data_are_refused(teachers: list[Run], tmp_path: Path) -> None:
    data = teachers[0].data
    few = train("popularity", {}, data.model_copy(update={"users": 50}), folder=tmp_path / "few")
    with pytest.raises(RunError, match="learned from other data"):
        distil([teachers[0], few], "sasrec", tmp_path / "a")
    held = data.model_copy(update={"split": "user-holdout"})
    other = train("popularity", {}, held, folder=tmp_path / "other")
    with pytest.raises(RunError, match="its split is another"):
        distil([teachers[0], other], "sasrec", tmp_path / "b")
    assert not (tmp_path / "a").exists()


def test_who_cannot_learn_is_refused(teachers: list[Run], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'ease' cannot be taught"):
        distil(teachers, "ease", tmp_path / "a")
    with pytest.raises(ConfigError, match="no teacher"):
        distil([], "sasrec", tmp_path / "a")
