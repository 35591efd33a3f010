"""A logistic regression for each medication, by scikit-learn: one against the rest.

What it reads: the codes of the visit, those of earlier visits (had at any, and had at the last),
and the profile. How strongly weights are held back is chosen on validation, by PRAUC.

Legend: p cases, v medications, x features.
"""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
import torch
from pydantic import Field
from scipy.sparse import csr_array, hstack
from scipy.special import expit

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import KINDS, MedicationCases, Ragged
from palate.evaluation.medication import prauc
from palate.recommenders.medication.base import (
    MedicationConfig,
    MedicationRecommender,
    Scores,
    Terms,
    known_targets,
)
from palate.recommenders.medication.indicators import indicators
from palate.training.context import FitContext


class LogisticConfig(MedicationConfig):
    """Settings of the logistic regression."""

    strengths: tuple[float, ...] = Field((0.03, 0.1, 0.3, 1.0), min_length=1)
    """Values of scikit-learn's C that are tried, small ones hold weights back most; the one with
    the best PRAUC on validation is kept."""
    history: bool = True
    """Read the codes of earlier visits."""
    profile: bool = True
    """Read the profile."""
    iterations: int = Field(200, ge=1)
    """Steps of the solver at most."""


class Logistic(MedicationRecommender):
    """One logistic regression per medication."""

    name = "logistic"
    summary = "a logistic regression per medication on the codes of now and before"
    Config = LogisticConfig
    config: LogisticConfig
    deterministic = True
    _terms: Terms
    _weights: np.ndarray  # [v, x]
    _bias: np.ndarray  # [v]

    def fit(self, split: HospitalSplit, context: FitContext = FitContext()) -> Self:  # noqa: B008
        self._terms = Terms.of(split)
        train, target = self._features(split.train), known_targets(split.train)
        validation = known_targets(split.validation)
        rows = validation.any(1)
        best = -np.inf
        for strength in self.config.strengths:
            weights, bias = self._fitted(train, target, strength)
            scores = self._of(self._features(split.validation), weights, bias)
            value = prauc(scores[rows], validation[rows]).mean() if rows.any() else 0.0
            if value > best:
                best, self._weights, self._bias = value, weights, bias
        return self

    def _fitted(
        self, train: csr_array, target: np.ndarray, strength: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """[v, x] weights and [v] bias."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        weights = np.zeros((target.shape[1], train.shape[1]), dtype=np.float32)
        # What was given always or never is as likely as once in all those visits and one more.
        share = (target.sum(0) + 0.5) / (len(target) + 1)
        bias = np.log(share / (1 - share)).astype(np.float32)
        learned = np.flatnonzero(target.any(0) & ~target.all(0))
        if len(learned):
            inner = LogisticRegression(C=strength, max_iter=self.config.iterations)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                found = OneVsRestClassifier(inner).fit(train, target[:, learned].astype(int))
            for place, one in zip(learned, found.estimators_, strict=True):
                flip = 1 if one.classes_[-1] == 1 else -1
                weights[place], bias[place] = flip * one.coef_[0], flip * one.intercept_[0]
        return weights, bias

    def score(self, cases: MedicationCases) -> Scores:
        return self._of(self._features(cases), self._weights, self._bias)

    @staticmethod
    def _of(features: csr_array, weights: np.ndarray, bias: np.ndarray) -> Scores:
        scores: Scores = expit(features @ weights.T + bias).astype(np.float32)
        return scores

    def _features(self, cases: MedicationCases) -> csr_array:
        """[p, x] 0 or 1."""
        sizes = self._terms.sizes()
        blocks = [
            indicators(cases.diagnoses, sizes["diagnoses"]),
            indicators(cases.procedures, sizes["procedures"]),
        ]
        if self.config.history:
            case_of = np.repeat(np.arange(len(cases)), cases.earlier)
            newest = cases.offsets[1:] - 1  # of each case the last visit before this one
            some = np.flatnonzero(cases.earlier)
            for kind in KINDS:
                codes = cases.past.codes[kind]
                ever = Ragged.from_pairs(case_of[codes.rows()], codes.codes, len(cases))
                last = codes.take(newest[some])
                lately = Ragged.from_pairs(some[last.rows()], last.codes, len(cases))
                blocks += [indicators(one, sizes[kind]) for one in (ever, lately)]
        if self.config.profile:
            for place, width in enumerate(self._terms.fields):
                values = cases.profiles[:, place]
                offsets = np.arange(len(cases) + 1)
                blocks.append(indicators(Ragged(offsets, values), width))
        return csr_array(hstack(blocks, format="csr"))

    def state(self) -> dict[str, torch.Tensor]:
        return {"weights": torch.from_numpy(self._weights), "bias": torch.from_numpy(self._bias)}

    def load_state(self, state: dict[str, torch.Tensor], terms: Terms) -> None:
        self._terms = terms
        self._weights, self._bias = state["weights"].numpy(), state["bias"].numpy()
