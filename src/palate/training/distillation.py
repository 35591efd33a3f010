"""Learning from teachers: losses, weights of teachers, and a curriculum.

After Sun et al., "Distillation is All You Need for Practically Using Different Pre-trained
Recommendation Models" (later CKD-MDSR), arXiv:2401.00797. Its abstracts name the parts:
curriculum-scheduled sampling, joint distillation of scores within a batch, and weights by
consistency for each instance; no full text or code could be had, so every formula here is a
*reconstruction* and every choice a setting.

Legend: m instances of a batch, c candidates, k teachers, n training examples.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch.utils.data import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from palate.config import Config

Control = Literal["none", "permuted", "in-batch", "smoothing"]


class DistilConfig(Config):
    """Settings of distillation."""

    strength: float = Field(1.0, ge=0)
    """Weight of the teachers' loss beside the student's own; 0 is the student alone."""
    temperature: float = Field(2.0, gt=0)
    """Softens teachers and student alike."""
    batch: int = Field(256, ge=2)
    """Instances of a training batch that teachers are heard about; what came next in each is a
    candidate in all."""
    instances: int | None = Field(20_000, ge=1)
    """Training events that teachers are asked about, drawn at random; null asks about all."""
    weights: Literal["consistency", "uniform"] = "consistency"
    """How much each teacher counts in each instance: by its confidence and its agreement with the
    others, or all alike."""
    confidence: float = Field(1.0, ge=0)
    """Weight of the probability that a teacher gives to what came next."""
    agreement: float = Field(1.0, ge=0)
    """Weight of a teacher's nearness to the mean of all."""
    sharpness: float = Field(0.5, gt=0)
    """The lower, the more the best teacher of an instance counts alone."""
    target: Literal["each", "fused"] = "each"
    """Nearness to each teacher, weighted; or to the weighted mixture of all."""
    features: float = Field(0.0, ge=0)
    """Weight of a loss that brings the student's state, through a linear map, near each teacher's
    vector of the history; for teachers and students that have one."""
    curriculum: Literal["easy-first", "hard-first", "random", "none"] = "easy-first"
    """Which training examples are seen early."""
    length_order: Literal["short-first", "long-first"] = "short-first"
    """Whether short or long examples are easy."""
    length_share: float = Field(0.5, ge=0, le=1)
    """How much of what is easy is decided by length; the rest by popularity of the items."""
    begin: float = Field(0.3, gt=0, le=1)
    """Share of the examples that is seen in the first epoch."""
    pace: float = Field(0.5, gt=0, le=1)
    """Share of all epochs after which all examples are seen."""
    control: Control = "none"
    """In place of the teachers: permuted gives each instance the scores of another one, in-batch
    the cross-entropy among the same candidates, smoothing smoothed labels."""


def teacher_weights(
    teachers: torch.Tensor, correct: torch.Tensor, config: DistilConfig
) -> torch.Tensor:
    """[k, m] how much each teacher counts in each instance; sums to 1 over teachers.

    Confidence is the probability of what came next, consistency ``1 - JS(p_k, mean p) / ln 2``;
    the weights are a softmax over teachers of their weighted sum.

    Args:
        teachers: [k, m, c] probabilities.
        correct: [m] position of what came next among the candidates.
    """
    if config.weights == "uniform" or len(teachers) == 1:
        return teachers.new_full(teachers.shape[:2], 1 / len(teachers))
    confident = teachers.gather(2, correct.expand(len(teachers), -1)[..., None])[..., 0]
    agreeing = 1 - divergence(teachers, teachers.mean(0, keepdim=True)) / math.log(2)
    score = config.confidence * confident + config.agreement * agreeing
    return (score / config.sharpness).softmax(0)


def divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence over the last dimension, from 0 to ln 2."""
    middle = (p + q) / 2
    return (entropy(middle) - (entropy(p) + entropy(q.expand_as(p))) / 2).clamp(min=0)


def entropy(p: torch.Tensor) -> torch.Tensor:
    """Entropy over the last dimension, in nats."""
    return -torch.special.xlogy(p, p).sum(-1)


def distillation_loss(
    student: torch.Tensor, teachers: torch.Tensor, correct: torch.Tensor, config: DistilConfig
) -> torch.Tensor:
    """Mean over instances of the weighted divergence from the teachers, times T squared.

    Args:
        student: [m, c] scores.
        teachers: [k, m, c] scores, each teacher's on a scale of its own that is calibrated.
        correct: [m] position of what came next among the candidates.
    """
    soft = config.temperature
    own = (student / soft).log_softmax(-1)
    if config.control == "in-batch":
        return F.cross_entropy(student, correct)
    if config.control == "smoothing":
        return F.cross_entropy(student, correct, label_smoothing=0.1)
    told = (teachers / soft).softmax(-1)
    if config.control == "permuted":
        told = told[:, torch.randperm(told.shape[1], device=told.device)]
    weights = teacher_weights(told, correct, config)
    if config.target == "fused":
        told = (weights[..., None] * told).sum(0, keepdim=True)
        weights = torch.ones_like(weights[:1])
    apart = (torch.special.xlogy(told, told) - told * own).sum(-1)  # [k, m] KL(teacher, student)
    return (weights * apart).sum(0).mean() * soft**2


def calibrated(scores: np.ndarray, correct: np.ndarray) -> float:
    """The temperature at which a teacher's scores best foretell what came next.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: one number, on validation.

    Args:
        scores: [m, c] of the candidates; correct: [m] position of what came next.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    spread = float(np.std(scores)) or 1.0

    def surprise(log_temperature: float) -> float:
        likely = log_softmax(scores / (spread * np.exp(log_temperature)), axis=1)
        return -float(likely[np.arange(len(correct)), correct].mean())

    found = minimize_scalar(surprise, bounds=(-6, 6), method="bounded")
    return spread * float(np.exp(found.x))


def difficulty(lengths: np.ndarray, popularity: np.ndarray, config: DistilConfig) -> np.ndarray:
    """[n] from easy to hard, as ranks from 0 to 1.

    Args:
        lengths: [n] events of each example.
        popularity: [n] mean logarithm of how popular its items are.
    """
    by_length = _ranks(lengths if config.length_order == "short-first" else -lengths)
    share = config.length_share
    return share * by_length + (1 - share) * _ranks(-popularity)


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    ranks: np.ndarray = (rankdata(values) - 1) / max(len(values) - 1, 1)
    return ranks


class Curriculum(Dataset):
    """Training examples of which only the easier ones are seen at first.

    It is as long as all of them at any time, so that epochs have equal numbers of updates: the
    examples that are visible are seen more than once.

    Attributes:
        visible: share of the examples, the easiest, that is seen now.
    """

    def __init__(self, data: Any, hardness: np.ndarray, config: DistilConfig, seed: int) -> None:
        self.data = data
        order = np.argsort(hardness, kind="stable")
        if config.curriculum == "hard-first":
            order = order[::-1]
        if config.curriculum == "random":
            order = np.random.default_rng(seed).permutation(len(hardness))
        self.order = order
        self.visible = config.begin

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> Any:
        seen = max(1, math.ceil(self.visible * len(self.order)))
        return self.data[int(self.order[index * seen // len(self.order)])]


class Pacing(TrainerCallback):
    """Lets a curriculum see more with every epoch: ``f(e) = min(1, f0 + (1 - f0) e / E)``."""

    def __init__(self, curriculum: Curriculum, config: DistilConfig) -> None:
        self.curriculum, self.config = curriculum, config

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        epoch = round(state.epoch or 0)
        begin, until = self.config.begin, self.config.pace * args.num_train_epochs
        self.curriculum.visible = min(1.0, begin + (1 - begin) * epoch / max(until, 1e-9))
