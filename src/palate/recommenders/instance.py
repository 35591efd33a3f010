"""What FM, DeepFM and LightGCN share: they score a candidate for a history read as a whole.

Legend: b batch, l length, c candidates, d width, i catalogue size.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.recommenders.base import FitContext, Scores
from palate.recommenders.interactions import check_indices, item_counts
from palate.recommenders.net import NetRecommender
from palate.recommenders.pupils import Pupil, instance_pupil
from palate.recommenders.sequential import device_of
from palate.training.config import TrainingConfig
from palate.training.fit import Learned, Validation, fit, trained_tensors
from palate.training.instances import Instances, negatives

USERS = 256  # scored at a time
Loss = Literal["softmax", "sampled-softmax", "binary", "bpr"]


class InstanceConfig(TrainingConfig):
    """Settings shared by all models that learn from one event at a time."""

    length: int = Field(50, ge=1)
    """Events of a history that the model reads, newest last."""
    width: int = Field(64, ge=1)
    """Length of the vector of an item or another feature."""
    batch_size: int = Field(1024, ge=1)
    """Events to predict per optimizer step and process, before gradient accumulation."""
    loss: Loss = "softmax"
    """softmax: cross-entropy over the whole catalogue. The others set the event's item against
    sampled ones: by cross-entropy among them, by a logistic loss on each, or pair by pair."""
    negatives: int = Field(4, ge=1)
    """Items that a sampled loss sets against each positive, drawn uniformly."""
    device: str = "auto"
    """Where to run: auto, cpu, cuda, cuda:1 …"""


class InstanceNet(nn.Module):
    """Scores candidates for histories; subclasses give :meth:`logits`.

    Attributes:
        pad: index that fills up short histories; the size of the catalogue.
        loss_name: as :class:`InstanceConfig` has it.
        negatives: sampled for each positive.
    """

    loss_name = "softmax"
    negatives = 1

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.pad = n_items

    def logits(self, batch: dict[str, torch.Tensor], candidates: torch.Tensor) -> torch.Tensor:
        """[b, c] scores of candidates for each history of a batch of ``Instances``.

        In evaluation mode, the columns of what the recommender's ``score`` gives, but for items
        that training never saw, which rank last there.

        Args:
            batch: of it, ``items`` [b, l] alone is read, padded anywhere.
            candidates: item indices, [c] the same for all or [b, c] for each its own.
        """
        raise TypeError(f"{type(self).__name__} scores no candidates")

    def softmax(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropy over the whole catalogue, averaged over the batch."""
        everything = torch.arange(self.pad, device=batch["items"].device)
        return F.cross_entropy(self.logits(batch, everything).float(), batch["positives"])

    def forward(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss, averaged over the batch."""
        if self.loss_name == "softmax":
            return {"loss": self.softmax(batch)}
        positives = batch["positives"]
        drawn = negatives(positives, self.pad, self.negatives)
        scores = self.logits(batch, torch.cat([positives[:, None], drawn], 1)).float()
        return {"loss": SAMPLED[self.loss_name](scores[:, :1], scores[:, 1:])}


SAMPLED: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "sampled-softmax": lambda up, down: (torch.cat([up, down], 1).logsumexp(1) - up[:, 0]).mean(),
    "binary": lambda up, down: F.softplus(-up).mean() + F.softplus(down).sum(1).mean(),
    "bpr": lambda up, down: F.softplus(down - up).mean(),
}
"""Losses by the scores of the positives [b, 1] and of the sampled [b, m]."""


class InstanceRecommender(NetRecommender):
    """A recommender around an :class:`InstanceNet`.

    Events about items that training never saw are passed over. A history without others gets the
    popularity ranking, and such items rank last for everyone.
    """

    net: InstanceNet
    learned: Learned | None = None

    @abstractmethod
    def build(self, catalogue: Catalogue, sequences: Histories) -> InstanceNet:
        """The untrained network for a catalogue and training sequences."""

    def _place(self, catalogue: Catalogue, sequences: Histories) -> None:
        self.n_items = len(catalogue)
        self.net = self.build(catalogue, sequences).to(device_of(self.config.device))
        self.net.loss_name, self.net.negatives = self.config.loss, self.config.negatives

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        data = self._untrained(split, context)
        validation = Validation(split.validation, self.score)
        self.learned = fit(self.net, data, data.collate, self.config, validation, context)
        return self

    def _untrained(self, split: Split, context: FitContext) -> Instances:
        """Be untrained, and count how popular items are; the events to learn from."""
        torch.manual_seed(context.seed)
        sequences = split.train.sequences()
        self._place(split.catalogue, sequences)
        self._popularity = item_counts(sequences, self.n_items)
        return Instances(sequences, self.config.length, self.n_items)

    def pupil(self, split: Split, context: FitContext) -> Pupil:
        """See :class:`~palate.recommenders.pupils.Distils`."""
        data = self._untrained(split, context)
        return instance_pupil(self.net, data)

    @torch.no_grad()
    def score(self, histories: Histories) -> Scores:
        check_indices(histories, self.n_items)
        if self.net.training:
            self.net.eval()
        device = next(self.net.parameters()).device
        known = self._popularity > 0
        read = only(histories, known)
        items = torch.from_numpy(read.padded(self.config.length, self.n_items)).to(device)
        everything = torch.arange(self.n_items, device=device)
        parts = [self.net.logits({"items": part}, everything) for part in items.split(USERS)]
        scores: Scores = torch.cat(parts).float().cpu().numpy()
        if not known.all():
            scores[:, ~known] = scores.min(axis=1, keepdims=True) - 1
        scores[read.lengths == 0] = self._popularity
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        return trained_tensors(self.net) | {"popularity": torch.from_numpy(self._popularity)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._place(catalogue, self._sequences(state))
        self._popularity = state["popularity"].numpy()
        self._restore(state)

    def _sequences(self, state: dict[str, torch.Tensor]) -> Histories:
        """The training sequences, where :meth:`state` keeps them; else none."""
        return Histories.of([])


def only(histories: Histories, kept: np.ndarray) -> Histories:
    """The histories without the events about items for which *kept* [i] is False."""
    stays = kept[histories.items]
    before = np.concatenate([[0], np.cumsum(stays)])
    return Histories(histories.items[stays], before[histories.offsets], histories.users)


def dot(users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """[b, c] products of users [b, d] with items, [c, d] the same for all or [b, c, d]."""
    return (users[:, None] @ items.mT).squeeze(1)
