"""Fusion: several methods on one catalogue, weighed by what validation users took next.

Statistics know what goes with what, language models know what things are like, and each is right
about other users. A log-linear model over the catalogue (as a conditional logit, McFadden 1974)
learns how much to believe each of them: a part speaks by its scores, standardised per user, and by
the logarithm of its ranks, which says the same for methods whose scores have no even scale. How
much either counts depends on how long the history is. Weights are not negative, so no part can be
turned against itself.

Legend: u users, i items of the catalogue, p parts, f features (two per part).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from scipy.stats import rankdata

from palate.data.cases import Cases, Histories, Split
from palate.data.catalogue import Catalogue
from palate.recommenders.base import Config, FitContext, Recommender, Scores
from palate.recommenders.nested import fit_nested, load_nested, nested_state

STEPS = 100  # of L-BFGS at most; the loss is smooth and has a dozen variables
EVEN = 60  # the constant of reciprocal rank fusion (Cormack et al., SIGIR 2009)


class FusionConfig(Config):
    """Settings of a fusion."""

    parts: tuple[str, ...] = Field(
        ("ease", "itemknn", "slist", "sasrec", "lite-llm4rec"), min_length=1
    )
    """Methods that are fused, each trained on the same training events."""
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of parts that are not to have their defaults, by the name of the part."""
    validation_users: int = Field(2000, ge=1)
    """Validation users that weights are learned from, drawn at random where there are more."""
    shrink: float = Field(1e-3, ge=0)
    """How strongly weights are drawn towards those of an even mixture."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.parts)) < len(self.parts):
            raise ValueError(f"parts={','.join(self.parts)}: name each part once")
        strange = set(self.settings) - set(self.parts)
        if strange:
            raise ValueError(f"settings of '{strange.pop()}', which is no part of this fusion")
        return self


class Fusion(Recommender):
    """Several recommenders, weighed by validation.

    Attributes:
        parts: the trained parts.
        weights: [f, 2] raw weights: at a history of one event, and per factor of e of its length;
            ``softplus`` of their sum is what counts.
    """

    name = "fusion"
    summary = "several methods, weighed by what validation users took next"
    Config = FusionConfig
    config: FusionConfig

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        parts = [
            fit_nested(name, self.config.settings.get(name, {}), split, context)
            for name in self.config.parts
        ]
        return self.weigh(parts, split, context.seed)

    def weigh(self, parts: Sequence[Recommender], split: Split, seed: int = 0) -> Self:
        """Learn how much to believe parts that are trained already, in the order of the setting."""
        self.parts = list(parts)
        self.weights = learned_weights(
            self._features,
            _some(split.validation, self.config.validation_users, seed),
            2 * len(self.parts),
            self.config.shrink,
        )
        return self

    def score(self, histories: Histories) -> Scores:
        counts = strengths(self.weights, histories.lengths)
        return torch.einsum("uif,uf->ui", self._features(histories), counts).numpy()

    def _features(self, histories: Histories) -> torch.Tensor:
        return torch.cat([features(part.score(histories)) for part in self.parts], dim=-1)

    def controls(self) -> dict[str, Callable[[Histories], Scores]]:
        """Each part alone, and the mixture that nobody has to learn."""
        alone: dict[str, Callable[[Histories], Scores]] = {
            f"{name} alone": part.score
            for name, part in zip(self.config.parts, self.parts, strict=True)
        }
        return alone | {"reciprocal ranks": self._reciprocal_ranks}

    def _reciprocal_ranks(self, histories: Histories) -> Scores:
        """Reciprocal rank fusion (Cormack et al., SIGIR 2009)."""
        found = [1 / (EVEN + ranks(part.score(histories))) for part in self.parts]
        return np.sum(found, axis=0, dtype=np.float32)

    @property
    def trainable_parameters(self) -> int:
        """Number of values that training changes, in the parts and over them."""
        return self.weights.numel() + sum(part.trainable_parameters for part in self.parts)

    @property
    def parameters(self) -> int:
        """Number of values in the parts and over them."""
        return self.weights.numel() + sum(part.parameters for part in self.parts)

    def state(self) -> dict[str, torch.Tensor]:
        state = {"weights": self.weights}
        for name, part in zip(self.config.parts, self.parts, strict=True):
            state |= nested_state(part, name)
        return state

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self.weights = state["weights"]
        settings = self.config.settings
        self.parts = [
            load_nested(name, settings.get(name, {}), state, name, catalogue)
            for name in self.config.parts
        ]


def ranks(scores: Scores) -> Scores:
    """[u, i] rank of each item, 1 is best; equals share the worst of theirs."""
    found: Scores = rankdata(-scores, method="max", axis=1).astype(np.float32)
    return found


def features(scores: Scores) -> torch.Tensor:
    """[u, i, 2] what a part says: its standardised scores, and minus the logarithm of its ranks."""
    spread = scores.std(axis=1, keepdims=True)
    standard = (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return torch.from_numpy(np.stack([standard, -np.log(ranks(scores))], axis=-1))


def strengths(weights: torch.Tensor, lengths: np.ndarray) -> torch.Tensor:
    """[u, f] how much each feature counts for histories of these lengths."""
    logs = torch.from_numpy(np.log(np.maximum(lengths, 1)).astype(np.float32))
    return F.softplus(weights[:, 0] + logs[:, None] * weights[:, 1])


def learned_weights(
    describe: Callable[[Histories], torch.Tensor], cases: Cases, n_features: int, shrink: float
) -> torch.Tensor:
    """[f, 2] weights under which the targets of *cases* are likeliest among unseen items.

    Args:
        describe: histories -> [u, i, f] features.
        shrink: of the squared distance to where learning starts, an even mixture.
    """
    start = torch.zeros(n_features, 2)
    start[:, 0] = -2.0  # softplus: 0.13
    if len(cases) == 0:
        return start
    told = describe(cases.histories)
    targets = torch.from_numpy(cases.targets)
    hidden = torch.zeros(told.shape[:2], dtype=torch.bool)
    hidden[torch.from_numpy(cases.histories.rows()), torch.from_numpy(cases.histories.items)] = True
    hidden[torch.arange(len(cases)), targets] = False
    weights = start.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        counts = strengths(weights, cases.histories.lengths)
        scores = torch.einsum("uif,uf->ui", told, counts).masked_fill(hidden, float("-inf"))
        value = F.cross_entropy(scores, targets) + shrink * (weights - start).square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach()


def _some(cases: Cases, number: int, seed: int) -> Cases:
    if len(cases) <= number:
        return cases
    return cases.take(np.sort(np.random.default_rng(seed).permutation(len(cases))[:number]))
