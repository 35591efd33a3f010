"""What every recommender must do, as checks that any package can run on its own.

A check is a function of a :class:`Subject`; it returns nothing, or raises an AssertionError that
says what is wrong. Under pytest, the whole suite for a method is::

    from palate.recommenders.conformance import CHECKS, Subject

    subject = Subject(lambda: MyMethod())

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conforms(check):
        check(subject)

Data are made up here: :func:`taste_split` for all methods, and :func:`cycle_split` for those that
read the order of events (:func:`learns_a_cycle`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from palate.data.cases import Cases, Histories, Split
from palate.data.catalogue import Catalogue
from palate.evaluation.ranking import NOTHING, rank_targets, top_k
from palate.recommenders.base import FitContext, Recommender, Scores

SEED = 0
TOLERANCE = 1e-4  # of scores in batches of different size, where float32 sums in another order


def taste_split(users: int = 48, items: int = 20, seed: int = 1) -> Split:
    """People with one of two tastes, who touch only items of it; the last items none ever touches.

    Sequences have from 6 to 10 events, and most hold an item twice.
    """
    draw = np.random.default_rng(seed)
    half = (items - 1) // 2
    sequences = [
        (draw.choice(half, size=draw.integers(6, 11)) + half * (user % 2)).tolist()
        for user in range(users)
    ]
    return split_of(sequences, items, "taste")


def cycle_split(users: int = 96, items: int = 12, length: int = 7, seed: int = 1) -> Split:
    """Everyone goes round the same circle of items, from wherever they begin.

    All items are equally popular and equally often together in both directions, so that only the
    order of events tells what comes next: the item after the last one.
    """
    starts = np.random.default_rng(seed).permutation(np.arange(users) % items)
    sequences = [[int(start + step) % items for step in range(length)] for start in starts]
    return split_of(sequences, items, "cycle")


def split_of(sequences: Sequence[Sequence[int]], items: int, name: str) -> Split:
    """Leave-one-out of plain lists of item indices, over a catalogue with made-up titles."""
    catalogue = Catalogue(
        pl.DataFrame(
            {
                "item": [f"i{index}" for index in range(items)],
                "title": [f"Film {index} ({1950 + index})" for index in range(items)],
            }
        )
    )
    users = [f"u{index}" for index in range(len(sequences))]

    def cases(held_out: int) -> Cases:
        cut = [len(one) - held_out for one in sequences]
        known = [one[:end] for one, end in zip(sequences, cut, strict=True)]
        targets = [one[end] for one, end in zip(sequences, cut, strict=True)]
        return Cases(Histories.of(known, users), np.asarray(targets, dtype=np.int64))

    return Split(catalogue, cases(3), cases(2), cases(1), name)


@dataclass(frozen=True)
class Subject:
    """One method under test, fitted once for all checks.

    Attributes:
        build: makes an unfitted recommender, with settings small enough for a test.
        split: what it is fitted on.
    """

    build: Callable[[], Recommender]
    split: Split = field(default_factory=taste_split)

    @cached_property
    def fitted(self) -> Recommender:
        """The recommender after fit()."""
        return self.build().fit(self.split, FitContext(seed=SEED))

    @cached_property
    def scores(self) -> Scores:
        """[users, items] scores of the test histories."""
        return self.fitted.score(self.split.test.histories)


def fit_returns_itself(subject: Subject) -> None:
    """fit() gives the recommender back, so that calls chain."""
    recommender = subject.build()
    assert recommender.fit(subject.split, FitContext(seed=SEED)) is recommender, "fit() is not self"


def scores_are_a_matrix(subject: Subject) -> None:
    """A float32 score for each user and item of the catalogue, all of them numbers."""
    expected = (len(subject.split.test), subject.split.n_items)
    assert isinstance(subject.scores, np.ndarray), f"scores are a {type(subject.scores)}"
    assert subject.scores.shape == expected, f"shape {subject.scores.shape}, expected {expected}"
    assert subject.scores.dtype == np.float32, f"scores are {subject.scores.dtype}, not float32"
    assert np.isfinite(subject.scores).all(), "a score is not a finite number"


def seen_items_are_not_recommended(subject: Subject) -> None:
    """The evaluator masks histories in the scores, whatever they are for items seen."""
    histories = subject.split.test.histories
    items, _ = top_k(subject.scores, 5, (histories.items, histories.offsets))
    for recommended, history in zip(items, histories, strict=True):
        again = set(recommended.tolist()) & set(history.tolist())
        assert not again, f"items {again} are recommended to somebody who had them"


def saved_is_loaded(subject: Subject) -> None:
    """A fresh object that loads what was saved gives the same scores, without pickles."""
    with tempfile.TemporaryDirectory(prefix="palate-conformance-") as name:
        folder = Path(name) / "saved"
        subject.fitted.save(folder)
        loaded = type(subject.fitted).load(folder, subject.split.catalogue)
        assert loaded.config == subject.fitted.config, "settings changed on the way to disk"
        scores = loaded.score(subject.split.test.histories)
    assert np.array_equal(scores, subject.scores), "scores changed on the way to disk and back"
    assert loaded.parameters == subject.fitted.parameters, "parameters changed on the way to disk"


def a_seed_repeats_a_result(subject: Subject) -> None:
    """Two trainings with one seed give the same scores."""
    again = subject.build().fit(subject.split, FitContext(seed=SEED))
    scores = again.score(subject.split.test.histories)
    assert np.array_equal(scores, subject.scores), "two trainings with one seed differ"


def held_out_targets_are_never_read(subject: Subject) -> None:
    """Other test targets, and other test users' histories, change nothing that is learned."""
    test = subject.split.test
    backwards = test.take(np.arange(len(test))[::-1])
    other = Cases(backwards.histories, (test.targets + 1) % subject.split.n_items)
    again = subject.build().fit(replace(subject.split, test=other), FitContext(seed=SEED))
    scores = again.score(test.histories)
    assert np.array_equal(scores, subject.scores), "scores depend on the test cases"


def scoring_changes_nothing(subject: Subject) -> None:
    """Scores are the same when asked for again, and the histories are left as they were."""
    histories = subject.split.test.histories
    items, offsets = histories.items.copy(), histories.offsets.copy()
    first = subject.fitted.score(histories)
    kept = first.copy()
    subject.fitted.score(histories.take(np.arange(3)))
    first += 1
    assert np.array_equal(subject.fitted.score(histories), kept), "scores change when asked again"
    assert np.array_equal(histories.items, items), "score() changed the histories"
    assert np.array_equal(histories.offsets, offsets), "score() changed the histories"


def batches_do_not_matter(subject: Subject) -> None:
    """A history scores the same alone and among others."""
    histories = subject.split.test.histories
    for row in range(4):
        alone = subject.fitted.score(histories.take(np.array([row])))
        np.testing.assert_allclose(
            alone[0],
            subject.scores[row],
            rtol=TOLERANCE,
            atol=TOLERANCE * np.abs(subject.scores[row]).max(),
            err_msg="a history scores differently alone and among others",
        )


def users_need_no_name(subject: Subject) -> None:
    """Only the history counts: a person without an id is served like everyone."""
    histories = subject.split.test.histories
    nameless = subject.fitted.score(Histories(histories.items, histories.offsets))
    assert np.array_equal(nameless, subject.scores), "scores depend on the user's id"


def empty_histories_get_a_ranking(subject: Subject) -> None:
    """With no event at all there is a ranking still, alone and among others."""
    batches: list[list[list[int]]] = [[[]], [[0, 1], [], [2]]]
    for lists in batches:
        scores = subject.fitted.score(Histories.of(lists))
        assert scores.shape == (len(lists), subject.split.n_items), f"shape {scores.shape}"
        assert np.isfinite(scores).all(), "a score is not a finite number"
        empty = scores[[not one for one in lists]]
        assert (empty.max(axis=1) > empty.min(axis=1)).all(), "an empty history ranks nothing"


def one_item_is_a_history(subject: Subject) -> None:
    """A single event is enough, whichever item it is."""
    n_items = subject.split.n_items
    scores = subject.fitted.score(Histories.of([[item] for item in range(n_items)]))
    assert scores.shape == (n_items, n_items), f"shape {scores.shape}"
    assert np.isfinite(scores).all(), "a score is not a finite number"


def items_unknown_to_training_are_no_error(subject: Subject) -> None:
    """An item of the catalogue that training never saw may stand in a history."""
    trained = subject.split.train.sequences().items
    unknown = np.setdiff1d(np.arange(subject.split.n_items), trained).tolist()
    assert unknown, "this split has no item that training never saw"
    known = int(trained[0])
    scores = subject.fitted.score(Histories.of([unknown, [known, *unknown], [*unknown, known]]))
    assert np.isfinite(scores).all(), "a score is not a finite number"


def long_histories_are_no_error(subject: Subject) -> None:
    """A history of a thousand events, longer than any window, is scored."""
    events = np.arange(1000) % subject.split.n_items
    scores = subject.fitted.score(Histories.of([events.tolist(), [0]]))
    assert scores.shape == (2, subject.split.n_items), f"shape {scores.shape}"
    assert np.isfinite(scores).all(), "a score is not a finite number"


def more_may_be_asked_than_there_is(subject: Subject) -> None:
    """Asked for more items than the catalogue has, the list ends with those never seen before."""
    histories = subject.split.test.histories
    n_items = subject.split.n_items
    items, _ = top_k(subject.scores, n_items + 10, (histories.items, histories.offsets))
    assert items.shape == (len(histories), n_items + 10), f"shape {items.shape}"
    for recommended, history in zip(items, histories, strict=True):
        unseen = set(range(n_items)) - set(history.tolist())
        given = [item for item in recommended.tolist() if item != NOTHING]
        assert len(given) == len(unseen), "an unseen item is missing from the list"
        assert set(given) == unseen, "the whole list is not the unseen items"


def parameters_are_counted(subject: Subject) -> None:
    """The number of learned values is known, and no more are trained than there are."""
    total, trained = subject.fitted.parameters, subject.fitted.trainable_parameters
    assert 0 <= trained <= total, f"{trained} of {total} parameters are trained"
    assert total > 0, "nothing was learned"


def learns_a_cycle(build: Callable[[], Recommender], least: float = 0.95) -> None:
    """On :func:`cycle_split`, the item that comes next ranks first for nearly everyone.

    For methods that read the order of events; others cannot pass.
    """
    split = cycle_split()
    fitted = build().fit(split, FitContext(seed=SEED))
    histories = split.test.histories
    seen = (histories.items, histories.offsets)
    ranks = rank_targets(fitted.score(histories), split.test.targets, seen)
    share = float((ranks == 0).mean())
    assert share >= least, f"the next item ranks first for {share:.0%}, expected {least:.0%}"


CHECKS: tuple[Callable[[Subject], None], ...] = (
    fit_returns_itself,
    scores_are_a_matrix,
    seen_items_are_not_recommended,
    saved_is_loaded,
    a_seed_repeats_a_result,
    held_out_targets_are_never_read,
    scoring_changes_nothing,
    batches_do_not_matter,
    users_need_no_name,
    empty_histories_get_a_ranking,
    one_item_is_a_history,
    items_unknown_to_training_are_no_error,
    long_histories_are_no_error,
    more_may_be_asked_than_there_is,
    parameters_are_counted,
)
"""Every check that holds for all methods, in the order in which a new method meets them."""
