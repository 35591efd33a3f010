"""The order of the items that may be shown: what the recommender knows, mixed with what is wished.

Each signal is standardised over the items that are allowed, and its far values are drawn in by a
logarithm, so that no signal's outliers drown the others.

Legend: i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.conversation.texts import Texts
from palate.conversation.vocabulary import Mask, Vocabulary
from palate.conversation.wishes import Wishes
from palate.data.cases import Histories
from palate.recommenders.base import Scorer

Values = npt.NDArray[np.float64]

PERSON, SIMILAR, KIN, WISHED, WORDS = "person", "similar", "kin", "wished", "words"
UNLIKE, UNWISHED = "unlike", "unwished"


class RankingConfig(Config):
    """How much each signal weighs."""

    person: float = Field(default=0.5, ge=0)
    """The recommender's scores for the person's history; for someone new, those for no history."""
    similar: float = Field(default=1.0, ge=0)
    """The recommender's scores for the items named as examples, as if they were a history."""
    kin: float = Field(default=0.4, ge=0)
    """Genres that an item shares with the examples."""
    wished: float = Field(default=1.5, ge=0)
    """Genres that are better had than not; the same weight speaks against those better not had."""
    words: float = Field(default=2.0, ge=0)
    """Words of the request that stand in an item's text."""
    unlike: float = Field(default=0.7, ge=0)
    """The recommender's scores for items that are named as what is not wanted; they count
    against."""


@dataclass(frozen=True)
class Ranking:
    """Items in order, and what brought them there.

    Attributes:
        order: the allowed items, best first.
        parts: [i] by signal, what it adds to an item's score.
    """

    order: npt.NDArray[np.int64]
    parts: dict[str, Values]

    def place(self, signal: str, item: int) -> int:
        """The item's rank by one signal alone among the items that are allowed; 1 is best."""
        values = self.parts[signal][self.order]
        return int((values > self.parts[signal][item]).sum()) + 1

    def lead(self, item: int) -> str | None:
        """The signal that speaks most for an item, None where none speaks for it."""
        best = max(self.parts, key=lambda name: self.parts[name][item], default=None)
        return best if best is not None and self.parts[best][item] > 0 else None


class Ranker:
    """Ranks a catalogue for wishes."""

    def __init__(
        self,
        recommender: Scorer,
        vocabulary: Vocabulary,
        texts: Texts,
        config: RankingConfig | None = None,
    ) -> None:
        self._recommender = recommender
        self._vocabulary = vocabulary
        self._texts = texts
        self._config = config or RankingConfig()

    def rank(self, history: Sequence[int], wishes: Wishes, allowed: Mask) -> Ranking:
        """The allowed items, best first; equal ones in the order of the catalogue."""
        weights = self._config
        asked = {PERSON: list(history), SIMILAR: list(wishes.similar_to)}
        asked[UNLIKE] = list(wishes.unlike)
        asked = {name: items for name, items in asked.items() if items or name == PERSON}
        scores = self._recommender.score(Histories.of(list(asked.values()))).astype(np.float64)
        raw = dict(zip(asked, scores, strict=True))
        for name in (SIMILAR, UNLIKE):
            # A recommender that reads no history tells nothing of examples.
            if name in raw and asked[name] != asked[PERSON] and (raw[name] == raw[PERSON]).all():
                del raw[name]
        weight = {PERSON: weights.person, SIMILAR: weights.similar, UNLIKE: -weights.unlike}
        if wishes.similar_to:
            raw[KIN], weight[KIN] = self._kinship(wishes.similar_to), weights.kin
        if wishes.wished:
            raw[WISHED], weight[WISHED] = self._held(wishes.wished), weights.wished
        if wishes.unwished:
            raw[UNWISHED], weight[UNWISHED] = self._held(wishes.unwished), -weights.wished
        if wishes.words:
            raw[WORDS], weight[WORDS] = self._texts.score(wishes.words), weights.words
        parts = {name: weight[name] * standardised(raw[name], allowed) for name in raw}
        total = sum(parts.values(), start=np.zeros(len(allowed)))
        places = np.flatnonzero(allowed)
        return Ranking(places[np.argsort(-total[places], kind="stable")], parts)

    def _held(self, groups: Sequence[Sequence[str]]) -> Values:
        """[i] how many of the groups an item has a genre of."""
        return np.sum([self._vocabulary.has_genre(group) for group in groups], axis=0, dtype=float)

    def _kinship(self, items: Sequence[int]) -> Values:
        """[i] the share of genres in common with an example, for the nearest of them."""
        sizes = self._vocabulary.genre_counts
        best = np.zeros(len(self._vocabulary))
        for item in items:
            genres = self._vocabulary.genres_of(item)
            if genres:
                common = self._held([[genre] for genre in genres])
                best = np.maximum(best, common / (len(genres) + sizes - common))
        return best


def standardised(values: Values, allowed: Mask) -> Values:
    """[i] values about the mean of the allowed items in units of their deviation, far ones drawn
    in; zeros where the allowed items do not differ, and everywhere else than at them."""
    found = np.zeros(len(values))
    kept = values[allowed]
    if len(kept) and (spread := kept.std()) > 1e-12:
        units = (kept - kept.mean()) / spread
        found[allowed] = np.sign(units) * np.log1p(np.abs(units))
    return found
