"""Click models: how people click on lists, learned from lists that were clicked on.

Chuklin, Markov and de Rijke, "Click Models for Web Search", 2015.
Legend: n lists shown, k ranks, p pairs of a query and a document.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.errors import DataError
from palate.evaluation.ranking import Values

LEAST = 1e-6  # a probability is at least so far from 0 and 1
PRIOR = 1.0  # imagined clicks and imagined skips beside those seen


@dataclass(frozen=True)
class Shown:
    """A list that was shown once.

    Attributes:
        clicks: one per document.
    """

    query: str
    documents: tuple[str, ...]
    clicks: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.clicks) != len(self.documents):
            raise DataError(
                f"query '{self.query}': {len(self.documents)} documents were shown, but clicks of "
                f"{len(self.clicks)} are given"
            )


class ClickModel(ABC):
    """Probabilities of clicks by query, document and rank."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], int] = {}

    def fit(self, log: Sequence[Shown], iterations: int = 50) -> ClickModel:
        """Learn from lists; what was known before is forgotten."""
        pairs = ((one.query, document) for one in log for document in one.documents)
        self._pairs = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
        which, clicks, real = self._arrays(log)
        self._learn(which, clicks, real, iterations)
        return self

    def probabilities(self, log: Sequence[Shown]) -> Values:
        """[n, k] probability of a click at each rank, whatever was clicked; NaN where a list
        has ended."""
        which, _, real = self._arrays(log)
        return np.where(real, self._marginals(which).clip(LEAST, 1 - LEAST), np.nan)

    def perplexity(self, log: Sequence[Shown]) -> Values:
        """[k] ``2 ** -mean(log2 p)`` of what happened at each rank: 1 is to know, 2 a coin."""
        _, clicks, real = self._arrays(log)
        p = self.probabilities(log)
        surprise = -np.log2(np.where(clicks, p, 1 - p))
        found: Values = 2 ** (np.where(real, surprise, 0).sum(0) / np.maximum(1, real.sum(0)))
        return found

    def sample(self, log: Sequence[Shown], seed: int = 0) -> list[Shown]:
        """The same lists with clicks drawn from the model."""
        which, _, real = self._arrays(log)
        clicks = self._draw(which, np.random.default_rng(seed)) & real
        return [
            Shown(one.query, one.documents, tuple(map(bool, row[: len(one.documents)])))
            for one, row in zip(log, clicks, strict=True)
        ]

    @abstractmethod
    def _learn(self, which: npt.NDArray, clicks: npt.NDArray, real: npt.NDArray, n: int) -> None:
        """Fit the parameters."""

    @abstractmethod
    def _marginals(self, which: npt.NDArray) -> Values:
        """[n, k] probability of a click."""

    @abstractmethod
    def _draw(self, which: npt.NDArray, random: np.random.Generator) -> npt.NDArray[np.bool_]:
        """[n, k] clicks."""

    def _arrays(
        self, log: Sequence[Shown]
    ) -> tuple[npt.NDArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """[n, k] number of the pair (p where it is not known), clicks, and where lists are."""
        length = max((len(one.documents) for one in log), default=0)
        which = np.full((len(log), length), len(self._pairs))
        clicks = np.zeros((len(log), length), dtype=bool)
        real = np.zeros((len(log), length), dtype=bool)
        for row, one in enumerate(log):
            for rank, document in enumerate(one.documents):
                which[row, rank] = self._pairs.get((one.query, document), len(self._pairs))
            clicks[row, : len(one.documents)] = one.clicks
            real[row, : len(one.documents)] = True
        return which, clicks, real

    def _shares(self, which: npt.NDArray, yes: Values, weight: Values) -> Values:
        """[p + 1] smoothed share of each pair; the last is the mean, for pairs not seen."""
        p = len(self._pairs)
        above = np.bincount(which.ravel(), yes.ravel(), p + 1)[:p]
        below = np.bincount(which.ravel(), weight.ravel(), p + 1)[:p]
        shares = (above + PRIOR) / (below + 2 * PRIOR)
        mean = (above.sum() + PRIOR) / (below.sum() + 2 * PRIOR)
        return np.append(shares, mean).clip(LEAST, 1 - LEAST)


class PositionBased(ClickModel):
    """A click is a look at the rank and a liking for the document: ``gamma_k * alpha_qd``.

    Fitted by expectation maximisation; looks at the first rank are certain, which settles the
    scale.

    Attributes:
        looks: [k] gamma.
    """

    looks: Values

    def _learn(self, which: npt.NDArray, clicks: npt.NDArray, real: npt.NDArray, n: int) -> None:
        weight = real.astype(float)
        self._likes = self._shares(which, clicks * weight, weight)
        self.looks = 1 / np.arange(1, which.shape[1] + 1)
        for _ in range(n):
            alpha, gamma = self._likes[which], self.looks[None]
            skipped = 1 - gamma * alpha
            liked = np.where(clicks, 1.0, alpha * (1 - gamma) / skipped)
            looked = np.where(clicks, 1.0, gamma * (1 - alpha) / skipped)
            self._likes = self._shares(which, liked * weight, weight)
            total = weight.sum(0)
            looks = ((looked * weight).sum(0) + PRIOR) / (total + 2 * PRIOR)
            self.looks = (looks / looks[0]).clip(LEAST, 1 - LEAST)

    def _marginals(self, which: npt.NDArray) -> Values:
        looks = self.looks[: which.shape[1]]
        further = which.shape[1] - len(looks)
        return self._likes[which] * np.pad(looks, (0, max(0, further)), mode="edge")

    def _draw(self, which: npt.NDArray, random: np.random.Generator) -> npt.NDArray[np.bool_]:
        return random.random(which.shape) < self._marginals(which)


class Cascade(ClickModel):
    """From the top down until the first click: ``alpha_k * prod(1 - alpha_j, j < k)``.

    The shares are counted, over the ranks that were come to.
    """

    def _learn(self, which: npt.NDArray, clicks: npt.NDArray, real: npt.NDArray, n: int) -> None:
        before = np.cumsum(clicks, 1) - clicks
        come_to = (real & (before == 0)).astype(float)
        self._likes = self._shares(which, clicks * come_to, come_to)

    def _marginals(self, which: npt.NDArray) -> Values:
        alpha = self._likes[which]
        passed = np.cumprod(1 - alpha, 1)
        return alpha * np.hstack([np.ones((len(alpha), 1)), passed[:, :-1]])

    def _draw(self, which: npt.NDArray, random: np.random.Generator) -> npt.NDArray[np.bool_]:
        liked = random.random(which.shape) < self._likes[which]
        return liked & (np.cumsum(liked, 1) == 1)


class DynamicBayesian(ClickModel):
    """From the top down; whoever clicks may be satisfied and stop, whoever is not goes on with
    probability ``goes_on``.

    Chapelle and Zhang, "A Dynamic Bayesian Network Click Model for Web Search Ranking", WWW 2009,
    fitted by expectation maximisation.

    Attributes:
        goes_on: gamma.
    """

    goes_on: float = 0.9

    def _learn(self, which: npt.NDArray, clicks: npt.NDArray, real: npt.NDArray, n: int) -> None:
        k = which.shape[1]
        ranks = np.arange(k)
        clicked = clicks.any(1)
        last = np.where(clicked, k - 1 - clicks[:, ::-1].argmax(1), -1)[:, None]  # [n, 1]
        ends = real.sum(1)[:, None]
        is_last = (ranks == last) & clicks
        up_to = ranks <= last
        self._likes = self._shares(which, clicks.astype(float), real.astype(float))
        self._pleases = np.full(len(self._pairs) + 1, 0.5)
        self.goes_on = 0.9
        for _ in range(n):
            alpha = np.where(real, self._likes[which], 0.0)
            gamma = self.goes_on
            silent = np.ones((len(which), k + 1))  # no click from here on, when come to
            for rank in range(k - 1, -1, -1):
                further = np.where(
                    rank + 1 < ends[:, 0], 1 - gamma + gamma * silent[:, rank + 1], 1
                )
                silent[:, rank] = (1 - alpha[:, rank]) * further
            pleased = np.where(is_last, self._pleases[which], 0.0).sum(1)  # [n] at the last click
            after = np.take_along_axis(silent, last + 1, 1)[:, 0]
            more = (last[:, 0] + 1 < ends[:, 0]).astype(float)
            on = (1 - pleased) * more * gamma  # comes to the rank after the last click
            first = np.where(clicked, on, 1.0)
            total = np.where(
                clicked,
                pleased + (1 - pleased) * np.where(more > 0, 1 - gamma + gamma * after, 1),
                silent[:, 0],
            )
            reach = np.zeros((len(which), k))
            flow = first
            for rank in range(k):
                here = (rank > last[:, 0]) & (rank < ends[:, 0])
                reach[:, rank] = np.where(here, flow * silent[:, rank] / total, 0.0)
                flow = np.where(here, flow * (1 - alpha[:, rank]) * gamma, flow)
            come_to = np.where(up_to & real, 1.0, reach)
            self._likes = self._shares(which, clicks * come_to, come_to)
            satisfied = np.where(clicked, pleased / total, 0.0)[:, None] * is_last
            self._pleases = self._shares(which, satisfied, clicks.astype(float))
            chance = np.where(ranks + 1 < ends, come_to - satisfied, 0.0)
            went = np.where(ranks + 1 < ends, np.roll(come_to, -1, 1), 0.0)
            self.goes_on = float(
                np.clip((went.sum() + PRIOR) / (chance.sum() + 2 * PRIOR), LEAST, 1 - LEAST)
            )

    def _marginals(self, which: npt.NDArray) -> Values:
        alpha, pleases = self._likes[which], self._pleases[which]
        found = np.empty_like(alpha)
        come_to = np.ones(len(which))
        for rank in range(which.shape[1]):
            found[:, rank] = come_to * alpha[:, rank]
            come_to = come_to * self.goes_on * (1 - alpha[:, rank] * pleases[:, rank])
        return found

    def _draw(self, which: npt.NDArray, random: np.random.Generator) -> npt.NDArray[np.bool_]:
        clicks = np.zeros(which.shape, dtype=bool)
        looking = np.ones(len(which), dtype=bool)
        for rank in range(which.shape[1]):
            pair = which[:, rank]
            clicks[:, rank] = looking & (random.random(len(which)) < self._likes[pair])
            done = clicks[:, rank] & (random.random(len(which)) < self._pleases[pair])
            looking = looking & ~done & (random.random(len(which)) < self.goes_on)
        return clicks
