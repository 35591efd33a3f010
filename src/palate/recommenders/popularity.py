"""Popularity: everyone is recommended what most events were about."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from pydantic import Field

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.recommenders.base import Config, FitContext, Recommender, Scores
from palate.recommenders.interactions import item_counts


class PopularityConfig(Config):
    """Settings of :class:`Popularity`."""

    share: float = Field(default=1.0, gt=0, le=1)
    """Share of each user's training sequence that is counted, newest events first, at least one
    event a user. 1 counts every event; 0.1 counts what people came to last. A split keeps the
    order of events but not their times, so that "recent" is counted in events, not in days."""


class Popularity(Recommender):
    """Scores an item by its number of training events, whatever the history.

    The floor under every comparison: a method that does not beat it has learned nothing about
    people (Cremonesi et al., "Performance of recommender algorithms on top-N recommendation
    tasks", RecSys 2010, "TopPop").
    """

    name = "popularity"
    summary = "the most popular items, the same for everyone"
    Config = PopularityConfig
    config: PopularityConfig

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        self._counts = item_counts(
            newest(split.train.sequences(), self.config.share), split.n_items
        )
        return self

    def score(self, histories: Histories) -> Scores:
        return np.tile(self._counts, (len(histories), 1))

    def state(self) -> dict[str, torch.Tensor]:
        return {"counts": torch.from_numpy(self._counts)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._counts = state["counts"].numpy()


def newest(sequences: Histories, share: float) -> Histories:
    """The newest *share* of each sequence, rounded up to whole events."""
    kept = np.ceil(sequences.lengths * share).astype(np.int64)
    ages = np.repeat(sequences.offsets[1:], sequences.lengths) - np.arange(len(sequences.items))
    items = sequences.items[ages <= np.repeat(kept, sequences.lengths)]
    return Histories(items, np.concatenate([[0], np.cumsum(kept)]), sequences.users)
