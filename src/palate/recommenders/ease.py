"""EASE: a linear item-to-item model with a closed form, and hard to beat."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field
from scipy import linalg

from palate.data.cases import Histories, Split
from palate.recommenders.base import Config, FitContext, Scores
from palate.recommenders.interactions import binary_matrix, item_counts, with_fallback
from palate.recommenders.linear import ItemWeights


class EASEConfig(Config):
    """Settings of :class:`EASE`."""

    regularization: float = Field(default=300.0, gt=0)
    """The λ of the paper, in users: added to every item's number of users. More of it trusts
    rare items less. Worth a search from 10 to 10,000 on a new data set."""


class EASE(ItemWeights):
    """Embarrassingly shallow autoencoder: reconstructs a history from its other items.

    Solves ``min |X - XB|² + λ|B|²`` with ``diag(B) = 0`` over binary interactions X, where
    repeated events count once. With ``P = (XᵀX + λI)⁻¹`` the answer is ``B = I - P / diag(P)``
    (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equations 7 and 8).
    A history with no item known from training gets the popularity ranking.

    Needs time in the cube and memory in the square of the number of items: seconds and 50 MB
    for 2,000 items, minutes and 5 GB for 20,000.
    """

    name = "ease"
    summary = "linear item-to-item autoencoder in closed form"
    Config = EASEConfig
    config: EASEConfig

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        sequences = split.train.sequences()
        seen = binary_matrix(sequences, split.n_items).astype(np.float64)
        gram = (seen.T @ seen).toarray()  # [items, items]
        gram[np.diag_indices_from(gram)] += self.config.regularization
        inverse = linalg.cho_solve(
            linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False),
            np.eye(split.n_items),
            overwrite_b=True,
            check_finite=False,
        )
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)
        self._weights = weights.astype(np.float32)
        self._popularity = item_counts(sequences, split.n_items)
        return self

    def score(self, histories: Histories) -> Scores:
        return with_fallback(
            binary_matrix(histories, len(self._popularity)) @ self._weights, self._popularity
        )
