"""LEADER: a small net over visits that learned from a language model.

Liu et al., "Large Language Model Distilling Medication Recommendation Model", arXiv:2402.02803. A
visit is three sets of codes; a block over each set, a block over the visits of each stream, shared
by the three; a prompt made of the patient's profile opens the stream of medications, so that a
first visit has one. What stands before the last layer is brought near the state in which the
teacher (:mod:`.leader_teacher`) reads the same patient, and the profile near the medications that
were given.

Each of these is another number in the released code, and a setting here:
  ``first_visits``: of long histories the first visits are kept, which leaves out the one that is
  asked about; ``positive_in_denominator=no``: the contrastive loss compares a pair with the others
  only; ``released_alignment_ids``: medications are looked up in the wrong rows of the table;
  ``features=raw``: the teacher's states are met as they are, whatever their scale.

Legend: p cases, h width of the teacher.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import nn

from palate.config import Config
from palate.data.hospital.splits import HospitalSplit
from palate.errors import ConfigError
from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.leader_net import LEADERLessons, LEADERNet
from palate.recommenders.medication.leader_teacher import LeaderTeacher
from palate.recommenders.medication.net import NetMedicationRecommender, VisitNetConfig
from palate.training.context import FitContext


class LEADERConfig(VisitNetConfig):
    """Settings of LEADER's student."""

    teacher: str | None = None
    """Run of leader-teacher on the same data, which it learns from."""
    distillation: float = Field(0.4, ge=0)
    """Weight of the distance to the teacher's states; 0 learns without a teacher."""
    teaching: Literal["matched", "permuted"] = "matched"
    """permuted gives each patient the teacher's state of another one: the control."""
    features: Literal["standard", "raw"] = "standard"
    """The teacher's states with mean 0 and variance 1 in each dimension, or as they are."""
    alignment: float = Field(0.005, ge=0)
    """Weight of the loss that brings profiles near the medications given."""
    positive_in_denominator: bool = True
    """A pair is compared with itself too, and not with the others only as in the released code."""
    released_alignment_ids: bool = False
    """Look medications up in the wrong rows when aligning, as the released code does."""
    temperature: float = Field(1.0, gt=0)
    """Of the alignment's cosines."""
    profile: bool = True
    """Open the stream of medications with a prompt made of the profile."""
    prompts: int = Field(1, ge=1)
    """Vectors of that prompt."""
    first_visits: bool = False
    """Keep the first visits of a long history and not the last, as the released code does."""
    heads: int = Field(4, ge=1)
    """Attention heads of each block."""
    hidden: int = Field(300, ge=1)
    """Width inside each block's feed-forward net."""
    mediator: int = Field(128, ge=1)
    """Width of the layer that meets the teacher."""
    attention_dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout of what is attended to."""
    dropout: float = Field(0.4, ge=0, lt=1)
    learning_rate: float = Field(5e-4, gt=0)
    batch_size: int = Field(16, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared out to {self.heads} heads")
        if self.alignment and not self.profile:
            raise ValueError("alignment=0 belongs to profile=no: without one nothing is aligned")
        return self


_Config = Config  # the name, inside the class, is the method's own


class LEADER(NetMedicationRecommender):
    """A student of a language model."""

    name = "leader"
    summary = "a small net over visits that learned from a language model"
    Config = LEADERConfig
    config: LEADERConfig
    net: LEADERNet

    def __init__(self, config: _Config | None = None) -> None:
        super().__init__(config)
        if self.config.distillation and self.config.teacher is None:
            raise ConfigError(
                f"leader: distillation={self.config.distillation:g} needs a teacher: train one "
                "(palate train leader-teacher --data ...) and name its run (--teacher RUN), or "
                "learn without (--distillation 0)"
            )
        self.keep = "first" if self.config.first_visits else "last"

    def build(self, terms: Terms, split: HospitalSplit | None) -> LEADERNet:
        return LEADERNet(terms, self.config)

    def learner(self, split: HospitalSplit, context: FitContext) -> nn.Module:
        features = None
        if self.config.distillation and self.config.teacher is not None:
            features = self._told(self.config.teacher, split, context)
        device = next(self.net.parameters()).device
        return LEADERLessons(self.net, self.config, features, context.seed).to(device)

    def _told(self, folder: str, split: HospitalSplit, context: FitContext) -> torch.Tensor:
        """[p, h] what the teacher says of the training cases, asked once and then cached."""
        place = Path(folder)
        terms = Terms.load(place)
        if terms.vocabularies != dict(split.hospital.vocabularies):
            raise ConfigError(
                f"teacher {folder}: learned from other data (its codes are others); train a "
                "teacher on this data"
            )
        teacher = LeaderTeacher.load(place, terms)
        cases = split.train.without_targets()
        features = teacher.features(cases, cache=True, progress=context.progress)
        if self.config.features == "raw":
            return features
        return (features - features.mean(0)) / features.std(0).clamp(min=1e-6)
