"""Every method of medication recommendation passes the conformance suite."""

from __future__ import annotations

import numpy as np
import pytest

from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.conformance import (
    CHECKS,
    Subject,
    learns_the_rules,
    rule_split,
)
from palate.recommenders.medication.popularity import MedicationPopularity
from palate.recommenders.medication.registry import BUILT_IN

NAMES = [method.name for method in BUILT_IN]


@pytest.fixture(scope="module")
def subjects(build, tmp_path_factory) -> dict[str, Subject]:
    return {name: Subject(lambda name=name: build(name)) for name in NAMES}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_conforms(name, check, subjects):
    check(subjects[name])


@pytest.mark.parametrize("name", ["retain", "gamenet", "safedrug", "leader"])
def test_nets_learn_the_rules(name, build):
    learns_the_rules(
        lambda: build(name, epochs=60, patience=60, width=32, dropout=0.1, learning_rate=0.01)
    )


def test_a_logistic_regression_learns_the_rules(build):
    learns_the_rules(lambda: build("logistic"))


def test_what_is_read_by_no_diagnosis_cannot_learn_them(build):
    with pytest.raises(AssertionError, match="PRAUC"):
        learns_the_rules(lambda: build("popularity"))


@pytest.mark.parametrize("method", BUILT_IN, ids=lambda method: method.name)
def test_the_list_says_what_the_class_says(method, build):
    found = build(method.name)
    assert (found.name, found.summary) == (method.name, method.summary)


# What a broken method looks like: each must be caught by the check of that name.


class ReadsWhatWasGiven(MedicationPopularity):
    def score(self, cases):
        scores = super().score(cases)
        return scores if cases.target is None else np.maximum(scores, 0.5 * cases.target)


class ScoresAboveOne(MedicationPopularity):
    def score(self, cases):
        return super().score(cases) + 1


class NeedsAPast(MedicationPopularity):
    def score(self, cases):
        scores = super().score(cases)
        scores[cases.single] = np.nan
        return scores


class ReadsTheTest(MedicationPopularity):
    def fit(self, split, context=None):
        super().fit(split)
        self._share = split.test.target.mean(0).astype(np.float32)
        return self


class KeepsNothing(MedicationPopularity):
    def load_state(self, state, terms):
        self._share = np.zeros(len(terms.medications), dtype=np.float32)


class ScoresTheBatch(MedicationPopularity):
    def score(self, cases):
        return super().score(cases) / max(len(cases), 1)


class ShowsItsInside(MedicationPopularity):
    def score(self, cases):
        return np.broadcast_to(self._share, (len(cases), len(self._share)))


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (ReadsWhatWasGiven, "what_was_given_is_no_input"),
        (ScoresAboveOne, "scores_are_probabilities"),
        (NeedsAPast, "a_first_visit_is_enough"),
        (ReadsTheTest, "held_out_targets_are_never_read"),
        (KeepsNothing, "saved_is_loaded"),
        (ScoresTheBatch, "batches_do_not_matter"),
        (ShowsItsInside, "scoring_changes_nothing"),
    ],
)
def test_a_broken_method_is_caught(broken, caught_by):
    check = next(check for check in CHECKS if check.__name__ == caught_by)
    with pytest.raises((AssertionError, ValueError)):
        check(Subject(broken))


def test_terms_come_back_from_disk(tmp_path):
    terms = Terms.of(rule_split())
    terms.save(tmp_path)
    again = Terms.load(tmp_path)
    assert again.vocabularies == terms.vocabularies
    assert again.profile_values == terms.profile_values
    assert np.array_equal(again.interactions, terms.interactions)
