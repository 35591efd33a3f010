"""Conditions on attributes as people type them: ``year>=1990``, ``genre=Comedy|Drama``.

Legend: i items of the catalogue.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import polars as pl

from palate.data.attributes import Attributes, Mask, Wanted
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError

HELP = "write NAME=VALUE, NAME!=VALUE, NAME>=NUMBER or NAME<=NUMBER, as year>=1990 or genre=Drama"
_CONDITION = re.compile(r"\s*(?P<name>[^<>=!]+?)\s*(?P<sign>>=|<=|!=|=|>|<)\s*(?P<value>.+?)\s*")
_YEAR = r"\(((?:1[5-9]|20)\d\d)\)\s*$"  # at the end of a title


class Conditions:
    """What can be asked of a catalogue's items.

    Where no column says the year, it is that at the end of the title.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def mask(self, written: Sequence[str]) -> Mask:
        """[i] the item obeys all the conditions; one of which that is not known does not.

        Args:
            written: each a name, a sign and a value; values between ``|`` are alternatives. A name
                may be the end of an attribute's, in singular or plural (genre, year).

        Raises:
            ConfigError: it is no condition, or there is no such attribute.
        """
        wanted: dict[str, Wanted] = {}
        for one in written:
            found = _CONDITION.fullmatch(one)
            if found is None:
                raise ConfigError(f"'{one}' is no condition: {HELP}")
            name = self._named(found["name"])
            wanted[name] = _with(wanted.get(name, Wanted()), found["sign"], found["value"], one)
        return self._attributes.mask(wanted)

    @cached_property
    def _attributes(self) -> Attributes:
        frame = self._catalogue.frame
        if not any(name == "year" or name.endswith("_year") for name in frame.columns):
            years = pl.col("title").str.extract(_YEAR).alias("year")
            frame = frame.with_columns(years)
        return Attributes(Catalogue(frame))

    def _named(self, said: str) -> str:
        """The attribute that is meant; what is said where none is, for the error to tell."""
        names, wanted = self._attributes.names, said.strip().casefold()
        forms = {wanted, f"{wanted}s", wanted.removesuffix("s")}
        for fits in (
            lambda name: name == said,
            lambda name: name.casefold() in forms,
            lambda name: any(name.casefold().endswith(f"_{form}") for form in forms),
        ):
            if found := [name for name in names if fits(name)]:
                return found[0]
        return said


def _with(wanted: Wanted, sign: str, value: str, written: str) -> Wanted:
    values = tuple(one.strip() for one in value.split("|") if one.strip())
    if sign == "=":
        return replace(wanted, any=(*wanted.any, *values))
    if sign == "!=":
        return replace(wanted, none=(*wanted.none, *values))
    try:
        number = float(value)
    except ValueError:
        raise ConfigError(f"'{written}': '{value}' is no number: {HELP}") from None
    if sign[0] == ">":
        least = number if sign == ">=" else math.nextafter(number, math.inf)
        return replace(wanted, least=max(least, _or(wanted.least, -math.inf)))
    most = number if sign == "<=" else math.nextafter(number, -math.inf)
    return replace(wanted, most=min(most, _or(wanted.most, math.inf)))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
