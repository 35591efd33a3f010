"""Alignment of a Q-Former: items' query tokens learn what texts, other items and users say.

ILM's first phase (Yang et al., "Item-Language Model for Conversational Recommendation",
arXiv:2406.02844): BLIP-2's three losses of item and text (Li et al., ICML 2023) and, as a setting
names them, contrast of items that one person touched one after the other, and of people with what
they touched. All have weight 1. People are special items: their vectors pass the same Q-Former.

One epoch shows each item of the training events once, with its text, an item that stood next to
it, and a person who touched it, both drawn anew each time. Items without events are left out:
their behaviour vectors say nothing that a text could be aligned with.

Legend: n examples of the batch, c width of a behaviour vector, k query tokens, w their width,
l text length, i items, u users.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from scipy import sparse
from torch import nn
from torch.utils.data import Dataset

from palate.data.cases import Histories
from palate.language.backbone import Backbone
from palate.language.qformer import QFormer, TextSide
from palate.training.alignment import (
    IGNORED,
    both_ways,
    contrast,
    generation,
    hard_negatives,
    item_text_similarity,
    matching,
    token_similarity,
)
from palate.training.config import TrainingConfig

Alignment = Literal["none", "it", "it+ii", "it+ui", "it+ii+ui"]


class AlignmentConfig(TrainingConfig):
    """Settings of the alignment."""

    max_tokens: int = Field(32, ge=1)
    """Tokens of an item's text that are read."""
    compared: int = Field(64, ge=1)
    """Width in which items and texts are compared."""
    temperature: float = Field(0.07, gt=0)
    """Of the contrast of item and text, where learning starts."""
    item_temperature: float = Field(0.05, gt=0)
    """Of the contrast of items, fixed."""
    user_temperature: float = Field(0.07, gt=0)
    """Of the contrast of users and items, fixed."""
    epochs: int = Field(20, ge=1)
    """Passes over the items; all are run, for there is no ranking yet to stop by."""
    batch_size: int = Field(64, ge=1)
    """Items per step, each the others' negative."""
    weight_decay: float = Field(1e-3, ge=0)
    warmup: float = Field(0.05, ge=0, lt=1)
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = "linear"


class NumberedTexts:
    """Texts in the tokens that occur in them, numbered as :class:`TextSide` wants them.

    Attributes:
        ids: tokens of each text, the mark first and the end last.
        table: [v - 3, h] the language model's vectors of the tokens that occur.
        length: of the longest.
    """

    def __init__(self, backbone: Backbone, texts: Sequence[str], max_tokens: int) -> None:
        tokens = [ids[:max_tokens] for ids in backbone.tokenizer.encode(texts)]
        known = sorted({token for ids in tokens for token in ids})
        numbers = {token: TextSide.FIRST + place for place, token in enumerate(known)}
        self.ids = [
            [TextSide.CLS, *(numbers[token] for token in ids), TextSide.END] for ids in tokens
        ]
        self.length = max(map(len, self.ids))
        with torch.no_grad():
            wanted = torch.tensor(known, dtype=torch.long, device=backbone.device)
            self.table = backbone.embed_tokens(wanted).float()


def neighbours(sequences: Histories, n_items: int) -> sparse.csr_array:
    """[i, i] True where one item came right after the other in a sequence, in either order."""
    items = sequences.items
    inside = np.ones(len(items), dtype=bool)
    inside[sequences.offsets[1:][sequences.lengths > 0] - 1] = False  # nothing comes after these
    first = np.flatnonzero(inside)
    a, b = items[first], items[first + 1]
    a, b = a[a != b], b[a != b]
    return _table(np.concatenate([a, b]), np.concatenate([b, a]), (n_items, n_items))


def audiences(sequences: Histories, n_items: int) -> sparse.csr_array:
    """[i, u] True where a sequence holds an item."""
    return _table(sequences.items, sequences.rows(), (n_items, len(sequences)))


def _table(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], shape: tuple[int, int]
) -> sparse.csr_array:
    table = sparse.csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=shape)
    table.sum_duplicates()
    return table


class AlignmentExamples(Dataset):
    """The items of the training events, one example each."""

    def __init__(self, sequences: Histories, texts: NumberedTexts) -> None:
        """
        Args:
            sequences: of training, and nothing else: pairs are made from them.
            texts: [i] of the catalogue.
        """
        self.texts = texts
        self.near = neighbours(sequences, len(texts.ids))
        self.audience = audiences(sequences, len(texts.ids))
        self.items = np.unique(sequences.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> int:
        return int(self.items[index])

    def collate(self, batch: list[int]) -> dict[str, torch.Tensor]:
        """A batch for :class:`AlignmentNet`.

        Returns:
            ``items`` [n]; ``ids`` and ``mask`` [n, l] of the texts; ``same`` [n, n] True for equal
            texts; ``others`` [n] an item that stood next to each, -1 where there is none, and
            ``near`` [n, n] True where the columns' other goes with the row's item as well;
            ``users`` [n] who touched each, and ``theirs`` [n, n] True where the row's user
            touched the column's item.
        """
        items = np.array(batch)
        texts = [self.texts.ids[item] for item in batch]
        length = max(map(len, texts))
        ids = torch.zeros(len(batch), length, dtype=torch.long)
        mask = torch.zeros(len(batch), length, dtype=torch.bool)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = True
        others, users = drawn(self.near, items), drawn(self.audience, items)
        near = self.near[items][:, others].toarray()
        near |= items[:, None] == others
        theirs = self.audience[items][:, users].toarray().T
        return {
            "items": torch.from_numpy(items),
            "ids": ids,
            "mask": mask,
            "same": (ids[:, None] == ids).all(-1),
            "others": torch.from_numpy(others),
            "near": torch.from_numpy(near),
            "users": torch.from_numpy(users),
            "theirs": torch.from_numpy(theirs),
        }


def drawn(table: sparse.csr_array, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """[n] a column of each row's, drawn by torch's generator; -1 for a row that has none."""
    starts, counts = table.indptr[rows], np.diff(table.indptr)[rows]
    places = starts + (torch.rand(len(rows)).numpy() * counts).astype(np.int64)
    found = np.full(len(rows), -1, dtype=np.int64)
    found[counts > 0] = table.indices[places[counts > 0]]
    return found


class AlignmentNet(nn.Module):
    """A Q-Former with the text side and the heads that alignment needs."""

    items: torch.Tensor
    users: torch.Tensor

    def __init__(
        self,
        qformer: QFormer,
        side: TextSide,
        items: torch.Tensor,
        users: torch.Tensor,
        alignment: Alignment,
        config: AlignmentConfig,
    ) -> None:
        """
        Args:
            items: [i, c] behaviour vectors of items.
            users: [u, c] and of users.
        """
        super().__init__()
        width = qformer.config.width
        self.qformer, self.side, self.settings = qformer, side, config
        self.losses = alignment.split("+")
        self.item_head = nn.Linear(width, config.compared)
        self.text_head = nn.Linear(width, config.compared)
        self.match_head = nn.Linear(width, 2)
        self.log_temperature = nn.Parameter(torch.tensor(config.temperature).log())
        self.register_buffer("items", items, persistent=False)
        self.register_buffer("users", users, persistent=False)

    def forward(
        self,
        items: torch.Tensor,
        ids: torch.Tensor,
        mask: torch.Tensor,
        same: torch.Tensor,
        others: torch.Tensor,
        near: torch.Tensor,
        users: torch.Tensor,
        theirs: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """The sum of the losses, and each by its name; see :meth:`AlignmentExamples.collate`."""
        vectors = self.items[items]
        tokens, states = self.qformer.read(vectors, self.side, ids, mask, "apart")
        similarity = item_text_similarity(self.item_head(tokens), self.text_head(states[:, 0]))
        temperature = self.log_temperature.exp().clamp(0.01, 0.5)
        losses = {
            "itc": both_ways(similarity, temperature, same),
            "itg": self._generation(vectors, ids, mask),
            "itm": self._matching(vectors, ids, mask, similarity / temperature, same),
        }
        if "ii" in self.losses:
            rows = (others >= 0).nonzero().squeeze(1)
            second = self.qformer(self.items[others[rows]])
            losses["ii"] = contrast(
                token_similarity(tokens[rows], second),
                self.settings.item_temperature,
                near[rows][:, rows],
            )
        if "ui" in self.losses:
            losses["ui"] = contrast(
                token_similarity(self.qformer(self.users[users]), tokens),
                self.settings.user_temperature,
                theirs,
            )
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def _generation(
        self, vectors: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        asked = ids.clone()
        asked[:, 0] = TextSide.DEC
        _, states = self.qformer.read(vectors, self.side, asked, mask, "causal")
        return generation(self.side.predict(states), ids.masked_fill(~mask, IGNORED))

    def _matching(
        self,
        vectors: torch.Tensor,
        ids: torch.Tensor,
        mask: torch.Tensor,
        logits: torch.Tensor,
        same: torch.Tensor,
    ) -> torch.Tensor:
        """ITM: each true pair, each item with a text of another, each text with another item."""
        item_rows, wrong_texts = hard_negatives(logits, 1.0, same)
        text_rows, wrong_items = hard_negatives(logits.T, 1.0, same)
        everything = torch.arange(len(ids), device=ids.device)
        whose = torch.cat([everything, item_rows, wrong_items])
        which = torch.cat([everything, wrong_texts, text_rows])
        tokens, _ = self.qformer.read(
            vectors[whose], self.side, ids[which], mask[which], "together"
        )
        matches = (torch.arange(len(whose), device=ids.device) < len(ids)).long()
        return matching(self.match_head(tokens), matches)
