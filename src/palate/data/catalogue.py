"""The catalogue: what can be recommended.

A Polars frame, one row per item; the row number *is* the item index, everywhere.
Padding in batches of item indices is ``len(catalogue)``.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.errors import DataError

NO_DOMAIN = "unknown"  # of an item of which nothing says the domain
TEXTS = ("genres", "categories", "text")  # columns that say in words what an item is like


@dataclass(frozen=True)
class Catalogue:
    """Items with their text.

    Attributes:
        frame: columns ``item`` (unique string id), ``title`` (string), and any attributes
            (``text``, ``domain``, ``genres``, ``year`` …), in item-index order.
    """

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        for column in ("item", "title"):
            if column not in self.frame.columns:
                raise DataError(f"catalogue: no column '{column}'; it has {self.frame.columns}")
        if self.frame["item"].n_unique() != len(self.frame):
            twice = self.frame.filter(pl.col("item").is_duplicated())["item"][0]
            raise DataError(f"catalogue: item id '{twice}' stands twice; keep one row per item")

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def items(self) -> list[str]:
        """Item ids in index order."""
        return self.frame["item"].to_list()

    @cached_property
    def titles(self) -> list[str]:
        """Titles in index order."""
        return self.frame["title"].to_list()

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {item: index for index, item in enumerate(self.items)}

    @cached_property
    def _by_title(self) -> dict[str, int]:
        return {title.casefold(): i for i, title in reversed(list(enumerate(self.titles)))}

    @cached_property
    def domains(self) -> list[str]:
        """[d] names of the domains, in order of first appearance; empty where none are known."""
        return self._domain.unique(maintain_order=True).to_list()

    @cached_property
    def domain_codes(self) -> npt.NDArray[np.int64]:
        """[i] the position of each item's domain among :attr:`domains`; -1 where none are known."""
        if not self.domains:
            return np.full(len(self), -1, dtype=np.int64)
        codes = self._domain.cast(pl.Enum(self.domains)).to_physical()
        return codes.cast(pl.Int64).to_numpy()

    @cached_property
    def _domain(self) -> pl.Series:
        if "domain" not in self.frame.columns:
            return pl.Series("domain", [], dtype=pl.String)
        return self.frame["domain"].cast(pl.String).fill_null(NO_DOMAIN)

    def labels(self, column: str) -> pl.Series:
        """[i] the values of a column of genres or categories, a list for each item.

        A cell may hold a list, or text with ``|``, ``;`` or ``,`` between its values.
        """
        cells = self.frame[column]
        if cells.dtype == pl.List:
            return cells.cast(pl.List(pl.String)).fill_null([]).list.drop_nulls()
        text = cells.cast(pl.String).fill_null("").str.strip_chars()
        parts = text.str.replace_all(r"\s*[|;,]\s*", "|").str.split("|")
        return parts.list.eval(pl.element().filter(pl.element() != ""))

    def index_of(self, item: str) -> int:
        """Index of an item id.

        Raises:
            DataError: the id is not in the catalogue.
        """
        if item not in self._by_id:
            raise DataError(f"item '{item}' is not in the catalogue of {len(self)} items")
        return self._by_id[item]

    def find(self, text: str) -> int:
        """Index of the item a person means by an id or a title (any letter case).

        Raises:
            DataError: nothing matches; the message offers the nearest titles.
        """
        wanted = text.strip()
        if wanted in self._by_id:
            return self._by_id[wanted]
        if wanted.casefold() in self._by_title:
            return self._by_title[wanted.casefold()]
        near = difflib.get_close_matches(wanted.casefold(), self._by_title, n=3, cutoff=0.5)
        hint = "; ".join(self.titles[self._by_title[title]] for title in near)
        raise DataError(
            f"no item is called '{wanted}'" + (f"; did you mean: {hint}?" if hint else "")
        )

    def texts(self, columns: Sequence[str] | None = ()) -> list[str]:
        """One line of text per item: the title, then ``column: value`` for each of *columns*.

        Args:
            columns: None takes those of genres, categories and text that there are.

        Raises:
            DataError: there is no such column.
        """
        if columns is None:
            columns = [name for name in TEXTS if name in self.frame.columns]
        missing = [c for c in columns if c not in self.frame.columns]
        if missing:
            raise DataError(f"catalogue has no column {missing}; it has {self.frame.columns}")
        lines = self.titles
        for column in columns:
            values = self.frame[column].cast(pl.String).fill_null("").to_list()
            lines = [
                f"{line}; {column}: {v}" if v else line
                for line, v in zip(lines, values, strict=True)
            ]
        return list(lines)
