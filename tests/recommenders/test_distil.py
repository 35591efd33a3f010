"""Students of teachers: what they are taught is what teachers said, about the same events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from palate.data.cases import Histories, Split
from palate.errors import ConfigError
from palate.recommenders import registry
from palate.recommenders.base import FitContext, Recommender, Scores
from palate.recommenders.conformance import cycle_split, taste_split
from palate.recommenders.distil import DistillationNet, blended, lessons, taught
from palate.recommenders.pupils import Distils
from palate.recommenders.slit import SLIT
from palate.training.distillation import DistilConfig

NET: dict[str, Any] = {"width": 16, "length": 8, "epochs": 3, "batch_size": 16, "device": "cpu"}
STUDENTS = ["sasrec", "gru4rec", "caser", "fm", "deepfm", "lightgcn"]
PLAIN = DistilConfig(curriculum="none")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path))


def build(name: str, **more: object) -> Recommender:
    return registry.get(name)(registry.configure(name, more))


def student(name: str, **more: object) -> Any:
    found = build(name, **(NET | more))
    assert isinstance(found, Distils)
    return found


class Oracle(Recommender):
    """Knows the circle: the item after the last one."""

    name = "oracle"
    summary = "the next item of a circle"
    asked = 0

    def fit(self, split: Split, context: FitContext = FitContext()) -> Oracle:  # noqa: B008
        self.n_items = split.n_items
        return self

    def score(self, histories: Histories) -> Scores:
        self.asked += 1
        last = histories.items[histories.offsets[1:] - 1]
        scores = np.zeros((len(histories), self.n_items), dtype=np.float32)
        scores[np.arange(len(histories)), (last + 1) % self.n_items] = 9.0
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        return {}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Any) -> None:
        pass


@pytest.mark.parametrize("name", STUDENTS)
def test_an_attempt_scores_candidates_as_the_recommender_does(name: str) -> None:
    split = taste_split()
    model = student(name)
    pupil = model.pupil(split, FitContext())
    pupil.net.eval()
    whole = split.train.sequences()
    batch = pupil.collate([pupil.data[number] for number in range(len(pupil.data))])
    candidates = torch.tensor([0, 3, 7])
    with torch.no_grad():
        attempt = pupil.net.attempt(batch)
        # The newest event of a window: places in it count from there.
        rows = torch.isin(attempt.events, torch.from_numpy(whole.offsets[1:] - 1)).nonzero()[:, 0]
        found = attempt.score(rows, candidates).numpy()
    assert len(rows) == len(whole)
    assert (whole.items[attempt.events] == attempt.positives.numpy()).all()
    for row, event in zip(found, attempt.events[rows].tolist(), strict=True):
        start = whole.offsets[whole.rows()[event]]
        known = Histories.of([whole.items[start:event].tolist()])
        np.testing.assert_allclose(row, model.score(known)[0, candidates], atol=1e-4)


@pytest.mark.parametrize("name", ["sasrec", "fm"])
def test_without_teachers_it_is_the_student_alone(name: str) -> None:
    split = taste_split()
    alone = build(name, **NET).fit(split, FitContext(seed=1))
    model = student(name)
    oracle = Oracle().fit(split)
    config = DistilConfig(curriculum="none", strength=0)
    told = lessons([("oracle", "a", oracle)], split, config, 0)
    taught(model, told, split, config, FitContext(seed=1))
    assert (model.score(split.test.histories) == alone.score(split.test.histories)).all()


def test_what_a_teacher_said_is_found_by_event_and_item() -> None:
    split = cycle_split()
    oracle = Oracle().fit(split)
    config = DistilConfig(curriculum="none", instances=100)
    told = lessons([("oracle", "a", oracle)], split, config, 0)
    assert (told.row_of >= 0).sum() == 100
    (known,) = told.teachers
    whole = split.train.sequences()
    for event in np.flatnonzero(told.row_of >= 0).tolist():
        said = known.of(np.array([told.row_of[event]]), np.arange(split.n_items))[0]
        assert said.argmax() == whole.items[event]  # in a circle, what comes next is known


def test_vectors_say_what_scores_say() -> None:
    split = taste_split()
    teacher = build("sasrec", **NET).fit(split)
    told = lessons([("sasrec", "a", teacher)], split, PLAIN, 0)
    (known,) = told.teachers
    assert known.users is not None
    whole = split.train.sequences()
    event = int(np.flatnonzero(told.row_of >= 0)[17])
    start = whole.offsets[whole.rows()[event]]
    scores = teacher.score(Histories.of([whole.items[start:event].tolist()]))[0]
    said = known.of(np.array([told.row_of[event]]), np.arange(split.n_items))[0]
    np.testing.assert_allclose(said * known.temperature, scores, atol=1e-4)


def test_a_teacher_is_asked_once() -> None:
    split = cycle_split()
    oracle = Oracle().fit(split)
    first = lessons([("oracle", "a", oracle)], split, PLAIN, 0)
    asked = oracle.asked
    again = lessons([("oracle", "a", oracle)], split, PLAIN, 0)
    assert oracle.asked == asked
    rows, items = np.arange(5), np.arange(split.n_items)
    assert (first.teachers[0].of(rows, items) == again.teachers[0].of(rows, items)).all()
    lessons([("oracle", "b", oracle)], split, PLAIN, 0)  # other weights, other answers
    assert oracle.asked > asked


def test_teachers_teach_and_permuted_ones_do_not() -> None:
    """Of a circle of which the student sees too little, the teacher knows the rest."""
    split = cycle_split(users=24)
    oracle = Oracle().fit(split)
    found = {}
    for control in ("none", "permuted"):
        config = DistilConfig(
            curriculum="none",
            strength=3,
            temperature=1,
            control=control,  # type: ignore[arg-type]
        )
        told = lessons([("oracle", "a", oracle)], split, config, 0)
        model = student("gru4rec", epochs=12, learning_rate=0.01, dropout=0.0)
        taught(model, told, split, config, FitContext())
        scores = model.score(split.test.histories)
        found[control] = float((scores.argmax(1) == split.test.targets).mean())
    assert found["none"] > found["permuted"] + 0.2


def test_features_bring_states_near_and_leave_the_run_as_it_is() -> None:
    split = taste_split()
    teacher = build("sasrec", **NET).fit(split)
    config = DistilConfig(features=1.0)
    told = lessons([("sasrec", "a", teacher)], split, config, 0)
    model = student("gru4rec", width=8)
    taught(model, told, split, config, FitContext())
    assert not any("maps" in name for name in model.state())
    plain = build("gru4rec", **(NET | {"width": 8})).fit(split)
    assert model.state().keys() == plain.state().keys()


def test_features_are_refused_where_there_are_none() -> None:
    split = taste_split()
    config = DistilConfig(features=1.0)
    told = lessons([("oracle", "a", Oracle().fit(split))], split, config, 0)
    pupil = student("sasrec").pupil(split, FitContext())
    with pytest.raises(ConfigError, match="features wants"):
        DistillationNet(pupil.net, told, config)


def linear(config: DistilConfig, *teachers: Recommender) -> tuple[SLIT, Split]:
    """A student in closed form, and what it learned from."""
    split = cycle_split()
    known = [(f"t{n}", f"key-{n}", one.fit(split)) for n, one in enumerate(teachers)]
    told = lessons(known, split, config, 0)
    model = build("slit", regularization=0.1, length=8)
    assert isinstance(model, SLIT)
    assert taught(model, told, split, config, FitContext()) is None
    return model, split


def test_a_linear_student_learns_what_its_teacher_says() -> None:
    sure = DistilConfig(strength=1e6, temperature=0.1)
    model, split = linear(sure, Oracle())
    histories = split.test.histories
    wanted = Oracle().fit(split).score(histories)
    assert (model.score(histories).argmax(1) == wanted.argmax(1)).all()
    alone, _ = linear(DistilConfig(strength=0), Oracle())
    plain: Any = build("slit", regularization=0.1, length=8).fit(split)
    assert alone._weights == pytest.approx(plain._weights, abs=1e-5)
    other, _ = linear(DistilConfig(strength=1e6, temperature=0.1, control="permuted"), Oracle())
    assert np.abs(other._weights - model._weights).max() > 0.1


def test_targets_are_what_came_next_and_what_teachers_make_of_it() -> None:
    split, config = cycle_split(), DistilConfig(strength=3, instances=20)
    known = [("a", "a", Oracle().fit(split)), ("b", "b", build("popularity").fit(split))]
    told = lessons(known, split, config, 0)
    sequences = split.train.sequences()
    places = sequences.places()
    targets = blended(told, split, config, 0, places)
    assert targets.sum(1) == pytest.approx(1, abs=1e-5)
    asked = told.row_of[places] >= 0
    assert asked.sum() == 20
    plain = np.eye(split.n_items)[sequences.items[places]]
    assert (targets[~asked] == plain[~asked]).all()
    assert (targets[asked].max(1) < 1).all()
    assert (targets[asked] >= plain[asked] / 4).all()


@pytest.mark.parametrize("more", [{"features": 1.0}, {"control": "smoothing"}])
def test_a_linear_student_says_what_it_cannot_learn_by(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="a student in closed form"):
        linear(DistilConfig(**more), Oracle())
