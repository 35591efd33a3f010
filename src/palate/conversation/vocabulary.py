"""What can be recognised in a catalogue: its titles, its genres, and the years of its items.

Legend: i items of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.conversation.everyday import BOTH, FIRM, GRADED, NAMES, UNTOLD, plurals
from palate.conversation.reading import FUNCTION, PLAIN, phrase
from palate.conversation.title_forms import Forms, Mention
from palate.data.catalogue import Catalogue

GENRE_COLUMNS = ("genres", "categories")
YEAR_COLUMNS = ("year", "release_year")
UNKNOWN = -1  # year of an item whose year is not known

_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_YEAR_OF_TITLE = re.compile(r"\(((?:1[5-9]|20)\d\d)\)\s*$")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GenreWord:
    """What a word says of genres.

    Attributes:
        groups: genres of the catalogue; one of each group is meant.
        firm: it says what an item has to be, not what it may be more or less.
        plural: it names several items of the kind.
    """

    groups: tuple[tuple[str, ...], ...]
    firm: bool
    plural: bool = False


class Vocabulary:
    """The words of a catalogue.

    Attributes:
        catalogue: what it was made from.
        genres: the values of its columns ``genres`` and ``categories``, sorted.
        years: [i] year of each item, ``UNKNOWN`` where it is not known.
        genre_words: folded phrase of one to three words -> what it says.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.years = _years(catalogue)
        self._genres_of = _genres(catalogue)
        holders: dict[str, list[int]] = {}
        for item, genres in enumerate(self._genres_of):
            for genre in genres:
                holders.setdefault(genre, []).append(item)
        self._holders = {genre: np.array(held) for genre, held in sorted(holders.items())}
        self.genres = tuple(self._holders)
        self.genre_words = _genre_words(self.genres)
        self._forms = Forms(catalogue.titles, frozenset(self.genre_words))

    def __len__(self) -> int:
        return len(self.catalogue)

    def titles(self, text: str, strict: bool = False) -> list[Mention]:
        """The titles that a text names, in order; see :meth:`.Forms.mentions`."""
        return self._forms.mentions(text, strict)

    def spoken(self, items: Sequence[int]) -> tuple[str, ...]:
        """The titles as a person would say them, each once: articles in front, no year."""
        return tuple(dict.fromkeys(self._forms.short[item] for item in items))

    def genres_of(self, item: int) -> tuple[str, ...]:
        """Genres of an item, as its row lists them."""
        return self._genres_of[item]

    def year_of(self, item: int) -> int | None:
        """Year of an item, None where it is not known."""
        year = int(self.years[item])
        return None if year == UNKNOWN else year

    def has_genre(self, genres: Sequence[str]) -> Mask:
        """[i] the item is of one of these genres."""
        mask = np.zeros(len(self), dtype=bool)
        for genre in genres:
            mask[self._holders[genre]] = True
        return mask

    @cached_property
    def genre_counts(self) -> npt.NDArray[np.int64]:
        """[i] number of genres that are known of an item."""
        return np.array([len(genres) for genres in self._genres_of], dtype=np.int64)

    @property
    def has_any_genre(self) -> Mask:
        """[i] a genre of the item is known."""
        return self.genre_counts > 0

    def same_title(self, items: Sequence[int]) -> set[int]:
        """The items, and all others that bear the same titles."""
        return {other for item in items for other in self._forms.same(item)}


def _years(catalogue: Catalogue) -> npt.NDArray[np.int64]:
    column = next((name for name in YEAR_COLUMNS if name in catalogue.frame.columns), None)
    told = [""] * len(catalogue)
    if column is not None:
        told = catalogue.frame[column].cast(pl.String).fill_null("").to_list()
    years = np.full(len(catalogue), UNKNOWN, dtype=np.int64)
    for item, (value, title) in enumerate(zip(told, catalogue.titles, strict=True)):
        if found := _YEAR.search(value):
            years[item] = int(found[0])
        elif found := _YEAR_OF_TITLE.search(title):
            years[item] = int(found[1])
    return years


def _genres(catalogue: Catalogue) -> list[tuple[str, ...]]:
    columns = [name for name in GENRE_COLUMNS if name in catalogue.frame.columns]
    rows: list[tuple[str, ...]] = [()] * len(catalogue)
    for column in columns:
        rows = [
            tuple(dict.fromkeys((*row, *(one for one in labels if phrase(one) not in UNTOLD))))
            for row, labels in zip(rows, catalogue.labels(column).to_list(), strict=True)
        ]
    return rows


def _genre_words(genres: Sequence[str]) -> dict[str, GenreWord]:
    listed = {phrase(genre): genre for genre in genres}
    held = {
        kind: tuple(listed[name] for name in names if name in listed)
        for kind, names in NAMES.items()
    }
    found: dict[str, GenreWord] = {}
    for table, firm in ((GRADED, False), (FIRM, True)):
        for kind, said in table.items():
            if held[kind]:
                for word in said:
                    found[word] = GenreWord((held[kind],), firm, firm and _is_plural(word))
    for word, kinds in BOTH.items():
        if all(held[kind] for kind in kinds):
            found[word] = GenreWord(tuple(held[kind] for kind in kinds), True, _is_plural(word))
    for name, genre in listed.items():
        if name in PLAIN or not name:
            continue
        # Kinds that the catalogue lists under several names are found under each.
        alike = next((held[kind] for kind, names in NAMES.items() if name in names), (genre,))
        for form in plurals(name):
            for spelled in {form, form.replace(" ", "")} - FUNCTION:
                found[spelled] = GenreWord((alike,), True, _is_plural(spelled))
    return found


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith("ss")
