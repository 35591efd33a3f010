"""Items by what a person types: an id, a title, or words of it.

Legend: i items of the catalogue.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.catalogue import Catalogue
from palate.errors import DataError

MANY = 100_000  # titles; where there are more, near ones are not searched for letter by letter


def folded(text: str) -> str:
    """Lower case, without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


class Finder:
    """A catalogue, searched by title and id."""

    def __init__(self, catalogue: Catalogue, popularity: npt.NDArray[np.int64]) -> None:
        """
        Args:
            popularity: [i] events with each item; of equally good matches, popular ones lead.
        """
        self._catalogue = catalogue
        self._popularity = popularity
        self.index = {item: place for place, item in enumerate(catalogue.items)}

    @cached_property
    def _titles(self) -> pl.Series:
        return pl.Series([folded(title) for title in self._catalogue.titles], dtype=pl.String)

    @cached_property
    def _by_title(self) -> dict[str, int]:
        titles = self._titles.to_list()
        return {title: place for place, title in reversed(list(enumerate(titles)))}

    def find(self, text: str) -> int:
        """The item that an id or a title means.

        Raises:
            DataError: none does; the message offers near ones.
        """
        wanted = text.strip()
        place = self.index.get(wanted)
        if place is None:
            place = self._by_title.get(folded(wanted))
        if place is not None:
            return place
        near = [self._catalogue.titles[one] for one in self.search(wanted, 3)]
        if not near and len(self._catalogue) <= MANY and len(wanted) <= 100:
            return self._catalogue.find(wanted)  # raises, and offers titles of like letters
        hint = f"; did you mean: {'; '.join(near)}?" if near else ""
        raise DataError(f"no item is called '{wanted[:100]}'{hint}")

    def search(self, text: str, limit: int) -> list[int]:
        """Items whose titles hold all the words, as beginnings of words first."""
        wanted = folded(text).split()
        if not wanted:
            return []
        mask = pl.repeat(True, len(self._titles), dtype=pl.Boolean, eager=True)
        for word in wanted:
            mask &= self._titles.str.contains(word, literal=True)
        places = mask.arg_true().to_numpy()
        if text.strip() in self.index:
            places = np.append(places, self.index[text.strip()])
        titles = self._titles.gather(places).to_list()
        keyed = [
            (*self._fit(title, wanted), -int(self._popularity[place]), int(place))
            for title, place in zip(titles, places.tolist(), strict=True)
        ]
        return list(dict.fromkeys(key[-1] for key in sorted(keyed)))[:limit]

    @staticmethod
    def _fit(title: str, wanted: Sequence[str]) -> tuple[int, int]:
        """How well a title fits, 0 is best: the same, begins so, words begin so, or holds it."""
        whole = " ".join(wanted)
        if title == whole:
            return 0, 0
        if title.startswith(whole):
            return 1, 0
        words = title.replace("(", " ").replace("-", " ").split()
        began = sum(any(word.startswith(one) for word in words) for one in wanted)
        return 2, -began
