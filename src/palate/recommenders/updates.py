"""Recommenders that go on learning, and what two of them can be made of.

Legend: n questions, i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from palate.config import Config
from palate.data.cases import Split
from palate.data.catalogue import Catalogue
from palate.data.questions import Questions
from palate.evaluation.likes import auc
from palate.evaluation.ranking import ndcg, rank_targets
from palate.training.context import FitContext
from palate.training.fit import Learned
from palate.training.proximal import Near

WHO = "tallrec, sasrec-likes, sasrec, gru4rec and caser"
"""The methods of the house that go on learning, for messages."""
Weights = dict[str, torch.Tensor]
Answers = npt.NDArray[np.float32]


@runtime_checkable
class Updates(Protocol):
    """A recommender that learns from questions, again and again.

    Attributes:
        metric: what :meth:`quality` gives on average, ``auc`` or ``ndcg@10``.
        low_rank: weights are low-rank factors, so that merging factors and merging what they
            change are two things.
    """

    metric: ClassVar[str]
    low_rank: ClassVar[bool]
    config: Config

    def begin(self, catalogue: Catalogue, seed: int) -> None:
        """Be untrained; the same seed begins with the same weights."""
        ...

    def learn(
        self,
        train: Questions,
        validation: Questions,
        context: FitContext,
        near: Near | None = None,
    ) -> Learned:
        """Train on from where the weights are, and stay at the best epoch by *validation*."""
        ...

    def refresh(self, split: Split, context: FitContext) -> None:
        """Bring up to date what is counted or solved, and not learned bit by bit."""
        ...

    def weights(self) -> Weights:
        """What learning changes."""
        ...

    def take(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Have these weights. Those of a smaller catalogue, whose items are the first of this
        one, leave the further items as they are."""
        ...

    def predict(self, questions: Questions) -> Answers:
        """Probabilities: [n] that what is asked about is liked, or [n, i] of what comes next."""
        ...

    def quality(self, answers: Answers, questions: Questions) -> npt.NDArray[Any] | None:
        """[n] value of each question, or None where only all together have one (AUC)."""
        ...

    def judge(self, answers: Answers, questions: Questions) -> float:
        """The metric of all of them."""
        ...


class RanksNext:
    """Answers are probabilities of what comes next, [n, i], and judged as a ranking."""

    metric: ClassVar[str] = "ndcg@10"
    low_rank: ClassVar[bool] = False

    def quality(self, answers: Answers, questions: Questions) -> npt.NDArray[Any] | None:
        """[n] NDCG@10 over the whole catalogue, without what was touched before."""
        cases = questions.cases()
        seen = (cases.histories.items, cases.histories.offsets)
        return ndcg(rank_targets(answers, cases.targets, seen), 10)

    def judge(self, answers: Answers, questions: Questions) -> float:
        """Mean NDCG@10 of questions about events; what was drawn in their place did not come."""
        values = self.quality(answers, questions)
        assert values is not None
        own = questions.items == questions.sequences.items[questions.places]
        return float(values[own].mean())


class JudgesLikes:
    """Answers are probabilities that what is asked about is liked, [n]."""

    metric: ClassVar[str] = "auc"
    low_rank: ClassVar[bool] = False

    def quality(self, answers: Answers, questions: Questions) -> npt.NDArray[Any] | None:
        """None: a single question has no AUC."""
        return None

    def judge(self, answers: Answers, questions: Questions) -> float:
        """Area under the ROC curve."""
        return auc(answers, questions.liked)


def mixed(long: Answers, short: Answers, share: float) -> Answers:
    """Output ensemble (LSAT-EN): probabilities, *share* of them the long-term model's.

    At 1 and 0 it is the one or the other to the last bit.
    """
    if share in (0, 1):
        return long if share else short
    both: Answers = (share * long + (1 - share) * short).astype(np.float32)
    return both


def merged(
    long: Mapping[str, torch.Tensor], short: Mapping[str, torch.Tensor], share: float
) -> Weights:
    """Task arithmetic factor by factor (LSAT-TA as released): every tensor is interpolated.

    Of low-rank adapters this merges A and B apart, so their products hold cross terms; see
    :func:`merged_exactly`.
    """
    if share in (0, 1):
        return {name: value.clone() for name, value in (long if share else short).items()}
    return {
        name: torch.lerp(short[name].float(), value.float(), share).to(value.dtype)
        for name, value in long.items()
    }


def merged_exactly(
    long: Mapping[str, torch.Tensor], short: Mapping[str, torch.Tensor], share: float
) -> Weights:
    """Adapters of twice the rank whose update is the interpolation of the two updates.

    The scale of an update, alpha by rank, is to stay what it was. At 1 and 0 it is the one or the
    other as it is.
    """
    if share in (0, 1):
        return merged(long, short, share)
    both: Weights = {}
    for name, value in long.items():
        if "lora_A" in name:
            both[name] = torch.cat([value, short[name]], 0)
        elif "lora_B" in name:
            both[name] = torch.cat([share * value, (1 - share) * short[name]], 1)
        else:
            both[name] = torch.lerp(short[name].float(), value.float(), share).to(value.dtype)
    return both


def grown(
    own: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor], net: nn.Module
) -> Weights:
    """*weights* in the sizes of *own*: tables with a row per item get their further rows from it.

    Raises:
        RuntimeError: a tensor differs in more than its number of rows.
    """
    padded = {
        f"{name}.weight"
        for name, module in net.named_modules()
        if isinstance(module, nn.Embedding) and module.padding_idx is not None
    }
    found: Weights = {}
    for name, value in weights.items():
        mine = own[name]
        if value.shape == mine.shape:
            found[name] = value
            continue
        if value.shape[1:] != mine.shape[1:] or len(value) > len(mine):
            raise RuntimeError(f"'{name}' is {tuple(value.shape)} there, {tuple(mine.shape)} here")
        items = len(value) - (name in padded)  # the last row of such a table is padding
        found[name] = mine.clone()
        found[name][:items] = value[:items]
    return found
