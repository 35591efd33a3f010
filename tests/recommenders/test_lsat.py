"""Methods that go on learning, and LSAT, on small data: endpoints, growth, what each model saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from palate.data.cases import Histories, Split
from palate.data.questions import Questions
from palate.errors import ConfigError
from palate.recommenders import registry
from palate.recommenders.base import FitContext, Recommender
from palate.recommenders.conformance import cycle_split, split_of, taste_split
from palate.recommenders.lsat import LSAT, SHARES, best_share, joined
from palate.recommenders.updates import Updates, merged, mixed
from palate.training.proximal import Near

NET: dict[str, Any] = {"width": 16, "length": 8, "epochs": 3, "batch_size": 16, "device": "cpu"}
LEARNERS = ["sasrec", "gru4rec", "caser", "sasrec-likes"]


def build(name: str, **more: object) -> Recommender:
    return registry.get(name)(registry.configure(name, more))


def learner(name: str, **more: Any) -> Updates:
    found = build(name, **(NET | more))
    assert isinstance(found, Updates)
    return found


def questions(split: Split, seed: int = 0) -> tuple[Questions, Questions]:
    whole = split.train.sequences()
    rows = whole.rows()
    places = np.flatnonzero(np.arange(len(rows)) > whole.offsets[rows])
    last = whole.offsets[1:] - 1
    rest = np.setdiff1d(places, last)
    of = Questions.of_likes
    return of(whole, rest, split.n_items, seed), of(whole, last, split.n_items, seed)


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_seed_begins_alike_and_learning_changes_it(name: str) -> None:
    split = taste_split()
    train, validation = questions(split)
    first = learner(name)
    first.begin(split.catalogue, 0)
    fresh = {key: value.clone() for key, value in first.weights().items()}
    first.learn(train, validation, FitContext())
    first.begin(split.catalogue, 0)
    again = first.weights()
    assert all(torch.equal(fresh[key], again[key]) for key in fresh)
    first.learn(train, validation, FitContext())
    assert any(not torch.equal(fresh[key], value) for key, value in first.weights().items())


@pytest.mark.parametrize("name", LEARNERS)
def test_a_larger_catalogue_takes_what_was_learned_on_a_smaller_one(name: str) -> None:
    split = taste_split()
    train, validation = questions(split)
    model = learner(name)
    model.begin(split.catalogue, 0)
    model.learn(train, validation, FitContext())
    before, weights = model.predict(validation), model.weights()
    larger = split_of([[0, 1, 2, 3, 4]], split.n_items + 3, "larger").catalogue
    model.begin(larger, 1)
    own = model.weights()
    model.take(weights)
    after = model.predict(validation)
    if before.ndim == 1:
        np.testing.assert_allclose(after, before, atol=1e-6)
    else:
        kept = after[:, : split.n_items]
        np.testing.assert_allclose(kept / kept.sum(1, keepdims=True), before, atol=1e-5)
    table = "items.weight"
    assert torch.equal(model.weights()[table][split.n_items :], own[table][split.n_items :])


def test_weights_of_another_size_are_refused() -> None:
    split = taste_split()
    wide, narrow = learner("sasrec", width=32), learner("sasrec")
    wide.begin(split.catalogue, 0)
    narrow.begin(split.catalogue, 0)
    with pytest.raises(RuntimeError, match="there"):
        narrow.take(wide.weights())


def test_training_held_near_moves_less() -> None:
    split = taste_split()
    train, validation = questions(split)
    model = learner("sasrec", epochs=10)
    model.begin(split.catalogue, 0)
    before = model.weights()

    def moved(near: Near | None) -> float:
        model.begin(split.catalogue, 0)
        model.learn(train, validation, FitContext(), near)
        return sum(
            float((value - before[key]).square().sum()) for key, value in model.weights().items()
        )

    assert moved(Near(before, 100.0, "l2")) < 0.5 * moved(None)


@pytest.mark.parametrize("merge", ["outputs", "factors", "updates"])
def test_of_two_models_each_end_is_one_of_them(merge: Any) -> None:
    split = taste_split()
    train, validation = questions(split)
    model = learner("sasrec-likes")
    found = []
    for seed in range(2):
        model.begin(split.catalogue, seed)
        model.learn(train, validation, FitContext(seed))
        found.append((model.weights(), model.predict(validation)))
    (long, answers_long), (short, answers_short) = found
    for share, wanted in ((1.0, answers_long), (0.0, answers_short)):
        if merge == "outputs":
            assert (mixed(answers_long, answers_short, share) == wanted).all()
        else:
            model.take(joined(long, short, share, merge))
            assert (model.predict(validation) == wanted).all()
    share, tried = best_share(model, long, short, validation, merge)
    assert tuple(tried) == SHARES
    assert tried[share] == max(tried.values())
    model.take(long)
    assert (model.predict(validation) == answers_long).all()


def test_merging_leaves_what_it_merges_as_it_was() -> None:
    long, short = ({"a": torch.tensor([value])} for value in (1.0, 3.0))
    half = merged(long, short, 0.5)["a"]
    assert half.item() == 2.0
    half += 1
    end = merged(long, short, 1.0)["a"]
    end += 1
    assert long["a"].item() == 1.0
    assert short["a"].item() == 3.0


def test_the_short_term_model_learns_the_newest_events_alone() -> None:
    split = cycle_split()
    model = LSAT(registry.configure("lsat", {"base": "sasrec", "settings": NET, "recent": 0.2}))
    old, new = model._periods(split)
    whole = split.train.sequences()
    assert len(new) == round(0.2 * (len(old) + len(new)))
    last = whole.offsets[1:][whole.rows()[new.places]] - new.places
    assert last.max() <= 1 + (whole.offsets[1:][whole.rows()[old.places]] - old.places).min()


def test_controls_leave_the_mixture_as_it_was() -> None:
    split = taste_split()
    for merge in ("outputs", "factors"):
        model = build("lsat", base="sasrec", settings=NET, merge=merge).fit(split)
        before = model.score(split.test.histories)
        for score in model.controls().values():  # type: ignore[attr-defined]
            score(split.test.histories)
        assert (model.score(split.test.histories) == before).all()


def test_a_base_that_does_not_go_on_learning_is_refused() -> None:
    with pytest.raises(ConfigError, match="base=ease"):
        build("lsat", base="ease").fit(taste_split())


def test_likes_are_told_from_dislikes_by_taste() -> None:
    split = taste_split(users=96)
    model = build("sasrec-likes", **(NET | {"epochs": 30, "learning_rate": 0.01}))
    model.fit(split)
    _train, validation = questions(split)
    assert isinstance(model, Updates)
    assert model.judge(model.predict(validation), validation) > 0.85


def test_a_dislike_in_the_history_changes_the_answer() -> None:
    split = taste_split()
    model = build("sasrec-likes", **NET).fit(split)
    lists = [[1, 2, 3]]
    liked, disliked = (Histories.of(lists, liked=[[flag] * 3]) for flag in (True, False))
    assert not np.allclose(model.score(liked), model.score(disliked))
    assert (model.score(liked) == model.score(Histories.of(lists))).all()
