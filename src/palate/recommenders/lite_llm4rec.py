"""Lite-LLM4Rec: two language models and a projection head, no decoding.

Wang et al., "Rethinking Large Language Model Architectures for Sequential Recommendations",
arXiv:2402.09543 and IJCNLP-AACL 2025. An item LLM turns each item's text into one vector; a
recommendation LLM reads the vectors of a history as if they were tokens; a head turns its last
state into a score for every item at once.

The paper leaves much open. Chosen here: a causal backbone, so that every position is a training
target; an item LLM that stays frozen, so that each text is read once; a recommendation LLM made
of the first layers of the same model. ``item_vectors=text head=projection width=null`` is the
paper's own design; the default adds what made it better (see ``claims/lite_llm4rec.py``).

Legend: b batch, l length, i catalogue size, h hidden size of the language model, w width of an
item vector, t dimensions of text.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import nn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone
from palate.language.embeddings import Pooling, embed
from palate.language.reader import Tuning, VectorReader
from palate.recommenders.base import FitContext
from palate.recommenders.sequential import (
    INFORMED,
    SequenceNet,
    SequentialConfig,
    SequentialRecommender,
    informed_vectors,
)
from palate.training.parameters import decay_groups

INITIAL = 0.02  # standard deviation of fresh item vectors


class LiteLLM4RecConfig(SequentialConfig):
    """Settings of Lite-LLM4Rec."""

    model: str = "smollm2-135m"
    """Language model: a known name, a hub id (owner/name), a folder, or a GGUF file."""
    layers: int | None = Field(2, ge=1)
    """First layers of the model that make the recommendation LLM; null takes all."""
    item_layers: int | None = Field(24, ge=1)
    """Layers of the item LLM, which reads each item's text once; null takes all."""
    text_columns: tuple[str, ...] | None = None
    """Columns of the item table that are read after the title; null takes genres, categories
    and text where they exist."""
    item_pooling: Pooling = "mean"
    """How an item's tokens become one vector."""
    max_tokens: int = Field(64, ge=1)
    """Tokens of an item's text that are read."""
    text_dims: int | None = Field(128, ge=1)
    """Principal components of the item LLM's vectors that are kept; null keeps all dimensions,
    each standardised."""
    item_vectors: Literal["text+id", "text", "id"] = "text+id"
    """What an item's vector is made of. id is the control without an item LLM."""
    width: int | None = Field(64, ge=1)  # type: ignore[assignment]
    """Width of an item's vector between the two models; null is the hidden size, read as it is."""
    head: Literal["tied", "projection"] = "tied"
    """tied scores a state by its product with each item's vector; projection by a free matrix
    over the catalogue, as in the paper, which knows nothing of items without training events."""
    user_pooling: Literal["last", "mean"] = "last"
    """State that stands for the user: the last, or the mean over the events so far."""
    initial: Literal["pretrained", "random"] = "pretrained"
    """Weights that the recommendation LLM starts from. random is the control."""
    shuffle_texts: bool = False
    """Give each item the text of another: the control that shows whether texts matter."""
    tuning: Tuning = "full"
    """What training changes in the recommendation LLM: all weights, an adapter, or nothing."""
    adapter: AdapterConfig = AdapterConfig()
    """The adapter, where tuning=lora."""
    llm_learning_rate: float = Field(2e-4, gt=0)
    """Peak learning rate of the recommendation LLM; the rest learns at learning_rate."""
    residual_dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout on what each layer of the recommendation LLM adds."""
    gate: float | None = Field(0.1, gt=0)
    """What each layer of the recommendation LLM adds is multiplied by a learned number that starts
    here; null leaves the layers as they are. Small, so that training starts from "what is like the
    last item comes next" and not from what the layers make of vectors they never saw."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: slower, less memory."""
    initial_items: Literal["random", "svd"] = "svd"
    """Item ids that training starts from. svd: from the singular value decomposition of who
    touched what, in training."""
    averaging: float = Field(0.99, ge=0, lt=1)
    epochs: int = Field(40, ge=1)
    patience: int = Field(10, ge=1)
    batch_size: int = Field(64, ge=1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.shuffle_texts and self.item_vectors == "id":
            raise ValueError("shuffle_texts needs texts; set item_vectors=text or text+id")
        return self


class LiteLLM4RecNet(SequenceNet):
    """Item vectors from text and id, the recommendation LLM, and scores for all items."""

    texts: torch.Tensor

    def __init__(
        self, n_items: int, texts: torch.Tensor, reader: VectorReader, config: LiteLLM4RecConfig
    ) -> None:
        """
        Args:
            texts: [i, t] what the item LLM says of each item, of unit variance.
        """
        super().__init__()
        self.pad = n_items
        self.reader = reader
        self.pools = config.user_pooling == "mean"
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("texts", texts)
        hidden = reader.hidden_size
        width = config.width or hidden
        if "text" in config.item_vectors:
            self.project = nn.Linear(texts.shape[1], width, bias=False)
            nn.init.normal_(self.project.weight, std=INITIAL / texts.shape[1] ** 0.5)
        if "id" in config.item_vectors:
            self.ids = nn.Embedding(n_items, width)
            nn.init.normal_(self.ids.weight, std=INITIAL)
        self.enter: nn.Module = nn.Identity()
        self.leave: nn.Module = nn.Identity()
        if config.width is None:
            self._read_as_is(config)
        else:
            self._read_through_bottleneck(width, informed=config.initial_items == "svd")
        self.biases = nn.Parameter(torch.zeros(n_items))
        if config.head == "projection":
            self.projection = nn.Parameter(torch.empty(n_items, width).normal_(std=INITIAL))

    def _read_through_bottleneck(self, width: int, informed: bool) -> None:
        """Start with a way in and a way out that undo each other.

        So the residual stream alone, before the layers add to it, says: what is like the last
        item comes next.
        """
        hidden = self.reader.hidden_size
        basis = torch.linalg.qr(torch.randn(hidden, width))[0].contiguous()  # [h, w] orthonormal
        gain = self.reader.scale * (hidden / width) ** 0.5
        enter = nn.Linear(width, hidden, bias=False)
        enter.weight.data = basis * (gain / (INFORMED if informed else INITIAL))
        leave = nn.Linear(hidden, width, bias=False)
        leave.weight.data = basis.T.contiguous() / gain
        self.enter, self.leave = enter, nn.Sequential(leave, nn.LayerNorm(width))

    def _read_as_is(self, config: LiteLLM4RecConfig) -> None:
        """Start with vectors of the size that the language model reads, texts unchanged."""
        if "id" in config.item_vectors:
            nn.init.normal_(self.ids.weight, std=self.reader.scale)
        if "text" in config.item_vectors:
            nn.init.eye_(self.project.weight)
            self.project.weight.data *= self.reader.scale

    def start_from(self, sequences: Histories) -> None:
        if hasattr(self, "ids"):
            self.ids.weight.data.copy_(informed_vectors(sequences, *self.ids.weight.shape))

    def vectors(self, items: torch.Tensor) -> torch.Tensor:
        """[...] item indices -> [..., w] their vectors."""
        parts = []
        if hasattr(self, "project"):
            parts.append(self.project(self.texts[items]))
        if hasattr(self, "ids"):
            parts.append(self.ids(items))
        return torch.stack(parts).sum(0)

    def item_vectors(self) -> torch.Tensor:
        """[i, w + 1] what states are compared with; the last column is the item's bias."""
        everything = torch.arange(self.pad, device=self.biases.device)
        rows = self.projection if hasattr(self, "projection") else self.vectors(everything)
        return torch.cat([rows, self.biases[:, None]], 1)

    def states(self, items: torch.Tensor) -> torch.Tensor:
        """[b, l] item indices -> [b, l, w + 1] states, the last column 1."""
        real = items != self.pad
        vectors = self.enter(self.dropout(self.vectors(items.masked_fill(~real, 0))))
        hidden = self.reader(vectors, real)  # [b, l, h]
        if self.pools:
            weights = real.to(hidden.dtype)[..., None]
            hidden = (hidden * weights).cumsum(1) / weights.cumsum(1).clamp(min=1)
        return F.pad(self.dropout(self.leave(hidden)), (0, 1), value=1.0)


class LiteLLM4Rec(SequentialRecommender):
    """Item LLM, recommendation LLM over item vectors, one step to all scores."""

    name = "lite-llm4rec"
    summary = "two language models and a projection head, no decoding"
    Config = LiteLLM4RecConfig
    config: LiteLLM4RecConfig
    _texts: torch.Tensor | None = None

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        self._texts = self._read_texts(split.catalogue, context)
        return super().fit(split, context)

    def _read_texts(self, catalogue: Catalogue, context: FitContext) -> torch.Tensor:
        """[i, t] what the item LLM says of each item; one column of zeros where it is not asked."""
        config = self.config
        if config.item_vectors == "id":
            return torch.zeros(len(catalogue), 1)
        item_llm = Backbone.load(config.model, layers=config.item_layers, device=config.device)
        vectors = embed(
            item_llm,
            catalogue.texts(config.text_columns),
            pooling=config.item_pooling,
            max_tokens=config.max_tokens,
            progress=context.progress,
        )
        if config.shuffle_texts:
            order = torch.randperm(
                len(vectors), generator=torch.Generator().manual_seed(context.seed)
            )
            vectors = vectors[order]
        return text_features(vectors, config.text_dims)

    def build(self, catalogue: Catalogue) -> SequenceNet:
        config = self.config
        assert self._texts is not None
        make = Backbone.load if config.initial == "pretrained" else Backbone.random
        backbone = make(
            config.model,
            layers=config.layers,
            precision="fp32",  # weights that learn in small steps; autocast gives the speed
            device=config.device,
            gradient_checkpointing=config.gradient_checkpointing,
        )
        if (config.width or 0) > backbone.hidden_size:
            raise ConfigError(
                f"width={config.width}: '{config.model}' has a hidden size of "
                f"{backbone.hidden_size}; an item's vector cannot be wider"
            )
        reader = VectorReader(
            backbone, config.tuning, config.adapter, config.residual_dropout, config.gate
        )
        return LiteLLM4RecNet(len(catalogue), self._texts, reader, config)

    def groups(self) -> list[dict[str, Any]]:
        rates = {} if self.config.tuning == "frozen" else {"reader": self.config.llm_learning_rate}
        return decay_groups(self.net, self.config.weight_decay, rates)

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | {"texts": self.net.get_buffer("texts").cpu()}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._texts = state["texts"]
        super().load_state(state, catalogue)


def text_features(vectors: torch.Tensor, dims: int | None) -> torch.Tensor:
    """[i, h] vectors of a language model -> [i, t] features of unit variance.

    A language model's vectors share a large mean and a few outsized directions, which drown what
    tells items apart. The mean goes; the principal components are kept with the square root of
    their spread, so that the first lead but do not drown the rest.

    Args:
        dims: components kept; None standardises each dimension instead.
    """
    centred = vectors - vectors.mean(0)
    if dims is None:
        features = centred / centred.std(0, correction=0).clamp(min=1e-6)
    else:
        u, s, _ = torch.linalg.svd(centred, full_matrices=False)
        features = (u * s.sqrt())[:, :dims]
    return features / features.std().clamp(min=1e-6)
