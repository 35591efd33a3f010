"""A small cross-encoder, taught the order that a large ranker gave.

Legend: b lists of a batch, h hits of each, l length.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import Dataset

from palate.errors import RunError
from palate.evaluation.ranking import Values
from palate.language.precision import choose_device
from palate.language.quiet import quiet
from palate.language.weights import resolve
from palate.search.asking import passage
from palate.search.ranking.permutations import by_score, kendall
from palate.search.results import Results, Texts
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, decay_groups, fit

HEAD = "head.safetensors"
ENCODER = "encoder"
NOTHING = -1.0  # grade of a place of a batch at which there is no document


class CrossEncoderConfig(TrainingConfig):
    """Settings of a cross-encoder."""

    loss: Literal["ranknet", "listmle"] = "ranknet"
    """Pairs of the teacher's order, or the probability of the whole order."""
    words: int = Field(100, ge=5)
    """Words of each document that are read, its title first."""
    length: int = Field(192, ge=16)
    """Tokens of query and document together, at most."""
    hits: int = Field(20, ge=2)
    """Hits of a list that are learned from, the teacher's first ones."""
    epochs: int = Field(3, ge=1)
    """Passes over the lists at most."""
    batch_size: int = Field(4, ge=1)
    """Lists per optimizer step."""
    learning_rate: float = Field(5e-5, gt=0)
    """Peak learning rate of AdamW."""
    patience: int = Field(2, ge=1)
    """Evaluations without better agreement before training stops."""


def ranknet(scores: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of ``log(1 + exp(s_worse - s_better))`` (Burges et al., ICML 2005).

    Args:
        scores: [b, h] of the student.
        grades: [b, h] of the teacher, the higher the better; below 0 where there is nothing.
            Pairs of equal grades say nothing.
    """
    better = (grades[:, :, None] > grades[:, None, :]) & (grades[:, None, :] >= 0)
    differences = scores[:, None, :] - scores[:, :, None]  # [b, better, worse]
    losses = F.softplus(differences) * better
    return losses.sum() / better.sum().clamp(min=1)


def listmle(scores: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Mean over lists of minus the log-probability of the teacher's order (Xia et al., ICML 2008).

    ``-sum_i (s_i - log sum_{j >= i} exp(s_j))`` over the order by falling grade; of equal grades
    the first in the list goes first. Divided by the number of documents of each list.
    """
    order = grades.argsort(dim=1, descending=True, stable=True)
    real = grades.gather(1, order) >= 0
    sorted_scores = scores.gather(1, order).masked_fill(~real, -1e9)
    after = sorted_scores.flip(1).logcumsumexp(1).flip(1)
    losses = ((after - sorted_scores) * real).sum(1) / real.sum(1).clamp(min=1)
    return losses.mean()


@dataclass(frozen=True)
class Taught:
    """A list as a teacher ordered it: texts, and the higher grade the better."""

    query: str
    passages: tuple[str, ...]
    grades: tuple[float, ...]


class _Lists(Dataset):
    def __init__(self, lists: Sequence[Taught]) -> None:
        self.lists = lists

    def __len__(self) -> int:
        return len(self.lists)

    def __getitem__(self, index: int) -> Taught:
        return self.lists[index]


class _Net(nn.Module):
    """An encoder that reads query and document together, and a number from its first token."""

    def __init__(self, encoder: nn.Module, tokenizer: Any, config: CrossEncoderConfig) -> None:
        super().__init__()
        self.encoder, self.tokenizer = encoder, tokenizer
        self.settings = config  # a Trainer writes into what is called config
        width = encoder.config.hidden_size  # type: ignore[union-attr]
        self.head = nn.Linear(int(width), 1)  # type: ignore[arg-type]
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def tokens(self, pairs: Sequence[tuple[str, str]]) -> dict[str, torch.Tensor]:
        """[b, l] of pairs, cut at the end of the document."""
        queries, passages = zip(*pairs, strict=True)
        return dict(
            self.tokenizer(
                list(queries), list(passages), padding=True, truncation="only_second",
                max_length=self.settings.length, return_tensors="pt",
            )
        )  # fmt: skip

    def scores(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """[b] of tokenised pairs."""
        states = self.encoder(**inputs).last_hidden_state[:, 0]
        return self.head(states).squeeze(1)

    def collate(self, lists: list[Taught]) -> dict[str, torch.Tensor]:
        """All pairs of some lists, and the grades [b, h] with ``NOTHING`` at the end."""
        most = max(len(one.passages) for one in lists)
        pairs = [(one.query, text) for one in lists for text in one.passages]
        grades = torch.full((len(lists), most), NOTHING)
        for row, one in enumerate(lists):
            grades[row, : len(one.grades)] = torch.tensor(one.grades)
        return {**self.tokens(pairs), "grades": grades}

    def forward(self, grades: torch.Tensor, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss of a batch."""
        real = grades >= 0
        scores = torch.zeros_like(grades).masked_scatter(real, self.scores(inputs).float())
        loss = ranknet if self.settings.loss == "ranknet" else listmle
        return {"loss": loss(scores, grades)}


@dataclass(frozen=True)
class _Agreement:
    """Kendall's tau with the teacher, on lists that were not learned from."""

    lists: Sequence[Taught]
    encoder: CrossEncoder
    metric: ClassVar[str] = "tau"

    def __len__(self) -> int:
        return len(self.lists)

    def measure(self, which: np.ndarray) -> np.ndarray:
        """Tau of each of these lists."""
        found = []
        for place in which:
            one = self.lists[int(place)]
            order = by_score(self.encoder.score(one.query, one.passages).tolist())
            found.append(kendall(order, by_score(one.grades)))
        return np.array(found)

    def summary(self, values: np.ndarray) -> float:
        """The mean."""
        return float(values.mean())


class CrossEncoder:
    """Re-ranks by reading query and document together; distilled from a ranker's orders.

    RankGPT's distillation (Sun et al., EMNLP 2023, section 5): a teacher's permutations, RankNet
    over them. ListMLE as the other loss.
    """

    name = "cross-encoder"

    def __init__(self, encoder: nn.Module, tokenizer: Any, config: CrossEncoderConfig) -> None:
        self.config = config
        self.net = _Net(encoder, tokenizer, config)

    @classmethod
    def load_encoder(
        cls, place: str, config: CrossEncoderConfig | None = None, device: str = "auto"
    ) -> CrossEncoder:
        """A fresh head on an encoder.

        Args:
            place: known name (``minilm``), folder or hub id of an encoder.

        Raises:
            ConfigError: no such model.
        """
        from transformers import AutoModel, AutoTokenizer

        place = resolve(place)
        with quiet():
            encoder = AutoModel.from_pretrained(place, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(place)
        torch.manual_seed(0)
        made = cls(encoder, tokenizer, config or CrossEncoderConfig())
        made.net.to(choose_device(device)).eval()
        return made

    def fit(
        self,
        taught: Sequence[Results],
        texts: Texts,
        *,
        grades: Sequence[Sequence[float]] | None = None,
        validation: Sequence[Results] = (),
        context: FitContext | None = None,
    ) -> Learned:
        """Learn from lists in a teacher's order.

        Args:
            grades: of the hits of each list, in place of their order; NaN where not graded.
            validation: lists in the teacher's order, by which training stops.
        """
        lists = [
            self._taught(one, texts, None if grades is None else grades[place])
            for place, one in enumerate(taught)
        ]
        lists = [one for one in lists if len(set(one.grades)) > 1]
        held = [self._taught(one, texts, None) for one in validation]
        judge = _Agreement([one for one in held if len(one.grades) > 1], self)
        groups = decay_groups(self.net, self.config.weight_decay)
        return fit(
            self.net, _Lists(lists), self.net.collate, self.config,
            judge if len(judge) else None, context or FitContext(), groups,
        )  # fmt: skip

    def score(self, query: str, passages: Sequence[str], at_a_time: int = 32) -> Values:
        """[h] of passages to one query."""
        self.net.eval()
        device = self.net.head.weight.device
        found = [np.empty(0)]
        with torch.no_grad():
            for start in range(0, len(passages), at_a_time):
                some = [(query, text) for text in passages[start : start + at_a_time]]
                inputs = {k: v.to(device) for k, v in self.net.tokens(some).items()}
                found.append(self.net.scores(inputs).float().cpu().numpy())
        return np.concatenate(found)

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits, the first *k* of each list (or all) by score."""
        ranked = []
        for one in results:
            started = time.perf_counter()
            shown = [passage(texts, hit.document, self.config.words) for hit in one.hits[:k]]
            scores = self.score(one.query.text, shown).tolist()
            order = by_score(scores)
            again = one.reordered(order, self.name, [scores[place] for place in order])
            ranked.append(again.spent(self.name, time.perf_counter() - started))
        return ranked

    def save(self, folder: Path) -> None:
        """Write encoder, tokenizer and head."""
        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            self.net.encoder.save_pretrained(folder / ENCODER)  # type: ignore[operator]
            self.net.tokenizer.save_pretrained(folder / ENCODER)
        head = {key: value.detach().cpu() for key, value in self.net.head.state_dict().items()}
        save_file(head, folder / HEAD)
        (folder / "config.json").write_text(self.config.model_dump_json(indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> CrossEncoder:
        """Read what was saved.

        Raises:
            RunError: there is no cross-encoder.
        """
        if not (folder / HEAD).exists():
            raise RunError(f"{folder}: no cross-encoder here ({HEAD})")
        told = (folder / "config.json").read_text("utf-8")
        config = CrossEncoderConfig.model_validate_json(told)
        made = cls.load_encoder(str(folder / ENCODER), config, device)
        made.net.head.load_state_dict(load_file(folder / HEAD))
        return made

    def _taught(self, one: Results, texts: Texts, grades: Sequence[float] | None) -> Taught:
        hits = one.hits[: self.config.hits]
        told = list(range(len(hits), 0, -1)) if grades is None else list(grades[: len(hits)])
        known = [place for place, grade in enumerate(told) if not np.isnan(grade)]
        shown = [passage(texts, hits[place].document, self.config.words) for place in known]
        return Taught(one.query.text, tuple(shown), tuple(float(told[place]) for place in known))
