"""What SASRec, GRU4Rec, Caser and the language-model recommenders share: fit, score, save.

Legend: b batch, l length, d width, i catalogue size.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import nn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.recommenders.base import FitContext, Scores
from palate.recommenders.factors import singular_vectors
from palate.recommenders.interactions import check_indices, item_counts
from palate.recommenders.net import NetRecommender
from palate.training.config import TrainingConfig
from palate.training.fit import Learned, Validation, fit, trained_tensors
from palate.training.next_item import (
    Windows,
    all_positions,
    dot_product_loss,
    one_negative_loss,
    softmax_loss,
)


class SequenceConfig(TrainingConfig):
    """The size of a model that reads a sequence of items, whatever it is trained for."""

    length: int = Field(50, ge=1)
    """Events of a history that the model reads, newest last."""
    width: int = Field(64, ge=1)
    """Width of item vectors and hidden states."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Dropout on item vectors and inside the blocks."""
    device: str = "auto"
    """Where to run: auto, cpu, cuda, cuda:1 …"""


class SequentialConfig(SequenceConfig):
    """Settings shared by all models that learn which item comes next in a sequence."""

    loss: Literal["softmax", "one-negative"] = "softmax"
    """softmax: cross-entropy over the whole catalogue. one-negative: the binary loss of the
    original papers with one sampled negative, kept for comparison."""
    initial_items: Literal["random", "svd"] = "random"
    """Item vectors that training starts from. svd: from the singular value decomposition of who
    touched what, in training."""


INFORMED = 0.05  # standard deviation of item vectors that start from data


def informed_vectors(sequences: Histories, n_items: int, width: int) -> torch.Tensor:
    """[i, w] singular vectors of who touched what, at the size that nets start well from."""
    return INFORMED * torch.from_numpy(singular_vectors(sequences, n_items, width))


class SequenceNet(nn.Module):
    """Item indices in, hidden states out; subclasses give :meth:`states`."""

    loss_name = "softmax"

    def states(self, items: torch.Tensor) -> torch.Tensor:
        """[b, l] item indices -> [b, l, d] hidden states, causal."""
        raise TypeError(f"{type(self).__name__} gives no states")

    def newest(self, items: torch.Tensor) -> torch.Tensor:
        """[b, l] item indices -> [b, d] the states after the newest events alone."""
        return self.states(items)[:, -1]

    def item_vectors(self) -> torch.Tensor:
        """[i, d] vectors that states are compared with."""
        raise TypeError(f"{type(self).__name__} gives no item vectors")

    def head(self, states: torch.Tensor) -> torch.Tensor:
        """[n, d] -> [n, i] scores."""
        return states @ self.item_vectors().T

    def start_from(self, sequences: Histories) -> None:
        """Begin with item vectors that the training sequences suggest."""
        raise ConfigError(f"{type(self).__name__} cannot start from svd; initial_items=random does")

    def forward(self, items: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss over every labelled position."""
        return {"loss": self.loss(self.states(items), labels)}

    def loss(self, states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean over the labelled positions of states [b, l, d] and labels [b, l]."""
        if self.loss_name == "one-negative":
            return one_negative_loss(states, labels, self.item_vectors())
        if type(self).head is SequenceNet.head:
            return dot_product_loss(states, labels, self.item_vectors())
        return softmax_loss(states, labels, self.head)


class SequentialRecommender(NetRecommender):
    """A recommender around a :class:`SequenceNet`.

    An empty history gets the popularity ranking: nets are never trained to read nothing.
    """

    net: SequenceNet
    learned: Learned | None = None

    @abstractmethod
    def build(self, catalogue: Catalogue) -> SequenceNet:
        """The untrained network for a catalogue."""

    def groups(self) -> list[dict[str, Any]] | None:
        """Optimizer parameter groups; None for one learning rate."""
        return None

    def _place(self, catalogue: Catalogue) -> None:
        self.n_items = len(catalogue)
        self.net = self.build(catalogue).to(device_of(self.config.device))
        self.net.loss_name = self.config.loss

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        sequences = self._untrained(split, context)
        self.learned = fit(
            self.net,
            Windows(sequences, self.config.length),
            all_positions(self.n_items),
            self.config,
            Validation(split.validation, self.score),
            context,
            self.groups(),
        )
        return self

    def _untrained(self, split: Split, context: FitContext) -> Histories:
        """Be untrained, and count how popular items are; the sequences to learn from."""
        torch.manual_seed(context.seed)
        self._place(split.catalogue)
        sequences = split.train.sequences()
        self._popularity = item_counts(sequences, self.n_items)
        if self.config.initial_items == "svd":
            self.net.start_from(sequences)
        return sequences

    @torch.inference_mode()
    def score(self, histories: Histories) -> Scores:
        scores: Scores = self.net.head(self._last_states(histories)).float().cpu().numpy()
        scores[histories.lengths == 0] = self._popularity
        return scores

    def _last_states(self, histories: Histories) -> torch.Tensor:
        """[n, d] the state after the newest event of each history."""
        check_indices(histories, self.n_items)
        if self.net.training:  # to walk through a small net takes as long as a layer of it
            self.net.eval()
        device = next(self.net.parameters()).device
        items = torch.from_numpy(histories.padded(self.config.length, self.n_items))
        return self.net.newest(items.to(device))

    @torch.no_grad()
    def representations(self, histories: Histories) -> Scores:
        """See :class:`~palate.recommenders.base.Represents`.

        Raises:
            ConfigError: the net scores by more than a product with the items' vectors.
        """
        if type(self.net).head is not SequenceNet.head:
            raise ConfigError(
                f"{self.name} scores by more than a product of two vectors, so it represents "
                "neither histories nor items by one"
            )
        states: Scores = self._last_states(histories).float().cpu().numpy()
        return states

    @torch.no_grad()
    def item_representations(self) -> Scores:
        """See :class:`~palate.recommenders.base.Represents`."""
        self.net.eval()
        vectors: Scores = self.net.item_vectors().float().cpu().numpy()
        return vectors

    def state(self) -> dict[str, torch.Tensor]:
        return trained_tensors(self.net) | {"popularity": torch.from_numpy(self._popularity)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._place(catalogue)
        self._popularity = state["popularity"].numpy()
        self._restore(state)


def device_of(name: str) -> torch.device:
    """The torch device for a setting; auto takes the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
