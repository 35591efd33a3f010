"""LSAT: a long-term and a short-term model of one kind, mixed.

Shi et al., "Preliminary Study on Incremental Learning for Large Language Model-based Recommender
Systems" (LSAT), CIKM 2024, arXiv:2312.15599. One low-rank adapter cannot hold both what people
always like and what they like now, so there are two: the long-term one learned from all of the
past and stays; the short-term one learns from the newest period alone, from scratch, and is thrown
away at the next. ``merge=outputs`` mixes their answers (LSAT-EN), ``merge=factors`` interpolates
their tensors as the released code does (LSAT-TA), ``merge=updates`` the low-rank updates
themselves. The weight of the long-term model is the one that is best on validation.

Trained as a whole, the newest ``recent`` share of the training events is the period; without times
it is the newest events of each person. ``palate update`` goes on from there. Any method that goes
on learning can be the ``base``.

Legend: u users, i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field
from scipy.special import softmax

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.questions import Questions
from palate.errors import ConfigError
from palate.recommenders.base import Config, FitContext, Recommender, Scores
from palate.recommenders.nested import load_nested, nested_state
from palate.recommenders.registry import configure, get
from palate.recommenders.updates import (
    WHO,
    Answers,
    RanksNext,
    Updates,
    Weights,
    merged,
    merged_exactly,
    mixed,
)

SHARES = tuple(round(0.1 * step, 1) for step in range(11))
"""Weights of the long-term model that are tried (section 4.3)."""
Merge = Literal["outputs", "factors", "updates"]


class LSATConfig(Config):
    """Settings of LSAT."""

    base: str = "tallrec"
    """Method that both models are of; one that goes on learning, such as tallrec or sasrec."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings where they are not to be its defaults."""
    merge: Merge = "outputs"
    """What is mixed: outputs (LSAT-EN; two passes), factors (LSAT-TA as released) or updates, the
    exact mixture of what two adapters change."""
    recent: float = Field(0.1, gt=0, lt=1)
    """Newest share of the training events that the short-term model learns from."""


class LSAT(Recommender):
    """Two models of one kind, long-term and short-term, mixed by one weight."""

    name = "lsat"
    summary = "a long-term and a short-term model of one kind, mixed"
    Config = LSATConfig
    config: LSATConfig
    long: Weights
    short: Weights
    share: float
    """Weight of the long-term model."""

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        self._new_base()
        old, new = self._periods(split)
        validation = self._questions(split.validation.sequences(), None, split.n_items)
        learner = self._learner()
        found = []
        for part in (old, new):
            learner.begin(split.catalogue, context.seed)  # the same start for both, as released
            learner.learn(part, validation, FitContext(context.seed, progress=context.progress))
            found.append(learner.weights())
        learner.refresh(split, context)
        self.join(self._base, found[0], found[1], validation)
        return self

    def join(self, base: Recommender, long: Weights, short: Weights, validation: Questions) -> Self:
        """Be the mixture of two trained models that is best on *validation*.

        Args:
            base: holds what the two share; its own weights may be of either.
        """
        self._base = base
        share, self.tried = best_share(self._learner(), long, short, validation, self.config.merge)
        return self.mix(base, long, short, share)

    def mix(self, base: Recommender, long: Weights, short: Weights, share: float) -> Self:
        """Be the mixture of two trained models, *share* of it the long-term one."""
        self._base, self.long, self.short, self.share = base, long, short, share
        self._settle()
        return self

    def predict(self, questions: Questions) -> Answers:
        """What the mixture answers, as :meth:`Updates.predict` of its base."""
        learner = self._learner()
        if self.config.merge != "outputs":
            return learner.predict(questions)
        found = []
        for weights in (self.long, self.short):
            learner.take(weights)
            found.append(learner.predict(questions))
        return mixed(found[0], found[1], self.share)

    def _periods(self, split: Split) -> tuple[Questions, Questions]:
        """Questions about the older and the newest training events."""
        sequences = split.train.sequences()
        places, when = sequences.places(), split.train_times
        if when is None:  # the nearer to its end, the newer
            when = np.arange(len(sequences.items)) - sequences.offsets[1:][sequences.rows()]
        places = places[np.argsort(when[places], kind="stable")]
        cut = len(places) - max(1, round(self.config.recent * len(places)))
        of = self._questions
        return of(sequences, places[:cut], split.n_items), of(
            sequences, places[cut:], split.n_items
        )

    def _questions(
        self, sequences: Histories, places: np.ndarray | None, n_items: int
    ) -> Questions:
        """Questions about events; about the last one of each sequence where none are named."""
        last = sequences.offsets[1:] - 1
        return Questions.of_likes(sequences, last if places is None else places, n_items, 0)

    def _new_base(self) -> None:
        config = self.config
        self._base = get(config.base)(configure(config.base, config.settings))
        self._learner()

    def _learner(self) -> Updates:
        if not isinstance(self._base, Updates):
            raise ConfigError(
                f"base={self.config.base}: this method does not go on learning; {WHO} do"
            )
        return self._base

    def _settle(self) -> None:
        """Where one model does, be that one."""
        merge = self.config.merge
        if merge != "outputs":
            self._learner().take(joined(self.long, self.short, self.share, merge))

    def score(self, histories: Histories) -> Scores:
        if self.config.merge != "outputs":
            return self._base.score(histories)
        found = []
        for weights in (self.long, self.short):
            self._learner().take(weights)
            found.append(self._base.score(histories))
        if not isinstance(self._base, RanksNext):
            return mixed(found[0], found[1], self.share)
        # Without a history both give the same: how popular items are, and no probabilities.
        known = histories.lengths > 0
        scores = found[0].copy()
        likely = [softmax(one[known], axis=1) for one in found]
        scores[known] = mixed(likely[0], likely[1], self.share)
        return scores

    def controls(self) -> Mapping[str, Callable[[Histories], Scores]]:
        """What the mixture has to beat: either of the two alone."""
        return {
            "long-term alone": self._only(self.long),
            "short-term alone": self._only(self.short),
        }

    def _only(self, weights: Weights) -> Callable[[Histories], Scores]:
        def score(histories: Histories) -> Scores:
            self._learner().take(weights)
            try:
                return self._base.score(histories)
            finally:
                self._settle()

        return score

    def state(self) -> dict[str, torch.Tensor]:
        self._learner().take(self.long)
        state = nested_state(self._base, "long") | {"share": torch.tensor(self.share)}
        self._settle()
        return state | {f"short.{name}": value for name, value in self.short.items()}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        config = self.config
        self._base = load_nested(config.base, config.settings, state, "long", catalogue)
        self.long = self._learner().weights()
        self.short = {
            name.removeprefix("short."): value
            for name, value in state.items()
            if name.startswith("short.")
        }
        self.share = round(float(state["share"]), 1)
        self._settle()


def joined(long: Weights, short: Weights, share: float, merge: Merge) -> Weights:
    """One model of two, by either way of merging weights."""
    return (merged if merge == "factors" else merged_exactly)(long, short, share)


def best_share(
    learner: Updates, long: Weights, short: Weights, validation: Questions, merge: Merge
) -> tuple[float, dict[float, float]]:
    """The weight of the long-term model that is best on *validation*, and what each came to.

    Of equals the one nearest to a half.
    """
    tried: dict[float, float] = {}
    answers: list[Answers] = []
    if merge == "outputs":
        for weights in (long, short):
            learner.take(weights)
            answers.append(learner.predict(validation))
    for share in SHARES:
        if merge == "outputs":
            found = mixed(answers[0], answers[1], share)
        else:
            learner.take(joined(long, short, share, merge))
            found = learner.predict(validation)
        tried[share] = learner.judge(found, validation)
    return max(SHARES, key=lambda share: (tried[share], -abs(share - 0.5))), tried
