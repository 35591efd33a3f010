"""The items' texts, searched for what a person says beside titles, genres and years.

A search of the catalogue ranks them where one is given; else words are weighed by how rare they are
(inverse document frequency). Titles and genres are short: on them, states of a small language model
say less of a request than the words themselves.

Legend: i items of the catalogue.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from palate.conversation.reading import stem, words
from palate.conversation.vocabulary import Mask
from palate.data.catalogue import Catalogue


class TextSearch(Protocol):
    """What finds items by what is written.

    Attributes:
        by_meaning: it finds items whose texts do not hold the words.
    """

    @property
    def by_meaning(self) -> bool: ...

    def relevance(self, text: str) -> npt.NDArray[np.float64]:
        """[i] how well each item answers, of 0 to 1."""
        ...


class Texts:
    """Which item's text holds which words; read when it is first asked."""

    def __init__(self, catalogue: Catalogue, search: TextSearch | None = None) -> None:
        self._catalogue, self._search = catalogue, search

    def score(self, wanted: Sequence[str]) -> npt.NDArray[np.float64]:
        """[i] what the search says of the words, or the sum of the weights of those that an
        item's text holds."""
        if self._search is not None:
            return self._search.relevance(" ".join(wanted))
        scores = np.zeros(len(self._catalogue))
        for word in {stem(one) for one in wanted}:
            held = self._index.get(word)
            if held is not None:
                scores[held] += math.log(1 + len(scores) / len(held))
        return scores

    def holding(self, word: str) -> Mask:
        """[i] the item's text has the word, in singular or plural."""
        mask = np.zeros(len(self._catalogue), dtype=bool)
        mask[self._index.get(stem(word), [])] = True
        return mask

    def heeds(self, word: str) -> bool:
        """The word moves items: some text has it, or it is understood without."""
        return self.knows(word) or (self._search is not None and self._search.by_meaning)

    def knows(self, word: str) -> bool:
        """Some item's text has the word."""
        return stem(word) in self._index

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        held: dict[str, list[int]] = defaultdict(list)
        for item, text in enumerate(self._catalogue.texts(None)):
            for word in {stem(one.folded) for one in words(text)}:
                held[word].append(item)
        return dict(held)
