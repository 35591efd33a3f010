"""Losses of pre-training on sequences of several domains at once, and the batches for them.

Hou et al., "Towards Universal Sequence Representation Learning for Recommender Systems" (UniSRec),
KDD 2022, arXiv:2206.05941, section 2.3: contrast of a sequence with the item that came next, and of
a sequence with a view of it from which items were dropped. Negatives are what else is in the batch,
of whatever domain. What is no negative is left out of the denominator (a logit of minus infinity):
an item of the same sequence, and a sequence that the same item follows.

Legend: b sequences of the batch, l length, d width, n labelled positions, u distinct next items.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from palate.training.alignment import NEVER, contrast
from palate.training.next_item import IGNORED, all_positions


class Views:
    """Collation of windows: every position a target, and each sequence again with items dropped.

    Beside what :func:`~palate.training.next_item.all_positions` gives, ``view`` [b, l]: the inputs
    without those that chance dropped, never all of them. Chance is torch's generator.
    """

    def __init__(self, pad: int, drop: float) -> None:
        """
        Args:
            drop: share of the inputs that are dropped.
        """
        self.pad, self.drop = pad, drop
        self._positions = all_positions(pad)

    def __call__(self, windows: list[np.ndarray]) -> dict[str, torch.Tensor]:
        batch = self._positions(windows)
        items = batch["items"]
        kept = (torch.rand(items.shape) >= self.drop) & (items != self.pad)
        kept[:, -1] |= ~kept.any(1)  # inputs are padded on the left: the last is real
        # Sorting moves what was dropped to the left, where padding is.
        order = kept.to(torch.uint8).sort(dim=1, stable=True).indices
        return batch | {"view": items.masked_fill(~kept, self.pad).gather(1, order)}


class MultiDomainNet(nn.Module):
    """A model of sequences with the losses of its pre-training."""

    def __init__(
        self,
        net: nn.Module,
        states: Callable[[torch.Tensor], torch.Tensor],
        vectors: Callable[[torch.Tensor], torch.Tensor],
        pad: int,
        temperature: float,
        view_weight: float,
    ) -> None:
        """
        Args:
            states: of *net*, [b, l] item indices -> [b, l, d] of length 1.
            vectors: of *net*, [u] item indices -> [u, d] of length 1.
            pad: item index of padding.
            view_weight: of the contrast of sequences; that of sequence and item weighs 1.
        """
        super().__init__()
        self.net, self.pad = net, pad
        self._states, self._vectors = states, vectors
        self.temperature, self.view_weight = temperature, view_weight

    def forward(
        self, items: torch.Tensor, labels: torch.Tensor, view: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The weighted sum of both, and each by its name; see :class:`Views`."""
        states = self._states(items)
        following = sequence_item_contrast(
            states, items, labels, self._vectors, self.temperature, self.pad
        )
        losses = {"loss": following, "sequence_item": following}
        if self.view_weight:
            last = labels[:, -1]
            similarity = states[:, -1] @ self._states(view)[:, -1].T
            same = last[:, None] == last
            losses["sequence_sequence"] = contrast(similarity, self.temperature, same)
            losses["loss"] = following + self.view_weight * losses["sequence_sequence"]
        return losses


def sequence_item_contrast(
    states: torch.Tensor,
    items: torch.Tensor,
    labels: torch.Tensor,
    vectors: Callable[[torch.Tensor], torch.Tensor],
    temperature: float,
    pad: int,
) -> torch.Tensor:
    """InfoNCE of each state with the item that came next, among all next items of the batch.

    Each of these stands in the denominator once, however often it is a label, and not at all where
    the state's own sequence holds it.

    Args:
        states: [b, l, d] of length 1.
        items: [b, l] what was read, *pad* where nothing was.
        labels: [b, l] next item, ``IGNORED`` where there is none.
        vectors: [u] item indices -> [u, d] of length 1.
    """
    known = labels != IGNORED
    distinct, which = labels[known].unique(return_inverse=True)  # [u], [n]
    logits = states[known] @ vectors(distinct).T / temperature  # [n, u]
    barred = _held(torch.cat([items, labels.masked_fill(~known, pad)], 1), distinct, pad)
    barred = barred[known.nonzero()[:, 0]]  # [n, u]
    barred[torch.arange(len(which), device=which.device), which] = False
    return F.cross_entropy(logits.masked_fill(barred, NEVER), which)


def _held(sequences: torch.Tensor, distinct: torch.Tensor, pad: int) -> torch.Tensor:
    """[b, u] True where a sequence [b, m] holds the item."""
    column = torch.full((pad + 1,), len(distinct), device=distinct.device)
    column[distinct] = torch.arange(len(distinct), device=distinct.device)
    held = torch.zeros(
        len(sequences), len(distinct) + 1, dtype=torch.bool, device=distinct.device
    )  # the last column is for all that is no label in this batch
    return held.scatter_(1, column[sequences], True)[:, :-1]
