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
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, field_validator

from palate.data.cases import Split
from palate.data.catalogue import Catalogue
from palate.language.backbone import Backbone
from palate.language.embeddings import embed
from palate.recommenders.base import FitContext, Learnt
from palate.recommenders.interactions import item_counts
from palate.recommenders.pretrained import Pretrained
from palate.recommenders.sequential import SequenceNet, SequentialConfig, SequentialRecommender
from palate.recommenders.text_features import TextBasis
from palate.recommenders.unisrec_net import UniSRecNet, UniSRecShape
from palate.training.fit import Validation, fit
from palate.training.multi_domain import MultiDomainNet, Views
from palate.training.next_item import Windows


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
