"""Which items may be shown: filters by attribute, as masks over the catalogue.

Legend: i items of the catalogue.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.catalogue import Catalogue
from palate.errors import ConfigError

Mask = npt.NDArray[np.bool_]
SHOWN = 200  # values of an attribute that are listed, the most frequent ones


@dataclass(frozen=True)
class Wanted:
    """What an attribute has to be; all that is given has to hold.

    Attributes:
        any: one of these values.
        none: none of these.
        least: a number at least so high.
        most: a number at most so high.
    """

    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Facet:
    """An attribute that can be filtered by.

    Attributes:
        values: its values with the number of items, the most frequent first.
        least: the smallest number, where its values are numbers; likewise *most*.
    """

    name: str
    values: tuple[tuple[str, int], ...]
    least: float | None
    most: float | None


class Attributes:
    """The attributes of a catalogue, indexed when they are first asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._values: dict[str, dict[str, npt.NDArray[np.int64]]] = {}
        self._numbers: dict[str, npt.NDArray[np.float64]] = {}
        self.names = [
            name
            for name, kind in catalogue.frame.schema.items()
            if name not in ("item", "title", "text") and kind != pl.Object
        ]

    def mask(self, filters: Mapping[str, Wanted]) -> Mask:
        """[i] the item is what every filter wants; one of which that is unknown is not.

        Raises:
            ConfigError: no such attribute, or no numbers in it.
        """
        mask = np.ones(len(self._catalogue), dtype=bool)
        for name, wanted in filters.items():
            self._check(name)
            if wanted.any:
                mask &= self._holding(name, wanted.any)
            if wanted.none:
                mask &= ~self._holding(name, wanted.none)
            if wanted.least is None and wanted.most is None:
                continue
            numbers = self.numbers(name)
            if np.isnan(numbers).all():
                raise ConfigError(
                    f"filters.{name}: there are no numbers in it, so min and max say nothing; "
                    "filter it with any or none"
                )
            with np.errstate(invalid="ignore"):
                if wanted.least is not None:
                    mask &= numbers >= wanted.least
                if wanted.most is not None:
                    mask &= numbers <= wanted.most
        return mask

    def facets(self) -> list[Facet]:
        """All attributes, for a person to choose from."""
        found = []
        for name in self.names:
            held, numbers = self.values(name), self.numbers(name)
            spelled = self._spelled(name)
            counted = sorted(held, key=lambda value: (-len(held[value]), value))[:SHOWN]
            some = numbers[~np.isnan(numbers)]
            found.append(
                Facet(
                    name,
                    tuple((spelled[value], len(held[value])) for value in counted),
                    float(some.min()) if len(some) else None,
                    float(some.max()) if len(some) else None,
                )
            )
        return found

    def values(self, name: str) -> dict[str, npt.NDArray[np.int64]]:
        """Folded value -> the items that have it."""
        with self._lock:
            if name not in self._values:
                holders: dict[str, list[int]] = {}
                for item, cell in enumerate(self._labels(name)):
                    for value in dict.fromkeys(one.casefold() for one in cell):
                        holders.setdefault(value, []).append(item)
                self._values[name] = {v: np.array(h) for v, h in holders.items()}
            return self._values[name]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """[i] the values as numbers, NaN where they are none."""
        with self._lock:
            if name not in self._numbers:
                column = self._catalogue.frame[name]
                nested = column.dtype.is_nested()
                cast = pl.Series([None] * len(column), dtype=pl.Float64) if nested else column
                numbers = cast.cast(pl.Float64, strict=False)
                self._numbers[name] = numbers.fill_null(float("nan")).to_numpy()
            return self._numbers[name]

    def _labels(self, name: str) -> Sequence[Sequence[str]]:
        dtype = self._catalogue.frame[name].dtype
        if dtype == pl.String or dtype == pl.List:
            labels: list[list[str]] = self._catalogue.labels(name).to_list()
            return labels
        cells = self._catalogue.frame[name].cast(pl.String, strict=False).to_list()
        return [[] if cell is None else [cell] for cell in cells]

    def _spelled(self, name: str) -> dict[str, str]:
        return {one.casefold(): one for cell in self._labels(name) for one in cell}

    def _holding(self, name: str, values: Sequence[str]) -> Mask:
        held, mask = self.values(name), np.zeros(len(self._catalogue), dtype=bool)
        for value in values:
            mask[held.get(value.casefold(), [])] = True
        return mask

    def _check(self, name: str) -> None:
        if name not in self.names:
            near = difflib.get_close_matches(name, self.names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            there = ", ".join(self.names) or "none"
            raise ConfigError(f"filters: no attribute '{name}'; there are: {there}{hint}")
