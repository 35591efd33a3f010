"""What the recommenders that read prompts share: examples, training, the prompt itself.

Legend: u users, i items of the catalogue.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import nn
from transformers import TrainerCallback

from palate.data.cases import Cases, Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.titles import TitleForm, formed
from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone
from palate.language.precision import Precision
from palate.language.prompts import Prompt
from palate.recommenders.base import FitContext, Scores
from palate.recommenders.interactions import check_indices, item_counts
from palate.recommenders.net import NetRecommender
from palate.training.config import TrainingConfig
from palate.training.fit import Learned, Validation, fit, trained_tensors
from palate.training.prompts import PromptExamples, PromptNet

ADAPTER = "recommender"


class LanguageConfig(TrainingConfig):
    """Settings shared by all that is learned on top of a language model."""

    model: str = "smollm2-135m"
    """Language model: a known name, a hub id (owner/name), a folder, or a GGUF file."""
    layers: int | None = Field(None, ge=1)
    """First layers of the model that are used; null takes all."""
    model_precision: Precision = "auto"
    """Number format of the language model's weights; auto is bf16 where the hardware has it."""
    batch_tokens: int = Field(8192, ge=1)
    """Padded tokens read at once when recommending; bounds memory."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: slower, less memory."""
    epochs: int = Field(3, ge=1)
    patience: int = Field(2, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1)
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = "linear"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: str = "auto"
    """Where to run: auto, cpu, cuda, cuda:1 …"""


class PromptConfig(LanguageConfig):
    """Settings shared by all recommenders that read prompts."""

    noun: str = "item"
    """What the prompts call an item: movie, game, song …"""
    title_form: TitleForm = "short"
    """How titles are written in prompts and answers. listed: as the catalogue has them. natural:
    with "Godfather, The (1972)" turned to "The Godfather (1972)". short: and without the year at
    the end, where titles stay distinct without it."""
    length: int = Field(10, ge=1)
    """Events of a history that a prompt tells of, newest last."""
    samples: int | None = Field(1024, ge=0)
    """Training events drawn at random, each a prompt with its answer; null takes all, and 0
    trains nothing: the language model as it comes."""
    learn_prompt: bool = False
    """Learn the prompts' tokens too, as some released code does, and not their answers alone."""
    tuning: Literal["lora", "frozen"] = "lora"
    """What training changes in the language model: an adapter, or nothing."""
    adapter: AdapterConfig = AdapterConfig()
    """The adapter, where tuning=lora."""
    validation_users: int | None = Field(200, ge=1)
    """Validation users who are ranked after each epoch, drawn at random; null takes all."""

    @property
    def nouns(self) -> str:
        """The noun for several."""
        return f"{self.noun}s"


class PromptRecommender(NetRecommender):
    """A recommender around a language model that answers prompts.

    Attributes:
        titles: [i] titles of the catalogue, as prompts and answers have them.
    """

    config: PromptConfig
    titles: list[str]
    net: PromptNet
    popularity: Scores
    learned: Learned | None = None

    @abstractmethod
    def prompt(self, history: Sequence[int], target: int | None = None) -> Prompt:
        """What the model reads for a history, and the answer it is to learn where there is one."""

    @property
    def backbone(self) -> Backbone:
        """The language model, with the adapter that was learned."""
        return self.net.backbone

    def prompts(self, histories: Histories) -> list[Prompt]:
        """A prompt for each history, without an answer."""
        return [self.prompt(history.tolist()) for history in histories]

    def bridge(self) -> nn.Module | None:
        """What makes vectors for the prompts' slots; prompts of text alone need nothing.

        The language model is there already, for its hidden size and the size of its vectors.
        """
        return None

    @abstractmethod
    def answer(self, histories: Histories) -> Scores:
        """[users, items] scores of histories that are not empty."""

    def score(self, histories: Histories) -> Scores:
        """[users, items] scores; an empty history gets the popularity ranking."""
        check_indices(histories, len(self.catalogue))
        known = np.flatnonzero(histories.lengths)
        scores = np.tile(self.popularity, (len(histories), 1))
        if len(known):
            scores[known] = self.answer(histories.take(known))
        return scores

    def _place(self, catalogue: Catalogue, seed: int = 0) -> None:
        config = self.config
        self.catalogue = catalogue
        self.titles = formed(catalogue.titles, config.title_form)
        backbone = Backbone.load(
            config.model,
            layers=config.layers,
            precision=config.model_precision,
            device=config.device,
            gradient_checkpointing=config.gradient_checkpointing,
        )
        backbone.requires_grad_(False)
        if config.tuning == "lora":
            backbone.adapters.add(ADAPTER, config.adapter, seed)
        self.net = PromptNet(backbone)
        self.net.bridge = self.bridge()
        if self.net.bridge is not None:
            self.net.bridge.to(backbone.device)

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        torch.manual_seed(context.seed)
        self._place(split.catalogue, context.seed)
        self.popularity = item_counts(split.train.sequences(), split.n_items)
        self._prepare(split, context)
        if self.config.samples != 0:
            self._train(split, context)
        self.net.eval()
        self._settle(split, context)
        return self

    def _prepare(self, split: Split, context: FitContext) -> None:
        """What must be known before training."""

    def _settle(self, split: Split, context: FitContext) -> None:
        """What is decided after training, by the validation cases."""

    def _train(self, split: Split, context: FitContext) -> None:
        examples = PromptExamples(
            self.backbone, self.examples(split, context.seed), self.config.learn_prompt
        )
        self.learned = fit(
            self.net,
            examples,
            examples.collate,
            self.config,
            self.validation(split, context.seed),
            context,
            self.groups(),
            self.callbacks(context),
        )

    def callbacks(self, context: FitContext) -> list[TrainerCallback]:
        """What else is to be told of each training step, such as a curriculum."""
        return []

    def groups(self) -> list[dict[str, Any]] | None:
        """Optimizer parameter groups; None for one learning rate."""
        return None

    def examples(self, split: Split, seed: int) -> list[Prompt]:
        """Prompts with answers, of events drawn from all that follow another."""
        cases = drawn_cases(split.train.sequences(), self.config.samples, self.config.length, seed)
        random = np.random.default_rng([seed, 1])
        return [
            self.example(history.tolist(), target, random)
            for history, target in zip(cases.histories, cases.targets.tolist(), strict=True)
        ]

    def example(self, history: Sequence[int], target: int, random: np.random.Generator) -> Prompt:
        """A prompt with its answer; what it draws beside them, it draws from *random*."""
        return self.prompt(history, target)

    def validation(self, split: Split, seed: int) -> Validation | None:
        """How each epoch is judged; None runs all of them."""
        return Validation(self.validation_cases(split, seed), self.score)

    def validation_cases(self, split: Split, seed: int) -> Cases:
        """The validation cases that training is judged by."""
        return split.validation.some(self.config.validation_users, seed)

    def state(self) -> dict[str, torch.Tensor]:
        learned = {f"net.{name}": value for name, value in trained_tensors(self.net).items()}
        return learned | {"popularity": torch.from_numpy(self.popularity)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._place(catalogue)
        self.popularity = state["popularity"].numpy()
        own = {name.removeprefix("net."): v for name, v in state.items() if name.startswith("net.")}
        self._restore(own)


def drawn_cases(sequences: Histories, samples: int | None, length: int, seed: int) -> Cases:
    """Events that follow another, each with the events before it.

    Args:
        samples: how many are drawn at random; None, or more than there are, takes all.
        length: events before each at most.
    """
    rows = sequences.rows()
    within = np.arange(len(rows)) - sequences.offsets[rows]
    events = sequences.places()
    if samples is not None and samples < len(events):
        events = np.random.default_rng(seed).choice(events, samples, replace=False)
    stops = within[events]
    histories = sequences.spans(rows[events], np.maximum(stops - length, 0), stops)
    return Cases(histories, sequences.items[events])
