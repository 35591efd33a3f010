"""What Recformer learns before it ranks: which item comes next, and how attributes read.

Li et al., arXiv:2305.13731, section 2.3: contrast of a sequence with its next item, whose negatives
are the next items of the batch, and language. What is no negative (the same item, and items of the
row's own history) is left out of the denominator.

Legend: b sequences of the batch, l tokens, h hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from palate.recommenders.recformer_net import VALUE, Batch, Reader, RecformerNet
from palate.training.alignment import contrast

ITEM = "item_"


class NextItems:
    """Collation: sequences, their next items as sequences of one, and which pairs belong together.

    Names of the items' tensors begin with ``item_``; ``labels`` [b] are the items, ``known`` [b, b]
    is True where the row's history holds the column's item or both have the same next item.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def __call__(self, batch: Sequence[tuple[list[int], int]]) -> Batch:
        labels = torch.tensor([target for _, target in batch])
        known = [torch.isin(labels, torch.tensor([*past, target])) for past, target in batch]
        items = self.reader.batch([[target] for _, target in batch])
        return (
            self.reader.batch([history for history, _ in batch])
            | {ITEM + name: value for name, value in items.items()}
            | {"labels": labels, "known": torch.stack(known)}
        )


class RecformerPretrainer(nn.Module):
    """A net with the losses of its pre-training."""

    def __init__(self, net: RecformerNet, language_weight: float, language_share: float) -> None:
        """
        Args:
            language_share: of the tokens that are predicted.
        """
        super().__init__()
        self.net = net
        self.language_weight, self.language_share = language_weight, language_share

    def forward(
        self, labels: torch.Tensor, known: torch.Tensor, **batch: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The weighted sum of both, and each by its name; see :class:`NextItems`."""
        sequences = {name: value for name, value in batch.items() if not name.startswith(ITEM)}
        items = {n.removeprefix(ITEM): v for n, v in batch.items() if n.startswith(ITEM)}
        states = self.net.states(**sequences)
        found = self.net.direction(states)
        with torch.autocast(found.device.type, enabled=False):
            cosines = found @ self.net.directions(**items).T
            following = contrast(cosines, self.net.temperature, known)
        losses = {"loss": following, "sequence_item": following}
        if self.language_weight:
            losses["language"] = self.language(states, sequences["ids"], sequences["kinds"])
            losses["loss"] = following + self.language_weight * losses["language"]
        return losses

    def language(
        self, states: torch.Tensor, ids: torch.Tensor, kinds: torch.Tensor
    ) -> torch.Tensor:
        """Mean cross-entropy of values' tokens, a share of them, each given what stands before it;
        zero where chance drew none.

        Args:
            states: [b, l, h].
            ids, kinds: [b, l] as :meth:`Reader.batch` gives them.
        """
        drawn = torch.rand(ids[:, 1:].shape, device=ids.device) < self.language_share
        drawn &= kinds[:, 1:] == VALUE
        if not drawn.any():
            return states.sum() * 0
        head = self.net.backbone.model.get_output_embeddings()
        scores = head(states[:, :-1][drawn].to(head.weight.dtype)).float()
        return F.cross_entropy(scores, ids[:, 1:][drawn])
