"""Comparisons over periods: nothing of a later period is used, and what is done is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from palate.data.load import DataConfig, load
from palate.data.periods import Period, periods
from palate.data.questions import Questions
from palate.errors import ConfigError
from palate.experiments.periods import PeriodsConfig, compare_periods, opened
from palate.experiments.periods_report import write_periods_report
from palate.experiments.strategies import STRATEGIES, Learner
from palate.recommenders.registry import configure
from palate.recommenders.sasrec_likes import SASRecLikes, SASRecLikesConfig

from .shop import TINY, events, hashes

CUT = PeriodsConfig(
    count=5, first=2, known=2, strategies=("full", "fine-tune", "lsat-en", "lsat-ta")
)
SETTINGS = {"sasrec-likes": TINY, "sasrec": TINY}


def data_of(folder: Path) -> DataConfig:
    path = events(folder / "log.csv", range(12), 15, 1_000_000_000, 500)
    return DataConfig(interactions=path, like_from=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """One log of two tastes."""
    return data_of(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def folder(data: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison that is done."""
    place = tmp_path_factory.mktemp("runs") / "periods"
    compare_periods(["sasrec-likes"], data, CUT, 2, place, SETTINGS)
    return place


def test_every_way_has_a_line_and_full_retraining_is_what_others_stand_against(
    folder: Path,
) -> None:
    found = opened(folder)
    lines = {line.strategy: line for line in found.lines}
    assert tuple(lines) == CUT.strategies
    assert found.tested == [4, 5]
    full = lines["full"]
    for way, line in lines.items():
        assert line.metric == "auc"
        assert line.mean == pytest.approx(np.mean(line.values))
        assert len(line.values) == 2
        assert line.spread is not None
        assert (line.share is not None) == way.startswith("lsat")
        if way == "full":
            assert (line.difference, line.p) == (None, None)
            continue
        assert line.difference == pytest.approx(line.mean - full.mean, abs=1e-6)
        assert line.interval is not None
        assert line.interval[0] <= line.interval[1]
        assert 0 < (line.p or 0) <= 1
    assert {name: len(curve) for name, curve in found.stale.items()} == {"sasrec-likes": 3}


def test_methods_that_rank_what_comes_next_are_judged_as_rankings(
    data: DataConfig, tmp_path: Path
) -> None:
    few = CUT.model_copy(update={"strategies": ("full", "lsat-en")})
    found = compare_periods(["sasrec"], data, few, 1, tmp_path, SETTINGS)
    assert [line.metric for line in found.lines] == ["ndcg@10", "ndcg@10"]
    assert all(0 < line.mean < 1 for line in found.lines)
    assert found.lines[0].spread is None
    assert opened(tmp_path) == found


def test_what_is_done_is_not_trained_again(
    folder: Path, data: DataConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, models = opened(folder), hashes(folder / "models")

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("palate.training.loop._train", never)
    again = compare_periods(["sasrec-likes"], data, CUT, 2, folder, SETTINGS)
    assert again.lines == before.lines
    assert again.stale == before.stale
    assert hashes(folder / "models") == models


def test_an_interrupted_comparison_ends_where_it_would_have_ended(
    folder: Path, data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, done = SASRecLikes.learn, []

    def interrupted(self: SASRecLikes, *words: Any, **more: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return learn(self, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(SASRecLikes, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compare_periods(["sasrec-likes"], data, CUT, 2, tmp_path, SETTINGS)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert len(kept) == 3
    found = compare_periods(["sasrec-likes"], data, CUT, 2, tmp_path, SETTINGS)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for one, other in zip(found.lines, opened(folder).lines, strict=True):
        assert (one.values, one.share, one.p) == (other.values, other.share, other.p)


def learner(data: DataConfig, folder: Path) -> tuple[Learner, list[Period], np.ndarray]:
    dataset = load(data)
    several = periods(dataset, 5, "count", 2)
    config = configure("sasrec-likes", TINY)
    assert isinstance(config, SASRecLikesConfig)
    made = Learner(SASRecLikes(config), dataset.catalogue, several, 2, 0, folder)
    return made, several, dataset.times


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_model_is_shown_a_question_of_a_later_period(
    strategy: str, data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, several, times = learner(data, tmp_path)
    learn, newest, oldest = SASRecLikes.learn, [], []

    def watched(
        self: SASRecLikes, train: Questions, validation: Questions, *words: Any, **more: Any
    ) -> Any:
        newest.append(times[train.and_(validation).places].max())
        oldest.append(times[train.places].min())
        assert times[train.places].max() < times[validation.places].min()
        return learn(self, train, validation, *words, **more)

    monkeypatch.setattr(SASRecLikes, "learn", watched)
    for t in (2, 3):
        model.predict(strategy, t, several[t + 1].all)
        assert max(newest) <= several[t].stop < several[t + 1].start
    if strategy == "short-term":
        assert min(oldest) == several[2].start
    if strategy in ("long-term", "two-long"):
        assert max(newest) <= several[1].stop


def test_another_future_changes_no_answer(data: DataConfig, tmp_path: Path) -> None:
    path = data.interactions
    assert path is not None
    lines = path.read_text().splitlines()
    cut = len(lines) - 60  # in the last period
    other = [line.split(",") for line in lines[cut:]]
    turned = [
        f"{user},i{(int(item[1:]) + 7) % 15},{time},{7 - int(rating)}"
        for user, item, time, rating in other
    ]
    (tmp_path / "log.csv").write_text("\n".join([*lines[:cut], *turned]) + "\n")
    futures = [data, DataConfig(interactions=tmp_path / "log.csv", like_from=4)]
    found = []
    for number, one in enumerate(futures):
        model, several, _ = learner(one, tmp_path / str(number))
        found.append([model.predict(way, 2, several[3].all) for way in ("full", "lsat-en", "peso")])
    for before, after in zip(*found, strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_report_opens_and_holds_every_way(folder: Path) -> None:
    html = write_periods_report(opened(folder), folder).read_text("utf-8")
    assert html.lstrip().lower().startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert all(way in html for way in CUT.strategies)
    assert "sasrec-likes" in html
    assert "<script" not in html
    assert "://" not in html.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("methods", "more", "told"),
    [
        (["ease"], {}, "'ease' does not go on learning"),
        (["sasrec"], {"strategies": ("full", "half")}, "no strategy 'half'; there are: full"),
        (["sasrec"], {"first": 4}, "of 5 periods 4 are for the long-term model"),
    ],
)
def test_what_cannot_be_compared_is_said(
    methods: list[str], more: dict[str, Any], told: str, data: DataConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        compare_periods(methods, data, CUT.model_copy(update=more), 1, tmp_path / "periods")
    assert not (tmp_path / "periods").exists()
