"""Recformer's net: items as flattened attributes, sequences of them in a language model.

Legend: b sequences, l tokens, h hidden size of the language model, i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import polars as pl
import torch
import torch.nn.functional as F
from torch import nn

from palate.data.catalogue import TEXTS, Catalogue
from palate.errors import DataError
from palate.language.backbone import Backbone
from palate.language.embeddings import batches
from palate.language.tokenizer import Tokenizer
from palate.training.next_item import dot_product_loss

FRAME, KEY, VALUE = 0, 1, 2
"""Types of token: what stands around items, names of attributes, and what they say."""

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Flat:
    """Tokens with their types.

    Attributes:
        ids: tokens.
        kinds: the type of each.
    """

    ids: list[int]
    kinds: list[int]


def flatten(
    catalogue: Catalogue, columns: Sequence[str] | None, tokenizer: Tokenizer, max_tokens: int
) -> list[Flat]:
    """[i] each item as ``title: … genres: …``, keys and values, cut to *max_tokens*.

    Args:
        columns: after the title; None takes those of genres, categories and text that there are.

    Raises:
        DataError: there is no such column.
    """
    frame = catalogue.frame
    if columns is None:
        columns = [name for name in TEXTS if name in frame.columns]
    if missing := [name for name in columns if name not in frame.columns]:
        raise DataError(f"catalogue has no column {missing}; it has {frame.columns}")
    items = [Flat([], []) for _ in range(len(catalogue))]
    for number, name in enumerate(("title", *columns)):
        (key,) = tokenizer.encode([f"{' ' if number else ''}{name}:"], continues=number > 0)
        values = _words(frame[name])
        told = tokenizer.encode([f" {value}" for value in values], continues=True)
        for item, value, ids in zip(items, values, told, strict=True):
            if value:
                item.ids.extend(key + ids)
                item.kinds.extend([KEY] * len(key) + [VALUE] * len(ids))
    return [Flat(item.ids[:max_tokens], item.kinds[:max_tokens]) for item in items]


def _words(column: pl.Series) -> list[str]:
    if column.dtype == pl.List:
        column = column.cast(pl.List(pl.String)).list.join(", ")
    return column.cast(pl.String).fill_null("").to_list()


class Reader:
    """Sequences of items to batches of tokens.

    The newest item comes first, as in the paper (section 2.2); a closing token comes last, because
    a causal model's last state is the one that has read all.
    """

    def __init__(self, items: Sequence[Flat], tokenizer: Tokenizer, length: int) -> None:
        """
        Args:
            items: [i] of the catalogue.
            length: items of a sequence that are read, its newest.
        """
        self.items, self.length, self.pad_id = items, length, tokenizer.pad_id
        self.before = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
        self.after = tokenizer.pad_id if tokenizer.eos_id is None else tokenizer.eos_id

    def tokens(self, sequence: Sequence[int]) -> int:
        """How many tokens a sequence has."""
        read = sequence[max(len(sequence) - self.length, 0) :]
        return len(self.before) + sum(len(self.items[item].ids) for item in read) + 1

    def batch(self, sequences: Sequence[Sequence[int]]) -> Batch:
        """``ids``, ``kinds`` and ``places`` (0 around items, 1 for the newest), ``mask``: [b, l],
        padded on the left."""
        length = max(map(self.tokens, sequences))
        shape = len(sequences), length
        ids = torch.full(shape, self.pad_id)
        kinds, places, mask = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
        for row, sequence in enumerate(sequences):
            read = [self.items[item] for item in reversed(sequence[-self.length :])]
            start = length - self.tokens(sequence)
            mask[row, start:] = 1
            flat = [*self.before, *(id_ for one in read for id_ in one.ids), self.after]
            ids[row, start:] = torch.tensor(flat)
            inside = slice(start + len(self.before), length - 1)
            kinds[row, inside] = torch.tensor(
                [kind for one in read for kind in one.kinds], dtype=torch.long
            )
            places[row, inside] = torch.tensor(
                [place for place, one in enumerate(read, 1) for _ in one.ids], dtype=torch.long
            )
        return {"ids": ids, "kinds": kinds, "places": places, "mask": mask}


class RecformerNet(nn.Module):
    """A language model that reads items, and the table of what it made of each.

    Attributes:
        reader: sequences to tokens.
    """

    def __init__(
        self, backbone: Backbone, reader: Reader, temperature: float, batch_tokens: int
    ) -> None:
        super().__init__()
        hidden = backbone.hidden_size
        self.backbone, self.reader = backbone, reader
        self.temperature, self.batch_tokens = temperature, batch_tokens
        self.kinds = nn.Embedding(3, hidden)
        self.places = nn.Embedding(reader.length + 1, hidden)
        for fresh in (self.kinds, self.places):
            nn.init.zeros_(fresh.weight)  # the language model begins as it came
        self.shift = nn.Parameter(torch.zeros(hidden))
        self.scale = nn.Parameter(torch.ones(hidden))
        self.table: torch.Tensor | None = None

    def train(self, mode: bool = True) -> Self:
        """On CPUs, learned with attention written out, whose backward pass is the faster there."""
        if self.backbone.device.type == "cpu":
            self.backbone.attend("eager" if mode else "sdpa")
        return super().train(mode)

    def states(
        self, ids: torch.Tensor, kinds: torch.Tensor, places: torch.Tensor, mask: Any
    ) -> Any:
        """[b, l, h] of each token, causal."""
        embeds = self.backbone.embed_tokens(ids) + self.kinds(kinds) + self.places(places)
        return self.backbone.hidden(embeds, mask)

    def directions(
        self, ids: torch.Tensor, kinds: torch.Tensor, places: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """[b, h] float32 of length 1: the state of the closing token, shifted and scaled."""
        return self.direction(self.states(ids, kinds, places, mask))

    def direction(self, states: torch.Tensor) -> torch.Tensor:
        """[b, l, h] states of all tokens -> [b, h] as :meth:`directions` has them."""
        last = F.normalize(states[:, -1].float(), dim=-1)
        return F.normalize((last - self.shift) * self.scale, dim=-1)

    def standardise(self) -> None:
        """Begin with a shift and a scale that give items' states mean 0 and equal spreads.

        A causal model's states share a large mean and a few outsized dimensions: as they come, the
        cosine of any two is near 1, and hardly a gradient tells them apart.
        """
        with torch.no_grad():
            self.shift.zero_()
            self.scale.fill_(1.0)
            table = self.read([[item] for item in range(len(self.reader.items))])
            spread = table.std(0, correction=0)
            self.shift.copy_(table.mean(0))
            self.scale.copy_(1 / spread.clamp(min=1e-3 * float(spread.max()) + 1e-9))
        self.forget_items()

    def forward(self, labels: torch.Tensor, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Cross-entropy over the catalogue, whose table stands still.

        Args:
            labels: [b] the item that came next.
        """
        found = self.directions(**batch)
        with torch.autocast(found.device.type, enabled=False):
            states = found[:, None] / self.temperature
            return {"loss": dot_product_loss(states, labels[:, None], self.item_table())}

    def item_table(self) -> torch.Tensor:
        """[i, h] the direction of each item as a sequence of its own; made when asked for first."""
        if self.table is None:
            self.table = self.read([[item] for item in range(len(self.reader.items))])
        return self.table

    def forget_items(self) -> None:
        """The weights have changed: the table is made anew when it is asked for."""
        self.table = None

    def read(self, sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        """[b, h] directions of sequences of items, without gradients."""
        found = torch.empty(len(sequences), self.backbone.hidden_size, device=self.backbone.device)
        with torch.no_grad(), self._judging():
            for which in batches([self.reader.tokens(one) for one in sequences], self.batch_tokens):
                part = self.reader.batch([sequences[row] for row in which])
                found[which] = self.directions(
                    **{name: value.to(found.device) for name, value in part.items()}
                )
        return found

    @contextmanager
    def _judging(self) -> Iterator[None]:
        training = self.training
        device = self.backbone.device.type
        self.eval()
        try:
            with torch.autocast(device, enabled=False):  # the same in training as afterwards
                yield
        finally:
            self.train(training)


def parts_to_tune(backbone: Backbone) -> Iterable[nn.Parameter]:
    """The layers' weights and the final norm; the vocabulary stays as it is."""
    frozen = {id(value) for value in backbone.embed_tokens.parameters()}
    return [value for value in backbone.decoder.parameters() if id(value) not in frozen]
