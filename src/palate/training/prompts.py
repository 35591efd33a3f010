"""Training from prompts: a language model learns to answer.

Prompts of like length share a batch, so that little is padded, and the head runs only where
answers are.

Legend: b batch, l length, s slots, w vectors per slot, h hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from palate.language.backbone import Backbone
from palate.language.collate import Batch, Encoded, collate, encode, splice
from palate.language.prompts import Prompt


class PromptExamples(Dataset):
    """Prompts with answers, in tokens.

    Attributes:
        lengths: [n] tokens of each, answer included.
    """

    def __init__(self, backbone: Backbone, prompts: Sequence[Prompt], whole: bool = False) -> None:
        """
        Args:
            whole: learn the prompts too, not only their answers.
        """
        self.encoded = encode(prompts, backbone.tokenizer)
        if whole:
            for one in self.encoded:
                one.answer = 1  # the first token follows nothing
        self.lengths = np.array([len(one.ids) for one in self.encoded])
        self.collate: Callable[[list[Encoded]], Batch] = partial(
            collate, pad_id=backbone.tokenizer.pad_id
        )

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> Encoded:
        return self.encoded[index]


class PromptNet(nn.Module):
    """A language model, and what makes vectors for the slots of its prompts.

    Attributes:
        bridge: [s] indices of slots -> [s, h] or [s, w, h] vectors; None where prompts are text.
    """

    def __init__(self, backbone: Backbone, bridge: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.bridge = bridge

    def train(self, mode: bool = True) -> Self:
        """On CPUs, prompts are learned with attention written out.

        At the lengths that prompts have, its backward pass is the faster one there; see
        ``benchmarks/prompt_training.py``.
        """
        if self.backbone.device.type == "cpu":
            self.backbone.attend("eager" if mode else "sdpa")
        return super().train(mode)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        labels: torch.Tensor,
        slot_mask: torch.Tensor,
        slots: torch.Tensor,
    ) -> dict[str, Any]:
        """Mean cross-entropy of the answers' tokens."""
        vectors = self.bridge(slots) if self.bridge is not None and len(slots) else None
        embeds = splice(self.backbone, input_ids, slot_mask, vectors)
        loss = self.backbone.answer_loss(embeds, attention_mask, position_ids, labels)
        return {"loss": loss}
