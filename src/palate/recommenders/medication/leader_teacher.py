"""LEADER's teacher: a language model reads the visits in words, and a head says which medications.

Liu et al., "Large Language Model Distilling Medication Recommendation Model", arXiv:2402.02803. The
language model has no head for words but one for medications, read where the prompt ends, after the
final norm; an adapter and the head are trained by binary cross-entropy.

Different from the released code: the prompt is cut in its history and never in the visit that is
asked about (theirs is cut on the right, where that visit stands); padding is masked; and earlier
visits are told with their own diagnoses (``history_without_diagnoses`` has them as released). The
language model is a small one, and may be the first layers of it.

Legend: b batch, l length, h hidden size, p cases, v medications.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn
from torch.utils.data import Dataset

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import MedicationCases
from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone
from palate.language.collate import Batch, Encoded, collate, encode
from palate.language.embeddings import embed_encoded
from palate.language.prompts import Prompt
from palate.recommenders.medication.base import (
    MedicationRecommender,
    Scores,
    Terms,
    known_targets,
)
from palate.recommenders.medication.net import InteractionLossConfig
from palate.recommenders.medication.prompts import Wording, patient_prompts
from palate.recommenders.net import AroundNet
from palate.recommenders.prompting import ADAPTER, LanguageConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, decay_groups, fit, trained_tensors
from palate.training.prompts import PromptNet
from palate.training.visits import MedicationValidation, expected_interactions


class TeacherAdapterConfig(AdapterConfig):
    """The released adapter: on all linear layers."""

    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)


class LeaderTeacherConfig(InteractionLossConfig, LanguageConfig):
    """Settings of LEADER's teacher."""

    visits: int = Field(3, ge=0)
    """Earlier visits that the prompt tells of, the most recent ones."""
    max_tokens: int = Field(512, ge=64)
    """Tokens of a prompt; where there are more, its history is cut, oldest visits first."""
    history_without_diagnoses: bool = False
    """Tell of each earlier visit the current diagnoses in place of its own, as the released code
    does by a misspelt key."""
    samples: int | None = Field(None, ge=1)
    """Training patients drawn at random; null takes all."""
    validation_patients: int | None = Field(400, ge=1)
    """Validation patients who are scored after each epoch, drawn at random; null takes all."""
    adapter: TeacherAdapterConfig = TeacherAdapterConfig()
    """The adapter on the language model."""
    learning_rate: float = Field(5e-4, gt=0)
    head_learning_rate: float = Field(2e-3, gt=0)
    """Peak learning rate of the head."""


class TeacherNet(PromptNet):
    """A language model with a head over medications."""

    interactions: torch.Tensor

    def __init__(self, backbone: Backbone, terms: Terms, interaction_weight: float) -> None:
        super().__init__(backbone)
        self.head = nn.Linear(backbone.hidden_size, len(terms.medications), bias=False)
        self.interaction_weight = interaction_weight
        graph = torch.from_numpy(terms.interactions.astype(np.float32))
        self.register_buffer("interactions", graph, persistent=False)

    def features(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
    ) -> torch.Tensor:
        """[b, h] states where the prompts end: padding is on the left, so at the last place."""
        embeds = self.backbone.embed_tokens(input_ids)
        return self.backbone.hidden(embeds, attention_mask, position_ids)[:, -1].float()

    def forward(self, labels: torch.Tensor, **prompts: torch.Tensor) -> dict[str, Any]:  # type: ignore[override]
        """Mean binary cross-entropy, and the weighted rate of interactions to be expected."""
        logits = self.head(self.features(**prompts)).float()
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        if self.interaction_weight:
            rate = expected_interactions(logits.sigmoid(), self.interactions)
            loss = loss + self.interaction_weight * rate
        return {"loss": loss}


class PatientPrompts(Dataset):
    """Prompts in tokens, with what was given.

    Attributes:
        lengths: [n] tokens of each; those of like length share a batch.
    """

    def __init__(self, encoded: Sequence[Encoded], target: np.ndarray, pad_id: int) -> None:
        self.encoded, self.target, self.pad_id = encoded, target, pad_id
        self.lengths = np.array([len(one.ids) for one in encoded])

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> int:
        return index

    def collate(self, which: list[int]) -> Batch:
        """``input_ids``, ``attention_mask`` and ``position_ids`` [b, l]; ``labels`` [b, v]."""
        batch = collate([self.encoded[index] for index in which], self.pad_id)
        prompts = {key: batch[key] for key in ("input_ids", "attention_mask", "position_ids")}
        return prompts | {"labels": torch.from_numpy(self.target[which].astype(np.float32))}


class LeaderTeacher(AroundNet, MedicationRecommender):
    """A language model that reads visits."""

    name = "leader-teacher"
    summary = "a language model reads the visits in words, a head says which medications"
    Config = LeaderTeacherConfig
    config: LeaderTeacherConfig
    net: TeacherNet
    terms: Terms
    learned: Learned | None = None

    @property
    def backbone(self) -> Backbone:
        """The language model, with the adapter that was learned."""
        return self.net.backbone

    def prompts(self, cases: MedicationCases) -> list[Prompt]:
        """What the model reads of each case."""
        config = self.config
        wording = Wording(config.visits, config.max_tokens, config.history_without_diagnoses)
        return patient_prompts(cases, self.terms, self.backbone.tokenizer, wording)

    def _place(self, terms: Terms, seed: int = 0) -> None:
        config, self.terms = self.config, terms
        backbone = Backbone.load(
            config.model,
            layers=config.layers,
            precision=config.model_precision,
            device=config.device,
            gradient_checkpointing=config.gradient_checkpointing,
        )
        backbone.requires_grad_(False)
        backbone.adapters.add(ADAPTER, config.adapter, seed)
        self.net = TeacherNet(backbone, terms, config.interaction_weight).to(backbone.device)

    def fit(self, split: HospitalSplit, context: FitContext = FitContext()) -> Self:  # noqa: B008
        torch.manual_seed(context.seed)
        config = self.config
        self._place(Terms.of(split), context.seed)
        train = _some(split.train, config.samples, context.seed)
        encoded = encode(self.prompts(train), self.backbone.tokenizer)
        examples = PatientPrompts(encoded, known_targets(train), self.backbone.tokenizer.pad_id)
        validation = _some(split.validation, config.validation_patients, context.seed)
        self.learned = fit(
            self.net,
            examples,
            examples.collate,
            config,
            MedicationValidation.of(validation, self.score),
            context,
            decay_groups(self.net, config.weight_decay, {"head": config.head_learning_rate}),
        )
        return self

    def features(
        self, cases: MedicationCases, cache: bool = False, progress: bool = False
    ) -> torch.Tensor:
        """[p, h] states where the prompts end, without dropout.

        Args:
            cache: keep them in the user's cache, by the weights and the prompts, and take them
                from there.
        """
        return embed_encoded(
            self.backbone,
            encode(self.prompts(cases), self.backbone.tokenizer),
            pooling="last",
            batch_tokens=self.config.batch_tokens,
            cache=cache,
            progress=progress,
        )

    @torch.no_grad()
    def score(self, cases: MedicationCases) -> Scores:
        if not len(cases):
            return np.empty((0, len(self.terms.medications)), dtype=np.float32)
        features = self.features(cases).to(self.net.head.weight.device)
        scores: Scores = self.net.head(features).sigmoid().cpu().numpy()
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        return trained_tensors(self.net)

    def load_state(self, state: dict[str, torch.Tensor], terms: Terms) -> None:
        self._place(terms)
        self._restore(state)


def _some(cases: MedicationCases, wanted: int | None, seed: int) -> MedicationCases:
    """So many of the cases, drawn at random and in their order; None, or too many, is all."""
    if wanted is None or wanted >= len(cases):
        return cases
    rows = np.random.default_rng(seed).choice(len(cases), wanted, replace=False)
    return cases.take(np.sort(rows))
