"""How models of ids go on learning, and are taught.

A model whose items are a table of vectors can begin anew on any catalogue, and its weights fit a
larger one. Models that make items of texts cannot without reading the texts first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from palate.data.cases import Split
from palate.data.catalogue import Catalogue
from palate.data.questions import Questions
from palate.recommenders.interactions import item_counts
from palate.recommenders.net import NetRecommender
from palate.recommenders.pupils import Pupil, sequence_pupil
from palate.recommenders.sequential import SequentialRecommender
from palate.recommenders.updates import Answers, RanksNext, Weights, grown
from palate.training.context import FitContext
from palate.training.fit import Learned, Validation, fit
from palate.training.next_item import AskedWindows, asked_positions
from palate.training.parameters import trained_tensors
from palate.training.proximal import Near, ProximalNet

CHUNK = 512  # histories scored at a time


class ItemTableRecommender(NetRecommender):
    """What an ``Updates`` with a table of items does whatever it predicts."""

    n_items: int
    _popularity: np.ndarray

    @abstractmethod
    def _place(self, catalogue: Catalogue) -> None:
        """Have an untrained net for a catalogue."""

    def begin(self, catalogue: Catalogue, seed: int) -> None:
        """An untrained net."""
        torch.manual_seed(seed)
        self._place(catalogue)
        self._popularity = np.zeros(self.n_items, dtype=np.float32)

    def refresh(self, split: Split, context: FitContext) -> None:
        """Count how popular items are, for people without a history."""
        self._popularity = item_counts(split.train.sequences(), self.n_items)

    def weights(self) -> Weights:
        """The net's."""
        return trained_tensors(self.net)

    def take(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Have these weights; items that they do not know keep those they began with."""
        self._restore(grown(self.weights(), weights, self.net))


class ItemSequenceRecommender(RanksNext, SequentialRecommender, ItemTableRecommender):
    """A sequential recommender of ids: it goes on learning next items, and can be taught."""

    config: Any

    def learn(
        self,
        train: Questions,
        validation: Questions,
        context: FitContext,
        near: Near | None = None,
    ) -> Learned:
        """Learn the events of *train*, each once per epoch, after the events before it."""
        asked = train.next_items()
        self.learned = fit(
            self.net if near is None else ProximalNet(self.net, near),
            AskedWindows(asked.sequences, asked.places, self.config.length),
            asked_positions(self.n_items),
            self.config,
            Validation(validation.next_items().cases(), self.score),
            context,
            self.groups() if near is None else None,
        )
        return self.learned

    def predict(self, questions: Questions) -> Answers:
        """[n, i] probability of each item to come next."""
        histories = questions.cases().histories
        found = [np.empty((0, self.n_items), dtype=np.float32)]
        for start in range(0, len(histories), CHUNK):
            part = np.arange(start, min(start + CHUNK, len(histories)))
            scores = torch.from_numpy(self.score(histories.take(part)))
            found.append(scores.softmax(-1).numpy())
        answers: Answers = np.concatenate(found).astype(np.float32)
        return answers

    def pupil(self, split: Split, context: FitContext) -> Pupil:
        """See :class:`~palate.recommenders.pupils.Distils`."""
        sequences = self._untrained(split, context)
        return sequence_pupil(self.net, sequences, self.config.length, self.groups())
