"""Popularity: everyone is recommended what most events were about."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.recommenders.base import Config, FitContext, Recommender, Scores


class PopularityConfig(Config):
    """Settings of :class:`Popularity`."""

    newest: float = Field(default=1.0, gt=0, le=1)
    """Share of all training events that is counted, the newest by the clock: 1 is popularity of
    all time, 0.1 is what the last tenth of events was about. Below 1 it needs data with times."""


class Popularity(Recommender):
    """Scores an item by its number of training events, whatever the history.

    All events count, or with ``newest`` below 1 the recent ones, which is the better floor where
    tastes move with time (Ji et al., "A Re-visit of the Popularity Baseline in Recommender
    Systems", SIGIR 2020). Recent is one and the same date for everyone: the one after which that
    share of all events happened, those at the date itself included.

    The floor under every comparison: a method that does not beat it has learned nothing about
    people (Cremonesi et al., "Performance of recommender algorithms on top-N recommendation
    tasks", RecSys 2010, "TopPop").
    """

    name = "popularity"
    summary = "the most popular items, the same for everyone"
    Config = PopularityConfig
    deterministic = True
    config: PopularityConfig

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        """Count.

        Raises:
            ConfigError: ``newest`` is below 1 and the data have no times.
        """
        items = split.train.sequences().items
        if self.config.newest < 1:
            items = items[recent(split.train_times, self.config.newest)]
        self._counts = np.bincount(items, minlength=split.n_items).astype(np.float32)
        return self

    def score(self, histories: Histories) -> Scores:
        return np.tile(self._counts, (len(histories), 1))

    def state(self) -> dict[str, torch.Tensor]:
        return {"counts": torch.from_numpy(self._counts)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._counts = state["counts"].numpy()


def recent(times: npt.NDArray[np.int64] | None, share: float) -> npt.NDArray[np.bool_]:
    """[e] which events are among the newest *share*, equal times all or none.

    Raises:
        ConfigError: there are no times.
    """
    if times is None:
        raise ConfigError(
            f"popularity: newest={share} needs the times of events, and these data have only "
            "their order; leave it at 1"
        )
    oldest = np.sort(times)[len(times) - int(np.ceil(share * len(times)))]
    return times >= oldest
