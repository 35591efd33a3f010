"""What every method that recommends medications must do, as checks that any package can run.

As :mod:`palate.recommenders.conformance` for methods that rank items::

    from palate.recommenders.medication.conformance import CHECKS, Subject

    subject = Subject(lambda: MyMethod())

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conforms(check):
        check(subject)

The hospital is made up: :func:`palate.recommenders.medication.rules.rule_split`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import KINDS, MedicationCases, Ragged, Visits
from palate.evaluation.medication import prauc
from palate.recommenders.medication.base import MedicationRecommender, Scores, Terms
from palate.recommenders.medication.rules import NEVER, rule_split
from palate.training.context import FitContext

SEED = 0
TOLERANCE = 1e-4  # of scores in batches of different size, where float32 sums in another order


@dataclass(frozen=True)
class Subject:
    """One method under test, fitted once for all checks.

    Attributes:
        build: makes an unfitted method, with settings small enough for a test.
        split: what it is fitted on.
    """

    build: Callable[[], MedicationRecommender]
    split: HospitalSplit = field(default_factory=rule_split)

    @cached_property
    def fitted(self) -> MedicationRecommender:
        """The method after fit()."""
        return self.build().fit(self.split, FitContext(seed=SEED))

    @cached_property
    def cases(self) -> MedicationCases:
        """Training and test cases, without what was given."""
        return joined(self.split.train, self.split.test).without_targets()

    @cached_property
    def scores(self) -> Scores:
        """[p, v] probabilities of :attr:`cases`."""
        return self.fitted.score(self.cases)


def joined(first: MedicationCases, second: MedicationCases) -> MedicationCases:
    """The cases of both."""
    assert first.target is not None
    assert second.target is not None
    both = [first, second]

    def sets(parts: list[Ragged]) -> Ragged:
        return Ragged.of([one.tolist() for part in parts for one in part])

    return MedicationCases(
        patients=np.concatenate([one.patients for one in both]),
        visits=np.concatenate([one.visits for one in both]),
        past=Visits(
            np.concatenate([one.past.patients for one in both]),
            np.concatenate([one.past.times for one in both]),
            {kind: sets([one.past.codes[kind] for one in both]) for kind in KINDS},
        ),
        offsets=np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
        diagnoses=sets([one.diagnoses for one in both]),
        procedures=sets([one.procedures for one in both]),
        profiles=np.concatenate([one.profiles for one in both]),
        target=np.concatenate([first.target, second.target]),
    )


def fit_returns_itself(subject: Subject) -> None:
    """fit() gives the method back, so that calls chain."""
    method = subject.build()
    assert method.fit(subject.split, FitContext(seed=SEED)) is method, "fit() is not self"


def scores_are_probabilities(subject: Subject) -> None:
    """A float32 probability for each case and medication."""
    expected = (len(subject.cases), subject.split.n_medications)
    assert subject.scores.shape == expected, f"shape {subject.scores.shape}, expected {expected}"
    assert subject.scores.dtype == np.float32, f"scores are {subject.scores.dtype}, not float32"
    inside = (subject.scores >= 0) & (subject.scores <= 1)
    assert inside.all(), "a score is no probability"


def saved_is_loaded(subject: Subject) -> None:
    """A fresh object that loads what was saved gives the same scores, without pickles."""
    with tempfile.TemporaryDirectory(prefix="palate-conformance-") as name:
        folder = Path(name) / "saved"
        subject.fitted.save(folder)
        Terms.of(subject.split).save(folder)
        loaded = type(subject.fitted).load(folder, Terms.load(folder))
        assert loaded.config == subject.fitted.config, "settings changed on the way to disk"
        scores = loaded.score(subject.cases)
    assert np.array_equal(scores, subject.scores), "scores changed on the way to disk and back"
    assert loaded.parameters == subject.fitted.parameters, "parameters changed on the way to disk"


def a_seed_repeats_a_result(subject: Subject) -> None:
    """Two trainings with one seed give the same scores."""
    again = subject.build().fit(subject.split, FitContext(seed=SEED)).score(subject.cases)
    assert np.array_equal(again, subject.scores), "two trainings with one seed differ"


def held_out_targets_are_never_read(subject: Subject) -> None:
    """Other targets of the test patients change nothing that is learned."""
    test = subject.split.test
    assert test.target is not None
    other = replace(subject.split, test=replace(test, target=~test.target))
    again = subject.build().fit(other, FitContext(seed=SEED)).score(subject.cases)
    assert np.array_equal(again, subject.scores), "scores depend on what was given to the tested"


def what_was_given_is_no_input(subject: Subject) -> None:
    """Scores are the same whatever was given at the visit that is asked about."""
    cases = joined(subject.split.train, subject.split.test)
    assert cases.target is not None
    turned = subject.fitted.score(replace(cases, target=cases.target[::-1].copy()))
    assert np.array_equal(turned, subject.scores), "scores depend on what was given"


def scoring_changes_nothing(subject: Subject) -> None:
    """Scores are the same when asked for again, though what was given back was changed."""
    first = subject.fitted.score(subject.cases)
    kept = first.copy()
    subject.fitted.score(subject.cases.take(np.arange(3)))
    first += 1
    again = subject.fitted.score(subject.cases)
    assert np.array_equal(again, kept), "scores change when asked again"


def batches_do_not_matter(subject: Subject) -> None:
    """A case scores the same alone and among others."""
    for row in range(4):
        alone = subject.fitted.score(subject.cases.take(np.array([row])))
        np.testing.assert_allclose(
            alone[0],
            subject.scores[row],
            atol=TOLERANCE,
            err_msg="a case scores differently alone and among others",
        )


def a_first_visit_is_enough(subject: Subject) -> None:
    """A patient without an earlier visit is scored, alone and among others."""
    first = np.flatnonzero(subject.cases.single)[:2]
    scores = subject.fitted.score(subject.cases.take(first[:1]))
    assert np.isfinite(scores).all(), "a first visit has a score that is not a number"
    np.testing.assert_allclose(scores[0], subject.scores[first[0]], atol=TOLERANCE)


def strange_codes_are_no_error(subject: Subject) -> None:
    """A diagnosis that training never saw, no code at all, an unknown profile: all are scored."""
    some = subject.cases.take(np.zeros(3, dtype=np.int64))
    strange = replace(
        some,
        diagnoses=Ragged.of([[NEVER], [], [0, NEVER]]),
        procedures=Ragged.of([[], [], [0]]),
        profiles=np.zeros_like(some.profiles),
    )
    scores = subject.fitted.score(strange)
    assert scores.shape == (3, subject.split.n_medications), f"shape {scores.shape}"
    assert np.isfinite(scores).all(), "a score is not a finite number"


def long_histories_are_no_error(subject: Subject) -> None:
    """Forty earlier visits, more than any window, are read."""
    several = np.flatnonzero(subject.cases.earlier)[0]
    one = subject.cases.take(np.array([several]))
    places = np.zeros(40, dtype=np.int64)
    long = replace(one, past=one.past.take(places), offsets=np.array([0, 40]))
    assert np.isfinite(subject.fitted.score(long)).all(), "a score is not a finite number"


def no_cases_are_no_error(subject: Subject) -> None:
    """Nobody to score gives no row."""
    scores = subject.fitted.score(subject.cases.take(np.empty(0, dtype=np.int64)))
    assert scores.shape == (0, subject.split.n_medications), f"shape {scores.shape}"


def parameters_are_counted(subject: Subject) -> None:
    """The number of learned values is known, and no more are trained than there are."""
    total, trained = subject.fitted.parameters, subject.fitted.trainable_parameters
    assert 0 < trained <= total, f"{trained} of {total} parameters are trained"


def learns_the_rules(build: Callable[[], MedicationRecommender], least: float = 0.9) -> None:
    """On :func:`rule_hospital`, what the diagnoses call for ranks above the rest.

    For methods that read diagnoses; others cannot pass.
    """
    split = rule_split(400)
    fitted = build().fit(split, FitContext(seed=SEED))
    target = split.test.target
    assert target is not None
    value = float(np.nanmean(prauc(fitted.score(split.test.without_targets()), target)))
    assert value >= least, f"PRAUC {value:.3f}, expected {least}"


CHECKS: tuple[Callable[[Subject], None], ...] = (
    fit_returns_itself,
    scores_are_probabilities,
    saved_is_loaded,
    a_seed_repeats_a_result,
    held_out_targets_are_never_read,
    what_was_given_is_no_input,
    scoring_changes_nothing,
    batches_do_not_matter,
    a_first_visit_is_enough,
    strange_codes_are_no_error,
    long_histories_are_no_error,
    no_cases_are_no_error,
    parameters_are_counted,
)
"""Every check that holds for all methods, in the order in which a new method meets them."""
