"""LambdaMART on features of queries and documents, learned from grades (through LightGBM)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError, RunError
from palate.evaluation.ranking import Values
from palate.search.ranking.features import Features
from palate.search.ranking.permutations import by_score
from palate.search.results import Results, Texts

FILE = "lambdamart.txt"


class LambdaMARTConfig(Config):
    """Settings of LambdaMART."""

    trees: int = Field(300, ge=1)
    """Trees at most; early stopping, where there are validation lists, may leave fewer."""
    leaves: int = Field(31, ge=2)
    """Leaves of each tree."""
    learning_rate: float = Field(0.05, gt=0)
    """What each tree's output is multiplied by."""
    truncation: int = Field(30, ge=1)
    """Places of a list whose swaps count in the gradient."""
    least: int = Field(5, ge=1)
    """Documents in a leaf at least; small training sets want few."""
    patience: int = Field(30, ge=1)
    """Trees without a better validation NDCG before growing stops."""


class LambdaMART:
    """Gradient-boosted trees whose gradient is the change of NDCG by a swap.

    Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82.
    """

    name = "lambdamart"

    def __init__(self, features: Features, config: LambdaMARTConfig | None = None) -> None:
        self.features, self.config = features, config or LambdaMARTConfig()
        self._trees: Any = None

    def fit(
        self,
        lists: Sequence[Results],
        grades: Sequence[Sequence[float]],
        weights: Sequence[Sequence[float]] | None = None,
        validation: tuple[Sequence[Results], Sequence[Sequence[float]]] | None = None,
        seed: int = 0,
    ) -> LambdaMART:
        """Learn from graded lists.

        Args:
            grades: one whole number from 0 per hit of each list; NaN where it was not graded.
            weights: how far each grade is to be trusted, such as its probability.
            validation: lists and grades that say when to stop.

        Raises:
            ConfigError: LightGBM is not installed, or no list has two grades.
        """
        lightgbm = _lightgbm()
        x, y, w, groups = self._matrix(lists, grades, weights)
        if len(set(y.tolist())) < 2:
            raise ConfigError("nothing to learn from: all grades are alike")
        config = self.config
        settings = {
            "objective": "lambdarank", "metric": "ndcg", "eval_at": [10],
            "num_leaves": config.leaves, "learning_rate": config.learning_rate,
            "lambdarank_truncation_level": config.truncation, "min_data_in_leaf": config.least,
            "verbosity": -1, "seed": seed, "deterministic": True, "force_row_wise": True,
            "num_threads": 1,
        }  # fmt: skip
        data = lightgbm.Dataset(
            x, y, group=groups, weight=w, feature_name=self.features.names, free_raw_data=False
        )
        more: dict[str, Any] = {}
        if validation is not None:
            xv, yv, _, gv = self._matrix(*validation, None)
            more["valid_sets"] = [lightgbm.Dataset(xv, yv, group=gv, reference=data)]
            more["callbacks"] = [lightgbm.early_stopping(config.patience, verbose=False)]
        self._trees = lightgbm.train(settings, data, config.trees, **more)
        return self

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits, the first *k* of each list by the trees' score.

        Raises:
            RunError: nothing was learned yet.
        """
        if self._trees is None:
            raise RunError("LambdaMART has learned nothing yet: fit or load it first")
        ranked = []
        for one in results:
            started = time.perf_counter()
            head = one if k is None else Results(one.query, one.hits[:k])
            if head.hits:
                scores = self._trees.predict(self.features.of(head)).tolist()
                order = by_score(scores)
                one = one.reordered(order, self.name, [scores[place] for place in order])
            ranked.append(one.spent(self.name, time.perf_counter() - started))
        return ranked

    def importance(self) -> dict[str, float]:
        """Share of the trees' gain that each feature has, the largest first."""
        if self._trees is None:
            raise RunError("LambdaMART has learned nothing yet: fit or load it first")
        gain = self._trees.feature_importance("gain")
        shares = gain / max(1e-12, gain.sum())
        order = np.argsort(-shares, kind="stable")
        return {self.features.names[i]: float(shares[i]) for i in order}

    def save(self, folder: Path) -> None:
        """Write the trees as text."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(self._trees.model_to_string(), "utf-8")

    def load(self, folder: Path) -> LambdaMART:
        """Read trees that were learned on the same features.

        Raises:
            RunError: there are none, or they were learned on other features.
        """
        if not (folder / FILE).exists():
            raise RunError(f"{folder}: no {FILE} here")
        trees = _lightgbm().Booster(model_str=(folder / FILE).read_text("utf-8"))
        if trees.feature_name() != self.features.names:
            raise RunError(f"{folder}: learned on other features: {trees.feature_name()}")
        self._trees = trees
        return self

    def _matrix(
        self,
        lists: Sequence[Results],
        grades: Sequence[Sequence[float]],
        weights: Sequence[Sequence[float]] | None,
    ) -> tuple[Values, Values, Values | None, list[int]]:
        """Features, grades, weights and list sizes, of the hits that have a grade."""
        rows, targets, trusts, groups = [], [], [], []
        for place, (one, told) in enumerate(zip(lists, grades, strict=True)):
            values = np.asarray(told, dtype=float)
            known = ~np.isnan(values)
            if known.any():
                rows.append(self.features.of(one)[known])
                targets.append(values[known])
                groups.append(int(known.sum()))
                if weights is not None:
                    trusts.append(np.asarray(weights[place], dtype=float)[known])
        if not rows:
            raise ConfigError("nothing to learn from: no hit has a grade")
        trust = np.concatenate(trusts) if weights is not None else None
        return np.concatenate(rows), np.concatenate(targets), trust, groups


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise ConfigError(
            "LambdaMART needs the package lightgbm: pip install 'palate[search]'"
        ) from error
    return lightgbm
