"""SLIT: a linear map from what came last to what comes next, in closed form.

Choi et al., "Session-aware Linear Item-Item Models for Session-based Recommendation" (SLIST), WWW
2021, arXiv:2103.16104: of its two parts the one that learns transitions (section 3.3), with a whole
history in the place of a session and the one next event in the place of all later ones.

Legend: n histories, m events, i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import linalg, sparse

from palate.data.cases import Histories, Indices, Split
from palate.recommenders.base import Config, FitContext, Scores
from palate.recommenders.interactions import item_counts, user_item_matrix, with_fallback
from palate.recommenders.linear import ItemWeights

CELLS = 2**24  # of targets that are held at once: 64 MiB
EVENTS = 2**21  # of histories that are held at once

Table = npt.NDArray[np.float64]
Targets = sparse.csr_array | npt.NDArray[np.float32]


class SLITConfig(Config):
    """Settings of :class:`SLIT`."""

    length: int = Field(50, ge=1)
    """Events of a history that the model reads, newest last."""
    decay: float = Field(0.8, gt=0, le=1)
    """What an event weighs beside the one after it; 1 is a set without order."""
    regularization: float = Field(30.0, gt=0)
    """The λ of the paper, in events: more of it trusts rare items less."""


class SLIT(ItemWeights):
    """Session-aware linear item transitions.

    Solves ``min |XB - Y|² + λ|B|²`` over all training events: a row of X is what came before the
    event, weighed by age and summing to 1, a row of Y the event itself. ``B = (XᵀX + λI)⁻¹XᵀY``.
    A history with no item known from training gets the popularity ranking.

    Needs time in the cube and memory in the square of the number of items, as EASE does.
    """

    name = "slit"
    summary = "linear map from what came last to what comes next, in closed form"
    Config = SLITConfig
    config: SLITConfig

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        items = split.train.sequences().items

        def next_items(places: Indices) -> Targets:
            one = np.ones(len(places), dtype=np.float32)
            shape = (len(places), split.n_items)
            return sparse.csr_array((one, items[places], np.arange(len(places) + 1)), shape=shape)

        return self.fit_to(split, next_items)

    def fit_to(self, split: Split, targets: Callable[[Indices], Targets]) -> Self:
        """See :class:`~palate.recommenders.pupils.LearnsTargets`."""
        sequences, n_items = split.train.sequences(), split.n_items
        gram, cross = self._beginning(sequences, n_items)
        rows, places = sequences.rows(), sequences.places()
        at_once = max(1, min(CELLS // n_items, EVENTS // self.config.length))
        for start in range(0, len(places), at_once):
            some = places[start : start + at_once]
            first = sequences.offsets[rows[some]]
            till = some - first
            before = sequences.spans(rows[some], np.maximum(till - self.config.length, 0), till)
            past = self._past(before, n_items).astype(np.float64)
            gram += (past.T @ past).toarray()
            found = past.T @ targets(some)
            cross += found.toarray() if sparse.issparse(found) else found
        gram[np.diag_indices_from(gram)] += self.config.regularization
        factor = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        weights = linalg.cho_solve(factor, cross, overwrite_b=True, check_finite=False)
        self._weights = np.ascontiguousarray(weights, dtype=np.float32)
        self._popularity = item_counts(sequences, n_items)
        return self

    def _beginning(self, sequences: Histories, n_items: int) -> tuple[Table, Table]:
        """[i, i] what XᵀX and XᵀY begin with."""
        return np.zeros((n_items, n_items)), np.zeros((n_items, n_items))

    def _past(self, histories: Histories, n_items: int) -> sparse.csr_array:
        """[n, i] weights of the items of histories no longer than is read, which sum to 1."""
        ages = np.repeat(histories.offsets[1:], histories.lengths) - np.arange(
            1, len(histories.items) + 1
        )
        weights = self.config.decay**ages
        whole = np.bincount(histories.rows(), weights, minlength=len(histories))
        weights = weights / whole[histories.rows()]
        return user_item_matrix(histories, n_items, weights.astype(np.float32))

    def score(self, histories: Histories) -> Scores:
        past = self._past(histories.newest(self.config.length), len(self._popularity))
        return with_fallback(past @ self._weights, self._popularity)
