"""Labels of a closed list: a document can get no other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.evaluation.ranking import Values
from palate.language.questions import ChatModel, Choose
from palate.search.asking import Steps, ask, clipped, fenced, user
from palate.search.content.enrich import Enricher
from palate.search.documents import Document


class LabelConfig(Config):
    """Settings of labelling."""

    most: int = Field(2, ge=1)
    """Labels of a document, at most."""
    least: float = Field(0.3, ge=0, le=1)
    """Probability that a label needs; the likeliest one is given whatever it has."""
    words: int = Field(120, ge=5)
    """Words of the document that the model is shown."""
    prior: bool = True
    """Divide by how likely each label is for an empty document, so that a word which the model
    likes does not win everywhere."""


@dataclass(frozen=True)
class Label:
    """One label of one document, with its probability among all labels."""

    id: str
    probability: float


class Labels(Enricher[LabelConfig, list[Label]]):
    """Labels by the likelihood of their names as the answer.

    Every name is scored, and nothing is decoded: what is not in the taxonomy cannot come out.
    """

    field = "labels"

    def __init__(
        self, model: ChatModel, taxonomy: Mapping[str, str], config: LabelConfig | None = None
    ) -> None:
        """
        Args:
            taxonomy: label's id to its name, as a person would say it.

        Raises:
            ConfigError: fewer than two labels, or two of one name.
        """
        super().__init__(model, config or LabelConfig())
        self.taxonomy = dict(taxonomy)
        names = [name.lower() for name in self.taxonomy.values()]
        if len(names) < 2 or len(set(names)) < len(names) or not all(names):
            raise ConfigError("a taxonomy needs two labels or more, each of a name of its own")
        self._prior: tuple[float, ...] | None = None

    def steps(self, document: Document) -> Steps[list[Label]]:
        """One question; the first document asks one more, about an empty one."""
        if self.config.prior and self._prior is None:
            (empty,) = yield from ask([self._question("")])
            self._prior = empty.log_probs
        text = f"{document.title}. {document.text}" if document.title else document.text
        (reply,) = yield from ask([self._question(clipped(text, self.config.words))])
        values = np.array(reply.log_probs)
        if self.config.prior:
            values = values - np.array(self._prior)
        shares = np.exp(values - values.max())
        shares /= shares.sum()
        order = np.argsort(-shares, kind="stable")[: self.config.most]
        ids = list(self.taxonomy)
        return [
            Label(ids[i], float(shares[i]))
            for rank, i in enumerate(order)
            if rank == 0 or shares[i] >= self.config.least
        ]

    def shown(self, found: list[Label]) -> str:
        """The labels' names, with semicolons."""
        return "; ".join(self.taxonomy[label.id] for label in found)

    def _question(self, text: str) -> Choose:
        names = tuple(self.taxonomy.values())
        turns = user(
            f"Text:\n{fenced(text)}",
            f"Topics: {', '.join(names)}.",
            "Which topic is the text about? Answer with one topic.",
        )
        return Choose(turns, names, whole=True)


def f1(found: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Micro- and macro-averaged F1 of label sets; macro over the labels that anybody gave."""
    right: dict[str, int] = {}
    told: dict[str, int] = {}
    true: dict[str, int] = {}
    for a, b in zip(found, wanted, strict=True):
        for label in set(a):
            told[label] = told.get(label, 0) + 1
            right[label] = right.get(label, 0) + (label in b)
        for label in set(b):
            true[label] = true.get(label, 0) + 1
    labels = sorted({*told, *true})
    each = [2 * right.get(x, 0) / (told.get(x, 0) + true.get(x, 0)) for x in labels]
    total = sum(told.values()) + sum(true.values())
    return {
        "micro": 2 * sum(right.values()) / total if total else 0.0,
        "macro": float(np.mean(each)) if each else 0.0,
    }


def calibration_error(probabilities: Values, right: Values, bins: int = 10) -> float:
    """Expected calibration error: |accuracy - mean probability| over bins of equal width, weighed
    by how many fall into each (Naeini, Cooper and Hauskrecht, AAAI 2015).

    Args:
        probabilities: [n] of what was said.
        right: [n] whether it was right.
    """
    if len(probabilities) == 0:
        return math.nan
    where = np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)
    error = 0.0
    for one in np.unique(where):
        chosen = where == one
        error += chosen.mean() * abs(right[chosen].mean() - probabilities[chosen].mean())
    return float(error)
