"""The Q-Former: learned queries that read a behaviour vector, and a text beside them.

Li et al., "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and Large
Language Models", ICML 2023; used between collaborative filtering and a language model by ILM
(Yang et al., "Item-Language Model for Conversational Recommendation", arXiv:2406.02844).

Queries and text share self-attention, each has its own feed-forward, and in every second layer the
queries look at the vector. What may see what is one of three masks:

- ``apart``: queries see queries, text sees text (item-text contrast);
- ``causal``: text sees the queries and the text before it (text generation from the item);
- ``together``: all see all (item-text matching).

The vector is one token, so there is nothing for the softmax over it to choose: cross-attention
adds the same to every query, and its query and key matrices get no gradient. What tells the
queries apart is where they start and what self-attention and feed-forward make of that;
:func:`mean_cosine` says how far apart they are. ``cf_tokens`` above 1 is a variant in which there
is something to choose.

Chosen here: norms before each part and not behind it, which needs no long warm-up, and fresh
weights where the paper starts from BERT's, so that a CPU can train it.

Legend: b batch, c width of a behaviour vector, k queries, l text length, n = k + l, s tokens of the
vector, w width, v texts' vocabulary, h hidden size of the language model.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import nn

from palate.config import Config

Sight = Literal["apart", "causal", "together"]

INITIAL = 0.5  # standard deviation of fresh marks and positions: about that of projected tokens
WIDER = 4  # a feed-forward's inner width over its outer one


class QFormerConfig(Config):
    """Settings of a Q-Former."""

    queries: int = Field(8, ge=1)
    """Query tokens, K: what an item becomes in a prompt."""
    width: int = Field(128, ge=1)
    """Width of the states."""
    layers: int = Field(4, ge=1)
    """Layers; the first and every second one after it look at the vector."""
    heads: int = Field(4, ge=1)
    """Attention heads."""
    cf_tokens: int = Field(1, ge=1)
    """Tokens that a behaviour vector is cut into. 1 is the paper's form; with more, queries can
    choose what they look at."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout on what each part adds, in training."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width={self.width} is no multiple of heads={self.heads}")
        return self


class Attention(nn.Module):
    """Multi-head attention of one sequence to another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(
        self, states: torch.Tensor, seen: torch.Tensor, visible: torch.Tensor | None = None
    ) -> torch.Tensor:
        """[b, n, w] states, [b, m, w] what they look at -> [b, n, w].

        Args:
            visible: [b, n, m] True where a state may look.
        """
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [b, heads, ·, w / heads]
            for part in (self.query(states), self.key(seen), self.value(seen))
        )
        mask = None if visible is None else visible[:, None]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))


def feed_forward(width: int) -> nn.Sequential:
    """Norm and two linear layers, w -> w."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, WIDER * width),
        nn.GELU(),
        nn.Linear(WIDER * width, width),
    )


class Layer(nn.Module):
    """Self-attention of queries and text, cross-attention and feed-forward of the queries."""

    def __init__(self, config: QFormerConfig, crosses: bool) -> None:
        super().__init__()
        width = config.width
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, config.heads)
        self.cross_norm = nn.LayerNorm(width) if crosses else None
        self.cross = Attention(width, config.heads) if crosses else None
        self.feed_forward = feed_forward(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        queries: torch.Tensor,
        tokens: torch.Tensor,
        text: torch.Tensor | None = None,
        text_feed_forward: nn.Module | None = None,
        visible: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Queries [b, k, w] and text [b, l, w] one layer on.

        Args:
            tokens: [b, s, w] of the behaviour vector.
            visible: [b, n, n] True where a state may look.
        """
        count = queries.shape[1]
        both = queries if text is None else torch.cat([queries, text], 1)  # [b, n, w]
        normed = self.norm(both)
        both = both + self.dropout(self.attention(normed, normed, visible))
        queries = both[:, :count]
        if self.cross is not None and self.cross_norm is not None:
            queries = queries + self.dropout(self.cross(self.cross_norm(queries), tokens))
        queries = queries + self.dropout(self.feed_forward(queries))
        if text is None or text_feed_forward is None:
            return queries, None
        text = both[:, count:]
        return queries, text + self.dropout(text_feed_forward(text))


class QFormer(nn.Module):
    """Behaviour vectors to query tokens. The text side is a module of its own, beside this."""

    def __init__(self, source: int, config: QFormerConfig) -> None:
        """
        Args:
            source: c.
        """
        super().__init__()
        self.config = config
        self.enter = nn.Linear(source, config.cf_tokens * config.width)
        self.enter_norm = nn.LayerNorm(config.width)
        self.queries = nn.Parameter(torch.empty(config.queries, config.width))
        self.layers = nn.ModuleList(Layer(config, i % 2 == 0) for i in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        nn.init.normal_(self.queries)  # far apart: one token of the vector cannot part them later

    @property
    def outputs(self) -> tuple[int, int]:
        """Tokens that come out, and their width: k, w."""
        return self.config.queries, self.config.width

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """[b, c] behaviour vectors -> [b, k, w] query tokens of unit variance."""
        return self._run(vectors, None, None, None)[0]

    def read(
        self,
        vectors: torch.Tensor,
        side: TextSide,
        ids: torch.Tensor,
        mask: torch.Tensor,
        see: Sight,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[b, k, w] query tokens and [b, l, w] states of the texts that stand beside them.

        Args:
            vectors: [b, c] behaviour vectors.
            ids: [b, l] texts as :class:`TextSide` numbers their tokens, the mark first.
            mask: [b, l] True at real tokens; padding on the right.
            see: what may see what.
        """
        visible = sight(self.config.queries, mask, see)
        queries, text = self._run(vectors, side, side.embed(ids), visible)
        assert text is not None
        return queries, side.norm(text)

    def _run(
        self,
        vectors: torch.Tensor,
        side: TextSide | None,
        text: torch.Tensor | None,
        visible: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        tokens = self.enter(vectors).unflatten(-1, (self.config.cf_tokens, -1))  # [b, s, w]
        tokens = self.enter_norm(tokens)
        # Not expanded: without gradients, a view of a parameter still says that it requires one,
        # which those who count operations stumble over.
        queries = self.queries.repeat(len(vectors), 1, 1)
        for number, layer in enumerate(self.layers):
            own = None if side is None else side.feed_forwards[number]
            queries, text = layer(queries, tokens, text, own, visible)
        return self.norm(queries), text


class TextSide(nn.Module):
    """What a text needs to stand beside the queries; used in alignment alone.

    Tokens are the language model's, and so are their vectors, frozen and seen through one learned
    projection: a catalogue's texts are too few to learn a vocabulary from, and too small a share
    of the model's to keep all of it. Number 0 is the mark that heads a text whose meaning is
    asked for, 1 the mark that heads one to be generated, 2 the end; the others are the tokens
    that occur in the catalogue.

    Attributes:
        vocabulary: v, marks counted.
    """

    CLS, DEC, END, FIRST = 0, 1, 2, 3

    table: torch.Tensor

    def __init__(self, table: torch.Tensor, length: int, config: QFormerConfig) -> None:
        """
        Args:
            table: [v - 3, h] the language model's vectors of the tokens that occur.
            length: longest text, mark and end counted.
        """
        super().__init__()
        width = config.width
        self.vocabulary = len(table) + self.FIRST
        self.register_buffer("table", F.layer_norm(table, table.shape[1:]), persistent=False)
        self.project = nn.Linear(table.shape[1], width, bias=False)
        self.marks = nn.Parameter(torch.empty(self.FIRST, width).normal_(std=INITIAL))
        self.positions = nn.Parameter(torch.empty(length, width).normal_(std=INITIAL))
        self.embed_norm = nn.LayerNorm(width)
        self.feed_forwards = nn.ModuleList(feed_forward(width) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(self.vocabulary))

    def vectors(self) -> torch.Tensor:
        """[v, w] of all tokens there are."""
        return torch.cat([self.marks, self.project(self.table)])

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """[b, l] tokens -> [b, l, w] of unit variance."""
        return self.embed_norm(self.vectors()[ids] + self.positions[: ids.shape[1]])

    def predict(self, states: torch.Tensor) -> torch.Tensor:
        """[..., w] states -> [..., v] scores of the token that follows; tied to the vectors."""
        vectors = self.vectors() / states.shape[-1] ** 0.5
        return F.linear(self.head(states), vectors, self.bias)


def sight(queries: int, mask: torch.Tensor, see: Sight) -> torch.Tensor:
    """[b, n, n] True where a row may look at a column: queries first, then text.

    Args:
        mask: [b, l] True at real tokens.
    """
    batch, length = mask.shape
    n = queries + length
    visible = torch.ones(n, n, dtype=torch.bool, device=mask.device)
    if see != "together":
        visible[:queries, queries:] = False
    if see == "apart":
        visible[queries:, :queries] = False
    if see == "causal":
        visible[queries:, queries:].tril_()
    real = torch.cat([mask.new_ones(batch, queries), mask], 1).bool()  # [b, n]
    return visible & real[:, None]


def mean_cosine(tokens: torch.Tensor) -> float:
    """Mean cosine of the pairs among each item's tokens [b, k, w]; 1 where they are all alike.

    1 as well where there is a single one.
    """
    count = tokens.shape[1]
    if count == 1:
        return 1.0
    unit = F.normalize(tokens.detach().float(), dim=-1)
    total = (unit @ unit.mT).sum((1, 2)) - count  # each is like itself
    return float((total / (count * (count - 1))).mean())
