"""A language model learns from preferences: an adapter on a backbone, through ``training.fit``.

``trl`` is not used. Its trainers know DPO's pairs, and neither one better answer against many worse
ones nor lists with grades; they wrap the model in a peft model of their own, which adapters here
are not; and they bring ``datasets`` and a trainer beside the one that judges, keeps and resumes for
every other model of the house. The losses are a few lines each (:mod:`palate.training.preferences`)
and are tested against values by hand.

Legend: g groups of a batch, a answers of a group, n answers in all, l length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.utils.data import Dataset

from palate.errors import DataError
from palate.evaluation.ranking import Values
from palate.language.adapters import AdapterConfig
from palate.language.backbone import IGNORED, Backbone
from palate.language.collate import Encoded, collate, encode, splice
from palate.language.prompts import chat
from palate.language.questions import messages
from palate.search.alignment.groups import Group
from palate.search.asking import user
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, decay_groups, fit
from palate.training.preferences import ABSENT, LOSSES

ADAPTER = "aligned"


class AlignmentConfig(TrainingConfig):
    """Settings of learning from preferences."""

    loss: Literal["dpo", "s-dpo", "plackett-luce", "lambda"] = "s-dpo"
    """Pairs, one against many, whole orders, or pairs by what they change in NDCG."""
    beta: float = Field(0.1, gt=0)
    """How far the model may go from what it was: the smaller, the further."""
    adapter: AdapterConfig = AdapterConfig()
    """The low-rank adapter that learns."""
    epochs: int = Field(2, ge=1)
    """Passes over the groups at most."""
    batch_size: int = Field(4, ge=1)
    """Groups per optimizer step."""
    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of AdamW."""
    patience: int = Field(2, ge=1)
    """Evaluations without better accuracy before training stops."""


@dataclass(frozen=True)
class _Example:
    answers: tuple[Encoded, ...]
    reference: tuple[float, ...]
    grades: tuple[float, ...]


class _Examples(Dataset):
    def __init__(self, examples: Sequence[_Example]) -> None:
        self.examples = list(examples)
        self.lengths = np.array([sum(len(e.ids) for e in one.answers) for one in examples])

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> _Example:
        return self.examples[index]


class PreferenceNet(nn.Module):
    """A backbone whose loss is a preference among answers."""

    def __init__(self, backbone: Backbone, config: AlignmentConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self._loss, self._beta = LOSSES[config.loss], config.beta

    def collate(self, examples: list[_Example]) -> dict[str, torch.Tensor]:
        """All answers of some groups in rows, and [g, a] their grades and reference values."""
        most = max(len(one.answers) for one in examples)
        grades = torch.full((len(examples), most), ABSENT)
        reference = torch.zeros(len(examples), most)
        for row, one in enumerate(examples):
            grades[row, : len(one.grades)] = torch.tensor(one.grades, dtype=torch.float)
            reference[row, : len(one.grades)] = torch.tensor(one.reference)
        flat = [answer for one in examples for answer in one.answers]
        batch = collate(flat, self.backbone.tokenizer.pad_id)
        batch["targets"] = batch.pop("labels")  # sums of log-probabilities are no mean over labels
        del batch["slots"]
        return {**batch, "grades": grades, "reference": reference}

    def forward(
        self, grades: torch.Tensor, reference: torch.Tensor, **answers: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The loss of a batch of groups."""
        found = sums(self.backbone, **answers)
        present = grades > ABSENT
        placed = torch.zeros_like(reference).masked_scatter(present, found)
        delta = self._beta * (placed - reference) * present
        return {"loss": self._loss(delta, grades)}


def sums(
    backbone: Backbone,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    position_ids: torch.Tensor,
    targets: torch.Tensor,
    slot_mask: torch.Tensor,
) -> torch.Tensor:
    """[n] log-probability of each row's answer, summed over its tokens.

    Args:
        targets: [n, l] the tokens of answers, ``IGNORED`` elsewhere; not shifted.
    """
    embeds = splice(backbone, input_ids, slot_mask)
    wanted = targets[:, 1:]
    keep = (wanted != IGNORED).any(0).nonzero().squeeze(1)
    logits = backbone(embeds, attention_mask, position_ids, keep).float()  # [n, k, v]
    wanted = wanted[:, keep]
    real = wanted != IGNORED
    chosen = logits.log_softmax(-1).gather(2, wanted.clamp(min=0)[..., None]).squeeze(2)
    return (chosen * real).sum(1)


def encoded(backbone: Backbone, group: Group) -> list[Encoded]:
    """The group's question with each of its answers, in tokens."""
    turns = messages(user(f"Question: {group.question}", "Answer in one sentence."))
    prompts = [chat(backbone.tokenizer, turns, answer) for answer in group.answers]
    return encode(prompts, backbone.tokenizer)


def log_probs(
    backbone: Backbone, groups: Sequence[Group], batch: int = 16
) -> list[tuple[Values, Values]]:
    """Of each group, [a] the summed log-probability of each answer and its number of tokens."""
    flat = [one for group in groups for one in encoded(backbone, group)]
    order = sorted(range(len(flat)), key=lambda place: len(flat[place].ids))
    values = np.zeros(len(flat))
    training = backbone.training
    backbone.eval()
    with torch.no_grad():
        for which in _parts(order, batch):
            made = collate([flat[place] for place in which], backbone.tokenizer.pad_id)
            made["targets"] = made.pop("labels")
            del made["slots"]
            tensors = {key: value.to(backbone.device) for key, value in made.items()}
            values[which] = sums(backbone, **tensors).cpu().numpy()
    backbone.train(training)
    lengths = np.array([len(one.ids) - one.answer for one in flat], dtype=float)
    cuts = np.cumsum([len(group.answers) for group in groups])[:-1]
    return list(zip(np.split(values, cuts), np.split(lengths, cuts), strict=True))


def accuracy(groups: Sequence[Group], scores: Sequence[Values]) -> Values:
    """[g] share of each group's pairs in which the better answer has the higher score; ties are
    half right."""
    found = []
    for group, own in zip(groups, scores, strict=True):
        margins = [own[a] - own[b] for a, b in group.pairs()]
        found.append(np.mean([0.5 if m == 0 else float(m > 0) for m in margins]))
    return np.array(found)


@dataclass(frozen=True)
class _Held:
    """Accuracy of the implicit reward, ``log pi - log pi_ref``, on groups not learned from."""

    groups: Sequence[Group]
    reference: Sequence[Values]
    backbone: Backbone
    metric: ClassVar[str] = "accuracy"

    def __len__(self) -> int:
        return len(self.groups)

    def measure(self, which: np.ndarray) -> np.ndarray:
        """Of these groups."""
        some = [self.groups[int(place)] for place in which]
        now = [values for values, _ in log_probs(self.backbone, some)]
        before = [self.reference[int(place)] for place in which]
        return accuracy(some, [a - b for a, b in zip(now, before, strict=True)])

    def summary(self, values: np.ndarray) -> float:
        """The mean."""
        return float(values.mean())


def align(
    backbone: Backbone,
    groups: Sequence[Group],
    config: AlignmentConfig | None = None,
    *,
    held: Sequence[Group] = (),
    context: FitContext | None = None,
) -> Learned:
    """Learn an adapter, called ``aligned``, from groups; the model without it is the reference.

    Args:
        held: groups by whose accuracy training stops.

    Raises:
        DataError: no group is left to learn from.
    """
    config, context = config or AlignmentConfig(), context or FitContext()
    if not groups:
        raise DataError("there is no question with answers of different grades to learn from")
    reference = [values for values, _ in log_probs(backbone, groups)]
    before = [values for values, _ in log_probs(backbone, held)] if held else []
    backbone.adapters.add(ADAPTER, config.adapter, seed=context.seed)
    net = PreferenceNet(backbone, config)
    examples = [
        _Example(tuple(encoded(backbone, group)), tuple(values.tolist()), group.grades)
        for group, values in zip(groups, reference, strict=True)
    ]
    judge: Any = _Held(held, before, backbone) if held else None
    parameters = decay_groups(net, config.weight_decay)
    return fit(net, _Examples(examples), net.collate, config, judge, context, parameters)


def _parts(order: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), size):
        yield list(order[start : start + size])
