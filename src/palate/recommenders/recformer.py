"""Recformer: a language model reads items as their attributes, and a sequence as its items.

Li et al., "Text Is All You Need: Learning Language Representations for Sequential Recommendation",
KDD 2023, arXiv:2305.13731. An item is its attributes written out, keys and values; a sequence is
its items, newest first; the model tells types of token and items apart by two more embeddings
(section 2.2); sequence and item are compared by the cosine of their pooled states, items read as
sequences of one. Fine-tuned in two stages (algorithm 1): in the first all items are read again
after each epoch, in the second the best table of items stands still and the model alone learns.
Pre-trained by contrast of a sequence with its next item, and by language (section 2.3).

Other than in the paper: a causal language model in place of Longformer, so that a closing token is
pooled and stands last where [CLS] stands first, and its state is shifted and scaled, for states of
such models are all alike as they come; the prediction of next tokens, of the same share of them, in
place of masked ones; an adapter on its first layers in place of all weights of all layers
(``tuning=full layers=null`` has these); sizes for a CPU. Each evaluation reads the items with the
weights that it judges, where the released code keeps those of before the epoch.

Legend: n histories, i items of the catalogue, h hidden size of the language model.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, field_validator
from torch.utils.data import Dataset
from transformers import TrainerCallback

from palate.data.cases import Cases, Histories, Split
from palate.data.catalogue import Catalogue
from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone
from palate.language.precision import Precision
from palate.language.tokenizer import Tokenizer
from palate.recommenders.base import FitContext, Learnt, Scores
from palate.recommenders.interactions import check_indices, item_counts
from palate.recommenders.net import NetRecommender
from palate.recommenders.pretrained import Pretrained
from palate.recommenders.prompting import drawn_cases
from palate.recommenders.recformer_net import Reader, RecformerNet, flatten, parts_to_tune
from palate.recommenders.recformer_pretraining import NextItems, RecformerPretrainer
from palate.training.config import TrainingConfig
from palate.training.fit import Learned, Validation, fit, trained_tensors

ADAPTER = "recformer"


class RecformerShape(TrainingConfig):
    """What a Recformer is made of and how it learns, whatever it is trained for."""

    model: str = "smollm2-135m"
    """Language model: a known name, a hub id (owner/name), a folder, or a GGUF file."""
    layers: int | None = Field(4, ge=1)
    """Its first layers that are used; null takes all."""
    text_columns: tuple[str, ...] | None = None
    """Attributes that are read after the title; null takes genres, categories and text where they
    exist."""
    max_tokens: int = Field(16, ge=1)
    """Tokens of an item that are read, names of attributes among them."""
    length: int = Field(10, ge=1)
    """Items of a history that are read, its newest."""
    temperature: float = Field(0.05, gt=0)
    """What the cosine of sequence and item is divided by."""
    tuning: Literal["lora", "full"] = "lora"
    """What training changes in the language model: an adapter, or the layers themselves."""
    adapter: AdapterConfig = AdapterConfig()
    """The adapter, where tuning=lora."""
    model_precision: Precision = "auto"
    """Number format of the language model's weights under an adapter; auto is bf16 where the
    hardware has it. Layers that are tuned themselves are in fp32."""
    samples: int | None = Field(1024, ge=1)
    """Training events drawn at random, each an instance with the events before it; null takes
    all."""
    validation_users: int | None = Field(200, ge=1)
    """Validation users who are ranked after each epoch, drawn at random; null takes all."""
    batch_tokens: int = Field(8192, ge=1)
    """Padded tokens read at once when items and histories are read; bounds memory."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: slower, less memory."""
    device: str = "auto"
    """Where to run: auto, cpu, cuda, cuda:1 …"""
    epochs: int = Field(5, ge=1)
    patience: int = Field(3, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    """Peak learning rate of AdamW; with tuning=full, some 5e-5."""
    warmup: float = Field(0.05, ge=0, lt=1)
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = "linear"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


class RecformerConfig(RecformerShape):
    """Settings of Recformer."""

    pretrained: Path | None = None
    """Folder that palate pretrain recformer wrote, to start from; null starts from the language
    model as it comes."""
    second_epochs: int = Field(3, ge=0)
    """Passes of the second stage at most, in which the table of items stands still; 0 leaves it
    out."""
    second_patience: int = Field(2, ge=1)
    """Evaluations of the second stage without a better metric before it stops."""

    @field_validator("pretrained")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else folder.expanduser().resolve()


class RecformerPretraining(RecformerShape):
    """Settings of Recformer's pre-training."""

    language_weight: float = Field(0.1, ge=0)
    """Weight of the prediction of next tokens; the contrast of sequence and item weighs 1."""
    language_share: float = Field(0.15, gt=0, le=1)
    """Share of the tokens that are predicted, drawn anew each time: the vocabulary is the dearest
    part of a small model."""
    samples: int | None = Field(4096, ge=1)


MEANING = ("layers", "length", "tuning")
ADAPTED = ("adapter.rank", "adapter.alpha", "adapter.targets")
"""Settings that decide what pre-trained weights mean."""


class TextInstances(Dataset):
    """Cases, each a list of items that were touched and the one that came next."""

    def __init__(self, cases: Cases, reader: Reader) -> None:
        self.cases, self.reader = cases, reader
        self.lengths = np.array([reader.tokens(one.tolist()) for one in cases.histories])

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> tuple[list[int], int]:
        return self.cases.histories[index].tolist(), int(self.cases.targets[index])

    def collate(self, batch: list[tuple[list[int], int]]) -> dict[str, torch.Tensor]:
        """Tokens as :meth:`Reader.batch` gives them, and ``labels`` [b]."""
        read = self.reader.batch([history for history, _ in batch])
        return read | {"labels": torch.tensor([target for _, target in batch])}


class ReadsAgain(TrainerCallback):
    """First stage: after each epoch, items are read with the weights that it came to."""

    def __init__(self, net: RecformerNet) -> None:
        self.net = net

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.net.forget_items()


class Recformer(NetRecommender):
    """A language model over the attributes of the items in a history."""

    name = "recformer"
    summary = "a language model reads items as their attributes, a history as its items"
    Config = RecformerConfig
    Pretraining: ClassVar[type[RecformerPretraining]] = RecformerPretraining
    config: RecformerConfig
    net: RecformerNet
    popularity: Scores
    learned: Learned | None = None

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        config = self.config
        torch.manual_seed(context.seed)
        start = None
        if config.pretrained is not None:
            start = Pretrained.read(config.pretrained, self.name)
        mark = self._place(split.catalogue, context.seed)
        if start is not None:
            names = MEANING + (ADAPTED if config.tuning == "lora" else ())
            start.check(config, names, {"language model": mark})
            self.net.load_state_dict(start.tensors, strict=False)
        else:
            self.net.standardise()
        sequences = split.train.sequences()
        self.popularity = item_counts(sequences, split.n_items)
        cases = drawn_cases(sequences, config.samples, config.length, context.seed)
        self._tune(TextInstances(cases, self.net.reader), split, context)
        return self

    def _tune(self, instances: TextInstances, split: Split, context: FitContext) -> None:
        """Both stages, and the better of what they came to."""
        config, net = self.config, self.net
        users = split.validation.some(config.validation_users, context.seed)
        validation = Validation(users, self.score)
        callback = ReadsAgain(net)
        self.learned = first = fit(
            net, instances, instances.collate, config, validation, context, callbacks=[callback]
        )
        net.forget_items()
        net.item_table()  # of the best epoch
        if config.second_epochs == 0:
            return
        kept = trained_tensors(net)
        second = fit(
            net,
            instances,
            instances.collate,
            config.model_copy(
                update={"epochs": config.second_epochs, "patience": config.second_patience}
            ),
            validation,
            # In a folder of its own: a resumed training passes the first stage at its last step.
            replace(context, folder=context.folder and context.folder / "second"),
        )
        self.learned = _one_after_the_other(first, second)
        if first.best is not None and (second.best is None or second.best <= first.best):
            net.load_state_dict(kept, strict=False)

    def _place(self, catalogue: Catalogue, seed: int = 0) -> str:
        """Make the net; returns the mark of the language model as it comes."""
        config = self.config
        backbone = Backbone.load(
            config.model,
            layers=config.layers,
            precision="fp32" if config.tuning == "full" else config.model_precision,
            device=config.device,
            gradient_checkpointing=config.gradient_checkpointing,
        )
        self.n_items = len(catalogue)
        mark = backbone.fingerprint()
        backbone.requires_grad_(False)
        if config.tuning == "lora":
            backbone.adapters.add(ADAPTER, config.adapter, seed)
        else:
            for parameter in parts_to_tune(backbone):
                parameter.requires_grad_(True)
        reader = self._read(catalogue, backbone.tokenizer)
        net = RecformerNet(backbone, reader, config.temperature, config.batch_tokens)
        self.net = net.to(backbone.device)
        return mark

    def _read(self, catalogue: Catalogue, tokenizer: Tokenizer | None = None) -> Reader:
        config = self.config
        tokenizer = tokenizer or self.net.backbone.tokenizer
        items = flatten(catalogue, config.text_columns, tokenizer, config.max_tokens)
        return Reader(items, tokenizer, config.length)

    def representations(self, histories: Histories) -> Scores:
        """See :class:`~palate.recommenders.base.Represents`."""
        check_indices(histories, self.n_items)
        self.net.eval()
        read = self.net.read([history.tolist() for history in histories]) / self.net.temperature
        found: Scores = read.cpu().numpy()
        return found

    def item_representations(self) -> Scores:
        """See :class:`~palate.recommenders.base.Represents`."""
        table: Scores = self.net.item_table().cpu().numpy().copy()
        return table

    def take_items(self, catalogue: Catalogue) -> None:
        """See :class:`~palate.recommenders.base.ReadsItems`."""
        net, known = self.net, self.net.reader.items
        table = net.item_table()
        net.reader = self._read(catalogue)
        fresh = [i for i, one in enumerate(net.reader.items) if known[i : i + 1] != [one]]
        grown = table.new_zeros(len(catalogue), table.shape[1])
        grown[: len(table)] = table
        if fresh:
            grown[fresh] = net.read([[item] for item in fresh])
        net.table, self.n_items = grown, len(catalogue)
        self.popularity = np.pad(self.popularity, (0, len(catalogue) - len(self.popularity)))

    def vectors_of(self, catalogue: Catalogue) -> Scores:
        """See :class:`~palate.recommenders.base.ReadsItems`."""
        net, own = self.net, self.net.reader
        net.reader = self._read(catalogue)
        try:
            found: Scores = net.read([[item] for item in range(len(catalogue))]).cpu().numpy()
        finally:
            net.reader = own
        return found

    def score(self, histories: Histories) -> Scores:
        scores = self.representations(histories) @ self.item_representations().T
        scores[histories.lengths == 0] = self.popularity
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        learned = {f"net.{name}": value for name, value in trained_tensors(self.net).items()}
        table = self.net.item_table().cpu()
        return learned | {"table": table, "popularity": torch.from_numpy(self.popularity)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._place(catalogue)
        self.popularity = state["popularity"].numpy()
        own = {name.removeprefix("net."): v for name, v in state.items() if name.startswith("net.")}
        self._restore(own)
        self.net.table = state["table"].to(self.net.backbone.device)

    def pretrain(self, config: Any, split: Split, context: FitContext) -> Learnt:
        """See :class:`~palate.recommenders.base.Pretrains`. Judged by NDCG@10 over the joined
        catalogue."""
        shape = {name: getattr(config, name) for name in RecformerShape.model_fields}
        inner = Recformer(RecformerConfig(**shape))
        torch.manual_seed(context.seed)
        mark = inner._place(split.catalogue, context.seed)
        inner.net.standardise()
        sequences = split.train.sequences()
        inner.popularity = item_counts(sequences, split.n_items)
        cases = drawn_cases(sequences, config.samples, config.length, context.seed)
        instances = TextInstances(cases, inner.net.reader)
        learned = fit(
            RecformerPretrainer(inner.net, config.language_weight, config.language_share),
            instances,
            NextItems(inner.net.reader),
            config,
            Validation(split.validation.some(config.validation_users, context.seed), inner.score),
            context,
            callbacks=[ReadsAgain(inner.net)],
        )
        return Learnt(trained_tensors(inner.net), {"language model": mark}, learned)


def _one_after_the_other(first: Learned, second: Learned) -> Learned:
    """The learning curve of both stages."""
    later = [row | {"epoch": row["epoch"] + first.epochs} for row in second.history]
    bests = [one.best for one in (first, second) if one.best is not None]
    return Learned(max(bests, default=None), first.epochs + second.epochs, [*first.history, *later])
