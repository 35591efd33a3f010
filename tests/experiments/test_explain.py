"""What drives a recommendation: exact, for any method; and the words that come with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from palate.data.cases import Histories
from palate.data.load import DataConfig
from palate.errors import ConfigError, RunError
from palate.evaluation.ranking import rank_targets, top_k
from palate.experiments.explain import Words, explain, explain_several, put_into_words
from palate.experiments.faithfulness import OTHER, PROBE, WORDS
from palate.experiments.interpret import interpret
from palate.experiments.run import Run
from palate.experiments.train import train
from palate.recommenders.base import Recommender
from palate.recommenders.conformance import taste_split
from palate.recommenders.ease import EASE
from palate.recommenders.gru4rec import GRU4Rec, GRU4RecConfig
from palate.recommenders.popularity import Popularity

HISTORY = [3, 1, 5, 1, 7]


@pytest.fixture(
    scope="module",
    params=[EASE(), GRU4Rec(GRU4RecConfig(width=8, epochs=2, device="cpu"))],
    ids=lambda one: one.name,
)
def recommender(request: pytest.FixtureRequest) -> Recommender:
    return request.param.fit(taste_split())


@pytest.mark.parametrize("item", [None, 4, 15, 1])
def test_influences_are_those_of_brute_force(recommender: Recommender, item: int | None) -> None:
    """One history at a time, without the code under test; item 1 is in the history itself."""
    found = explain(recommender, HISTORY, item)
    whole = recommender.score(Histories.of([HISTORY]))
    seen = Histories.of([HISTORY])
    mask = (seen.items, seen.offsets)
    if item is None:
        item = int(top_k(whole, 1, mask)[0][0, 0])
    assert found.item == item
    assert found.score == pytest.approx(whole[0, item], rel=1e-5)
    assert found.rank == rank_targets(whole, np.array([item]), mask)[0] + 1
    competing = {i for i in range(20) if i not in HISTORY} | {item}
    assert found.candidates == len(competing)
    assert {one.item for one in found.influences} == {3, 1, 5, 7}
    for one in found.influences:
        without = recommender.score(Histories.of([[i for i in HISTORY if i != one.item]]))[0]
        assert one.change == pytest.approx(whole[0, item] - without[item], abs=1e-5)
        better = [i for i in competing - {item} if without[i] >= without[item]]
        assert one.rank == len(better) + 1
        assert one.events == HISTORY.count(one.item)
    changes = [abs(one.change) for one in found.influences]
    assert changes == sorted(changes, reverse=True)


def test_of_a_long_history_the_newest_items_are_left_out_and_all_of_it_counts(
    recommender: Recommender,
) -> None:
    (whole,) = explain_several(recommender, HISTORY)
    (some,) = explain_several(recommender, HISTORY, newest=2)
    assert (some.item, some.rank, some.candidates) == (whole.item, whole.rank, whole.candidates)
    assert some.score == pytest.approx(whole.score, rel=1e-5)
    wanted = [one for one in whole.influences if one.item in (7, 1)]
    assert [(o.item, o.rank) for o in some.influences] == [(o.item, o.rank) for o in wanted]


def test_one_call_scores_everything(recommender: Recommender) -> None:
    class Counted:
        calls = 0

        def score(self, histories: Histories) -> np.ndarray:
            self.calls += 1
            return recommender.score(histories)

    counted = Counted()
    explain(counted, HISTORY)  # type: ignore[arg-type]
    assert counted.calls == 1


def test_what_reads_no_history_is_driven_by_nothing() -> None:
    split = taste_split()
    found = explain(Popularity().fit(split), HISTORY)
    assert {one.change for one in found.influences} == {0.0}
    assert {one.rank for one in found.influences} == {found.rank}


def test_an_empty_history_and_a_whole_one() -> None:
    split = taste_split()
    fitted = Popularity().fit(split)
    assert explain(fitted, []).influences == []
    with pytest.raises(RunError, match="nothing is left"):
        explain(fitted, list(range(20)))
    assert explain(fitted, list(range(20)), 3).candidates == 1


@pytest.fixture(scope="module")
def sasrec_run(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {"epochs": 1, "width": 16, "length": 20, "layers": 1, "device": "cpu"}
    return train("sasrec", settings, own_files, folder=tmp_path_factory.mktemp("runs") / "sasrec")


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> dict[str, object]:
    return {"model": str(tiny_model), "samples": 16, "epochs": 1, "max_tokens": 40, "device": "cpu"}


def test_an_interpreter_is_kept_in_the_run_and_made_anew_when_it_has_to_be(
    sasrec_run: Run, settings: dict[str, object]
) -> None:
    recommender = sasrec_run.recommender()
    first, record = interpret(sasrec_run, recommender, settings)
    folder = sasrec_run.path("interpreter")
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "interpreter.json"}
    assert record["trainable_parameters"] == 11 + 17 * 48
    assert record["judged"] == 30  # a fifth of the 150
    written = (folder / "interpreter.json").read_text()
    assert json.loads(written) == record

    kept, same = interpret(sasrec_run, recommender)
    assert same == record
    for name, value in kept.state().items():
        assert (value == first.state()[name]).all(), name

    _, other = interpret(sasrec_run, recommender, {"samples": 20})
    assert other["config"]["samples"] == 20
    assert other["config"]["model"] == settings["model"]  # what was not said stays

    record["fingerprints"]["recommender"] = "that of another training"
    (folder / "interpreter.json").write_text(json.dumps(record))
    _, renewed = interpret(sasrec_run, recommender)
    assert renewed["fingerprints"]["recommender"] != "that of another training"


def test_words_say_which_of_them_are_true(sasrec_run: Run, settings: dict[str, object]) -> None:
    recommender, titles = sasrec_run.recommender(), sasrec_run.catalogue().titles
    history = sasrec_run.history("7")
    told = put_into_words(sasrec_run, recommender, history, settings)
    for item, true in zip(told.named, told.true, strict=True):
        assert titles[item].casefold() in told.text.casefold()
        assert true == (item in history[-20:])
    assert set(told.figures) > {"judged", WORDS, OTHER, PROBE}
    assert "probe" in told.trust()


def test_a_setting_that_does_not_exist(sasrec_run: Run) -> None:
    with pytest.raises(ConfigError, match="samples"):
        interpret(sasrec_run, sasrec_run.recommender(), {"samples": -1})


@pytest.mark.parametrize(
    ("own", "other", "probe", "says"),
    [
        ((0.3,), (0.3, 0.9), (0.5, 0.01), "hardly depend"),
        ((0.3,), (0.2, 0.2), (0.5, 0.01), "hardly depend"),
        ((0.3,), (0.1, 0.01), (0.5, 0.01), "say less than it holds"),
        ((0.5,), (0.1, 0.01), (0.51, 0.9), "as closely"),
    ],
)
def test_how_far_to_trust_words(own: tuple, other: tuple, probe: tuple, says: str) -> None:
    def figure(share: float, p: float | None = None) -> dict[str, float]:
        return {"true_share": share} | ({} if p is None else {"p": p})

    rows = {WORDS: figure(*own), OTHER: figure(*other), PROBE: figure(*probe)}
    told = Words("", [], [], {"judged": 64, **rows}).trust()
    assert says in told
    assert f"{100 * own[0]:.1f} %" in told
    assert "On 64 people" in told
