"""UniSRec: items are their texts, so that what was learned in one shop holds in another.

Hou et al., "Towards Universal Sequence Representation Learning for Recommender Systems", KDD 2022,
arXiv:2206.05941. A frozen language model gives each item's text a vector; a mixture of experts,
each a whitening that is learned (section 2.1.2), adapts it; a causal transformer reads the adapted
vectors (2.2); sequence and item are compared by their cosine. Pre-trained on several domains
(:mod:`palate.training.multi_domain`), or trained on one from scratch. ``transductive`` adds a
learned vector per item to both sides (2.4.2).

Other than in the paper: a causal language model in place of BERT, its vectors turned to principal
components before the adaptor (:class:`~palate.recommenders.text_features.TextBasis`; those of
pre-training go with the weights); pre-norm blocks, those of SASRec; every position of a sequence is
a training target, not one position of a copy of it; sizes for a CPU.

Legend: b batch, l length, i catalogue size, n items, h hidden size of the language model, t
dimensions of text, w width, e experts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator, model_validator
from torch import nn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.language.backbone import Backbone
from palate.language.embeddings import Pooling, embed
from palate.recommenders.base import FitContext, Learnt
from palate.recommenders.interactions import item_counts
from palate.recommenders.pretrained import Pretrained
from palate.recommenders.sasrec import Block, attention_mask
from palate.recommenders.sequential import (
    INFORMED,
    SequenceConfig,
    SequenceNet,
    SequentialConfig,
    SequentialRecommender,
    informed_vectors,
)
from palate.recommenders.text_features import TextBasis
from palate.training.dropout import dropout
from palate.training.fit import Validation, fit
from palate.training.multi_domain import MultiDomainNet, Views
from palate.training.next_item import Windows

INITIAL = 0.02  # standard deviation of fresh item vectors
LEAST_NOISE = 0.01


class UniSRecShape(SequenceConfig):
    """What a UniSRec is made of, whatever it is trained for."""

    model: str = "smollm2-135m"
    """Language model that reads items' texts: a known name, a hub id (owner/name), a folder, or a
    GGUF file."""
    item_layers: int | None = Field(24, ge=1)
    """Its first layers that are used; null takes all."""
    text_columns: tuple[str, ...] | None = None
    """Columns of the item table that are read after the title; null takes genres, categories
    and text where they exist."""
    item_pooling: Pooling = "mean"
    """How an item's tokens become one vector."""
    max_tokens: int = Field(64, ge=1)
    """Tokens of an item's text that are read."""
    text_dims: int | None = Field(128, ge=1)
    """Principal components of the language model's vectors that the adaptor sees; null is all
    dimensions, each standardised."""
    experts: int = Field(8, ge=1)
    """Experts of the adaptor."""
    adaptor_dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout on what the experts see."""
    layers: int = Field(2, ge=1)
    """Transformer blocks."""
    heads: int = Field(2, ge=1)
    """Attention heads; must divide the width."""
    temperature: float = Field(0.07, gt=0)
    """What the cosine of sequence and item is divided by."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self


class UniSRecConfig(UniSRecShape, SequentialConfig):
    """Settings of UniSRec."""

    transductive: bool = True
    """Add a learned vector per item to that of its text, on both sides. no leaves texts alone,
    which also ranks items that nobody touched yet."""
    pretrained: Path | None = None
    """Folder that palate pretrain unisrec wrote, to start from; null starts from scratch."""
    tune_encoder: bool = False
    """With pretrained: train the transformer too, and not the adaptor and items alone."""
    patience: int = Field(20, ge=1)

    @field_validator("pretrained")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else folder.expanduser().resolve()


class UniSRecPretraining(UniSRecShape):
    """Settings of UniSRec's pre-training."""

    drop: float = Field(0.2, ge=0, lt=1)
    """Share of a sequence's items that are dropped for its second view."""
    view_weight: float = Field(1e-3, ge=0)
    """Weight of the contrast of a sequence and its second view; that of sequence and next item
    weighs 1."""
    validation_users: int | None = Field(2000, ge=1)
    """Validation users of all domains who are ranked after each epoch, drawn at random; null takes
    all."""
    epochs: int = Field(100, ge=1)
    batch_size: int = Field(256, ge=1)
    """Sequences per step; what comes next in one is a negative of the others."""


MEANING = (
    "width",
    "length",
    "layers",
    "heads",
    "experts",
    "text_dims",
    "item_layers",
    "item_pooling",
)
"""Settings that decide what pre-trained weights mean."""


class Adaptor(nn.Module):
    """Mixture-of-experts adaptor, each expert a learned whitening (equations 3 to 5)."""

    def __init__(self, source: int, width: int, experts: int, dropout: float) -> None:
        """
        Args:
            source: t.
        """
        super().__init__()
        self.dropout = dropout
        self.shift = nn.Parameter(torch.zeros(experts, source))
        self.whiten = nn.Parameter(torch.randn(experts, source, width) * INITIAL / source**0.5)
        self.gate = nn.Parameter(torch.zeros(source, experts))
        self.noise = nn.Parameter(torch.zeros(source, experts))

    def forward(self, texts: torch.Tensor) -> torch.Tensor:
        """[n, t] -> [n, w]."""
        logits = texts @ self.gate
        if self.training:
            spread = F.softplus(texts @ self.noise) + LEAST_NOISE
            logits = logits + torch.randn_like(logits) * spread
        seen = dropout(texts, self.dropout, self.training)
        e, t, w = self.whiten.shape
        found = (seen @ self.whiten.transpose(0, 1).reshape(t, e * w)).view(-1, e, w)
        found = found - torch.einsum("et,etw->ew", self.shift, self.whiten)  # [n, e, w]
        return (logits.softmax(-1)[:, None] @ found)[:, 0]


class UniSRecNet(SequenceNet):
    """Adapted texts, and ids where asked for; a causal transformer; cosines."""

    texts: torch.Tensor

    def __init__(self, texts: torch.Tensor, config: UniSRecShape, ids: bool) -> None:
        """
        Args:
            texts: [i, t] what the language model says of each item.
            ids: a learned vector per item as well.
        """
        super().__init__()
        self.pad, width = len(texts), config.width
        self.temperature, self.dropout = config.temperature, config.dropout
        self.register_buffer("texts", texts)
        self.adaptor = Adaptor(texts.shape[1], width, config.experts, config.adaptor_dropout)
        self.ids = nn.Embedding(self.pad, width) if ids else None
        self.positions = nn.Embedding(config.length, width)
        self.enter = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.positions.weight, std=INITIAL)
        if self.ids is not None:
            nn.init.normal_(self.ids.weight, std=INITIAL)

    def start_from(self, sequences: Histories) -> None:
        if self.ids is not None:
            found = informed_vectors(sequences, *self.ids.weight.shape)
            self.ids.weight.data.copy_(found * (INITIAL / INFORMED))  # the size of adapted texts

    def freeze_encoder(self) -> None:
        """Leave all as it is but what makes items' vectors."""
        for part in (self.positions, self.enter, self.blocks, self.norm):
            part.requires_grad_(False)

    def vectors(self, items: torch.Tensor) -> torch.Tensor:
        """[n] item indices -> [n, w], of any length."""
        adapted: torch.Tensor = self.adaptor(self.texts[items])
        return adapted if self.ids is None else adapted + self.ids(items)

    def directions(self, items: torch.Tensor) -> torch.Tensor:
        """[n] item indices -> [n, w] of length 1."""
        return F.normalize(self.vectors(items), dim=-1)

    def item_vectors(self) -> torch.Tensor:
        return self.directions(torch.arange(self.pad, device=self.texts.device))

    def readings(self, items: torch.Tensor) -> torch.Tensor:
        """[b, l] item indices -> [b, l, w] states of length 1, causal."""
        real = items != self.pad
        known, which = items.masked_fill(~real, 0).unique(return_inverse=True)
        x = self.vectors(known)[which]
        # Positions count from the newest event, so a short window reads like a padded one.
        x = self.enter(x + self.positions.weight[-items.shape[1] :])
        x = dropout(x, self.dropout, self.training)
        mask = attention_mask(real)
        for block in self.blocks:
            x = block(x, mask)
        return F.normalize(self.norm(x), dim=-1)

    def states(self, items: torch.Tensor) -> torch.Tensor:
        return self.readings(items) / self.temperature


class UniSRec(SequentialRecommender):
    """Sequences of texts, adapted by a mixture of experts."""

    name = "unisrec"
    summary = "sequences of items' texts, which several domains can teach it to read"
    Config = UniSRecConfig
    Pretraining: ClassVar[type[UniSRecPretraining]] = UniSRecPretraining
    config: UniSRecConfig
    net: UniSRecNet
    _texts: torch.Tensor
    _start: Pretrained | None = None

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        config = self.config
        reader = self._reader()
        basis = None
        if config.pretrained is not None:
            self._start = Pretrained.read(config.pretrained, self.name)
            self._start.check(config, MEANING, {"language model": reader.fingerprint()})
            basis = TextBasis(self._start.tensors["mean"], self._start.tensors["basis"])
        self._read(reader, split.catalogue, context, basis)
        try:
            return super().fit(split, context)
        finally:
            self._start = None

    def _reader(self) -> Backbone:
        config = self.config
        return Backbone.load(config.model, layers=config.item_layers, device=config.device)

    def _read(
        self,
        reader: Backbone,
        catalogue: Catalogue,
        context: FitContext,
        basis: TextBasis | None = None,
    ) -> TextBasis:
        """Take in the texts of a catalogue; returns the basis of their features."""
        config = self.config
        vectors = embed(
            reader,
            catalogue.texts(config.text_columns),
            pooling=config.item_pooling,
            max_tokens=config.max_tokens,
            progress=context.progress,
        )
        basis = basis or TextBasis.of(vectors, config.text_dims)
        self._texts = basis.features(vectors)
        return basis

    def build(self, catalogue: Catalogue) -> SequenceNet:
        config = self.config
        net = UniSRecNet(self._texts, config, config.transductive)
        if self._start is not None:
            own = {n: v for n, v in self._start.tensors.items() if n not in ("mean", "basis")}
            net.load_state_dict(own, strict=False)
        if config.pretrained is not None and not config.tune_encoder:
            net.freeze_encoder()
        return net

    def state(self) -> dict[str, torch.Tensor]:
        # Frozen weights too: the folder that they came from may be gone when this is loaded.
        return {n: v.detach().cpu().clone() for n, v in self.net.state_dict().items()} | {
            "popularity": torch.from_numpy(self._popularity)
        }

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._texts = state["texts"]
        super().load_state(state, catalogue)

    def pretrain(self, config: Any, split: Split, context: FitContext) -> Learnt:
        """See :class:`~palate.recommenders.base.Pretrains`. Judged by NDCG@10 over the joined
        catalogue."""
        shape = {name: getattr(config, name) for name in UniSRecShape.model_fields}
        inner = UniSRec(UniSRecConfig(**shape, transductive=False))
        reader = inner._reader()
        marks = {"language model": reader.fingerprint()}
        basis = inner._read(reader, split.catalogue, context)
        torch.manual_seed(context.seed)
        inner._place(split.catalogue)
        sequences = split.train.sequences()
        inner._popularity = item_counts(sequences, split.n_items)
        net = inner.net
        learned = fit(
            MultiDomainNet(
                net, net.readings, net.directions, net.pad, net.temperature, config.view_weight
            ),
            Windows(sequences, config.length),
            Views(net.pad, config.drop),
            config,
            Validation(split.validation.some(config.validation_users, context.seed), inner.score),
            context,
        )
        tensors = {n: v.cpu().clone() for n, v in net.state_dict().items() if n != "texts"}
        return Learnt(tensors | {"mean": basis.mean, "basis": basis.basis}, marks, learned)
