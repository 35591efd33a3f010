"""Every method of the registry passes the conformance suite; those that read order learn it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

from palate.data.cases import Histories, Split
from palate.recommenders import registry
from palate.recommenders.base import FitContext, Recommender, Represents, Scores
from palate.recommenders.conformance import CHECKS, Subject, cycle_split, learns_a_cycle
from palate.recommenders.popularity import Popularity

NET = {"width": 16, "length": 8, "epochs": 3, "batch_size": 16, "device": "cpu"}
PROMPTS = {
    "layers": 1,
    "samples": 16,
    "epochs": 1,
    "validation_users": 4,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
}
SMALL: dict[str, dict] = {
    "popularity": {},
    "itemknn": {},
    "ease": {"regularization": 5},
    "slit": {"regularization": 1, "length": 8},
    "slist": {"regularization": 1, "length": 8},
    "als": {"factors": 8, "regularization": 1},
    "bpr": {"factors": 8, "iterations": 20},
    "fm": NET,
    "deepfm": NET | {"hidden": (8, 4), "negatives": 4},
    "lightgcn": NET,
    "gru4rec": NET,
    "caser": NET | {"window": 3},
    "sasrec": NET,
    "unisrec": NET | {"item_layers": 1, "text_dims": 8, "experts": 2},
    "lite-llm4rec": NET
    | {"layers": 1, "item_layers": 1, "text_dims": 8, "epochs": 1, "precision": "fp32"},
    "recformer": PROMPTS | {"samples": 32, "max_tokens": 8, "second_epochs": 1},
    "fusion": {"parts": ("ease", "sasrec"), "settings": {"sasrec": NET}},
    "bigrec": PROMPTS | {"max_tokens": 6, "beams": 2},
    "llara": PROMPTS | {"beams": 2, "cf_settings": NET},
    "ilm": PROMPTS
    | {"beams": 2, "cf.factors": 8, "qformer.width": 16, "aligning.epochs": 1, "titles": False},
    "tallrec": PROMPTS | {"retrieved": 3},
    "sasrec-likes": NET,
    "lsat": {"base": "sasrec", "settings": NET},
}
"""Settings that make a method small enough for a test; others run on their defaults."""

BUILT_IN = [
    method.name
    for method in registry.BUILT_IN
    if find_spec(method.target.partition(":")[0]) is not None
]
WITHIN = 4  # events that all training sequences have: what a longer place means is never learned
READS_ORDER = ["gru4rec", "caser", "sasrec", "unisrec"]
READS_A_WINDOW = [*READS_ORDER, "slit", "slist", "fm", "deepfm", "lightgcn"]


def build(name: str, **more: object) -> Recommender:
    return registry.get(name)(registry.configure(name, SMALL.get(name, {}) | more))


@cache
def subject(name: str) -> Subject:
    return Subject(lambda: build(name))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BUILT_IN)
def test_conforms(name, check):
    check(subject(name))


@pytest.mark.parametrize("name", BUILT_IN)
def test_empty_history_gets_the_popularity_ranking(name):
    popularity = Popularity().fit(subject(name).split)
    empty = Histories.of([[]])
    ranking = np.argsort(-subject(name).fitted.score(empty)[0], kind="stable")
    assert ranking.tolist() == np.argsort(-popularity.score(empty)[0], kind="stable").tolist()


@pytest.mark.parametrize("name", READS_ORDER)
@pytest.mark.parametrize("loss", ["softmax", "one-negative"])
def test_learns_a_cycle(name, loss):
    epochs = {"softmax": 60, "one-negative": 120}[loss]
    calm = {"learning_rate": 0.004, "dropout": 0.0}
    learns_a_cycle(lambda: build(name, epochs=epochs, loss=loss, length=WITHIN, **calm))


@pytest.mark.parametrize("name", ["fm", "deepfm"])
def test_the_last_item_is_order_enough_for_a_machine(name):
    calm = {"learning_rate": 0.01, "dropout": 0.0}
    learns_a_cycle(lambda: build(name, epochs=30, **calm))


def test_a_language_model_learns_a_cycle():
    rates = {"learning_rate": 0.01, "llm_learning_rate": 1e-3}
    calm = {"dropout": 0.0, "residual_dropout": 0.0}
    learns_a_cycle(lambda: build("lite-llm4rec", epochs=30, **rates, **calm))


@pytest.mark.parametrize(
    ("name", "more"),
    [("ease", {}), ("itemknn", {"half_life": None}), ("als", {}), ("bpr", {}), ("popularity", {})],
)
def test_a_cycle_cannot_be_learned_without_order(name, more):
    with pytest.raises(AssertionError, match="the next item ranks first for"):
        learns_a_cycle(lambda: build(name, **more))


def test_recency_is_order_enough_for_itemknn():
    """The last item's neighbours are the one before it, which is masked, and the one after."""
    learns_a_cycle(lambda: build("itemknn", half_life=1))


def test_a_linear_map_learns_a_cycle():
    learns_a_cycle(lambda: build("slit", regularization=0.1, decay=0.3, length=WITHIN))


@pytest.mark.parametrize("name", READS_A_WINDOW)
def test_only_the_window_is_read(name):
    """Events before the last ``length`` change nothing."""
    newest = [0, 9, 3, 12, 5, 4, 17, 8]
    scores = subject(name).fitted.score(Histories.of([newest, [1, 2, 10, *newest]]))
    assert np.array_equal(scores[0], scores[1])


@pytest.mark.parametrize(
    "name", ["gru4rec", "caser", "sasrec", "unisrec", "lite-llm4rec", "recformer"]
)
def test_scores_are_products_of_representations(name):
    fitted, histories = subject(name).fitted, subject(name).split.test.histories
    assert isinstance(fitted, Represents)
    left, right = fitted.representations(histories), fitted.item_representations()
    assert left.dtype == right.dtype == np.float32
    assert right.shape[0] == subject(name).split.n_items
    np.testing.assert_allclose(left @ right.T, subject(name).scores, rtol=1e-4, atol=1e-4)


# What a broken method looks like: each must be caught by the check of that name.


class ReadsTheTest(Popularity):
    def fit(self, split: Split, context: FitContext = FitContext()) -> ReadsTheTest:  # noqa: B008
        super().fit(split, context)
        self._counts[split.test.targets] += 1
        return self


class Doubles(Popularity):
    def score(self, histories: Histories) -> Scores:
        return super().score(histories).astype(np.float64)


class KeepsNothing(Popularity):
    def load_state(self, state, catalogue):
        self._counts = np.arange(len(catalogue), dtype=np.float32)


class RollsDice(Popularity):
    def fit(self, split: Split, context: FitContext = FitContext()) -> RollsDice:  # noqa: B008
        super().fit(split, context)
        self._counts += np.random.default_rng().random(len(self._counts), dtype=np.float32)
        return self


class ScoresTheBatch(Popularity):
    def score(self, histories: Histories) -> Scores:
        return super().score(histories) * len(histories)


class ShowsItsInside(Popularity):
    def score(self, histories: Histories) -> Scores:
        return np.broadcast_to(self._counts, (len(histories), len(self._counts)))


class KnowsPeople(Popularity):
    def score(self, histories: Histories) -> Scores:
        return super().score(histories) + np.float32(bool(histories.users))


class NeedsEvents(Popularity):
    def score(self, histories: Histories) -> Scores:
        scores = super().score(histories)
        scores[histories.lengths == 0] = np.nan
        return scores


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (ReadsTheTest, "held_out_targets_are_never_read"),
        (Doubles, "scores_are_a_matrix"),
        (KeepsNothing, "saved_is_loaded"),
        (RollsDice, "a_seed_repeats_a_result"),
        (ScoresTheBatch, "batches_do_not_matter"),
        (ShowsItsInside, "scoring_changes_nothing"),
        (KnowsPeople, "users_need_no_name"),
        (NeedsEvents, "empty_histories_get_a_ranking"),
    ],
)
def test_a_broken_method_is_caught(broken, caught_by):
    check = next(check for check in CHECKS if check.__name__ == caught_by)
    with pytest.raises((AssertionError, ValueError)):
        check(Subject(broken))


def test_the_cycle_says_nothing_but_its_order():
    split = cycle_split()
    counts = np.bincount(split.test.sequences().items, minlength=split.n_items)
    assert counts.min() == counts.max()
    last = [history[-1] for history in split.test.histories]
    assert ((np.array(last) + 1) % split.n_items == split.test.targets).all()
