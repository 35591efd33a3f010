"""Codes as MIMIC writes them, and the keys they have here.

A diagnosis is known by version and code together, since ``E874`` is a misadventure in ICD-9 and
acid-base disorder in ICD-10; a medication by the ATC class it belongs to.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

DrugLevel = Literal[3, 4, "name"]
Ambiguous = Literal["route", "all", "first", "drop"]  # what becomes of a drug of several classes
ATC_LENGTH = {3: 4, 4: 5}  # characters of a code of each level
NO_NDC = ("", "0", "00000000000")
EMPTY = pl.lit("")


def icd_key(code: pl.Expr, version: pl.Expr, merged: bool) -> pl.Expr:
    """``ICD9:4019``: upper case, without dots and blanks, leading zeros kept.

    Args:
        merged: leave the version out, so that a code of both versions is one.
    """
    plain = code.str.to_uppercase().str.replace_all(r"[.\s]", "")
    prefix = pl.lit("ICD:") if merged else pl.format("ICD{}:", version)
    return pl.concat_str(prefix, plain)


def drug_key(drug: pl.Expr) -> pl.Expr:
    """A drug's name without case, and with single blanks."""
    return drug.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def atc_class(atc: pl.Expr, level: DrugLevel) -> pl.Expr:
    """A code cut to a level; null where it is too short for it."""
    length = ATC_LENGTH[3 if level == "name" else level]
    plain = atc.str.to_uppercase().str.strip_chars()
    return pl.when(plain.str.len_chars() >= length).then(plain.str.slice(0, length))


def or_empty(column: str) -> pl.Expr:
    """A column of text without null and without blanks around it."""
    return pl.col(column).fill_null(EMPTY).str.strip_chars()
