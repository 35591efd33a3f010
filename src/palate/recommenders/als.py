"""ALS: matrix factorisation of implicit feedback by alternating least squares."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from pydantic import Field
from scipy import sparse

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.recommenders.base import Config, FitContext, Recommender, Scores
from palate.recommenders.factors import Factors, fold_in, for_implicit, quiet_threads
from palate.recommenders.interactions import item_counts, user_item_matrix, with_fallback


class ALSConfig(Config):
    """Settings of :class:`ALS`."""

    factors: int = Field(default=128, ge=1)
    """Length of the vector of a user or an item."""

    regularization: float = Field(default=10.0, gt=0)
    """The λ of the paper: pulls all vectors towards zero."""

    alpha: float = Field(default=1.0, ge=0)
    """The α of the paper: an item touched r times has confidence 1 + α r, an untouched one 1."""

    iterations: int = Field(default=15, ge=1)
    """Rounds of solving for all users, then for all items."""


class ALS(Recommender):
    """Factorises the table of who touched what, absent cells weighing little.

    Minimises ``Σ c_ui (p_ui - x_u · y_i)² + λ(Σ|x_u|² + Σ|y_i|²)`` over all cells, with
    ``c_ui = 1 + α r_ui`` (Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback
    Datasets", ICDM 2008, equation 3), by the ``implicit`` library. Only the items' vectors are
    kept: a user's vector is solved for from the history at hand (equation 4), so that new users
    and new events need no training. Histories that say nothing get the popularity ranking.
    """

    name = "als"
    summary = "matrix factorisation of implicit feedback by least squares"
    Config = ALSConfig
    config: ALSConfig

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        from implicit.cpu.als import AlternatingLeastSquares

        sequences = split.train.sequences()
        with quiet_threads():
            model = AlternatingLeastSquares(
                factors=self.config.factors,
                regularization=self.config.regularization,
                iterations=self.config.iterations,
                random_state=context.seed,
            )
            confidence = self._confidence(sequences, split.n_items)
            model.fit(for_implicit(confidence), show_progress=context.progress)
        self._items = model.item_factors
        self._popularity = item_counts(sequences, split.n_items)
        return self

    def _confidence(self, histories: Histories, n_items: int) -> sparse.csr_array:
        confidence = user_item_matrix(histories, n_items)
        confidence.data = 1 + np.float32(self.config.alpha) * confidence.data
        return confidence

    @property
    def item_vectors(self) -> Factors:
        """[n, d] of the catalogue; zero for items that training never saw."""
        return self._items

    def user_vectors(self, histories: Histories) -> Factors:
        """[u, d] the vectors that explain histories best; zero for empty ones."""
        confidence = self._confidence(histories, len(self._items))
        return fold_in(self._items, confidence, self.config.regularization)

    def score(self, histories: Histories) -> Scores:
        users = self.user_vectors(histories)
        return with_fallback(users @ self._items.T, self._popularity)

    def state(self) -> dict[str, torch.Tensor]:
        return {
            "items": torch.from_numpy(self._items),
            "popularity": torch.from_numpy(self._popularity),
        }

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._items = state["items"].numpy()
        self._popularity = state["popularity"].numpy()
