"""From a prescribed drug to classes of ATC, by maps that lie beside the data.

Two forms of maps:

* by name: a table ``drug, atc5_codes``, codes separated by commas, empty where there is none
  (``drug_to_atc.tsv``);
* by product: ``ndc2RXCUI.txt`` (a dictionary of 11-digit NDC to RXCUI) with ``RXCUI2atc4.csv`` or
  ``ndc2atc_level4.csv`` (columns ``RXCUI`` and ``ATC4``), as GAMENet and SafeDrug have them; the
  first row of each RXCUI counts, as there.

A name may stand for several substances or uses, so one drug may have several classes: heparin is
an antithrombotic agent, and in drops and ointments something else. By default the route of a
prescription decides (:mod:`.routes`), and what it leaves open counts as all of them; both these
rows and the drugs without a class are counted.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from palate.data.hospital.codes import Ambiguous, DrugLevel, atc_class, drug_key
from palate.data.hospital.mimic import Rows
from palate.data.hospital.routes import fits_route
from palate.data.hospital.tables import Table, beside, scan, separator_by_name
from palate.errors import DataError

BY_NAME = ("drug_to_atc.tsv", "drug_to_atc.csv")
RXCUI, RXCUI_ATC = ("ndc2rxcui.txt",), ("rxcui2atc4.csv", "ndc2atc_level4.csv")
DOES = {
    "route": "those that fit the route count",
    "all": "all of them count",
    "first": "the first counts",
    "drop": "left out",
}
NAMED = 5  # drugs without a class that a note names


@dataclass(frozen=True)
class DrugMap:
    """Which classes a drug has.

    Attributes:
        on: ``drug`` (by name) or ``ndc`` (by product).
        frame: column *on*, unique with ``atc``, and ``atc``, a full code each.
        source: where it comes from, in words.
    """

    on: Literal["drug", "ndc"]
    frame: pl.DataFrame
    source: str


@dataclass(frozen=True)
class Given:
    """What patients were given, as codes.

    Attributes:
        frame: ``visit, key``, one row for each.
        rows: rows of prescriptions that have a code.
        dropped: rows that have none.
        note: what was done, in plain words.
    """

    frame: pl.DataFrame
    rows: int
    dropped: int
    note: str


def read_drug_map(path: Path) -> DrugMap:
    """The map at *path*: a table by name, or the table of RXCUI with that of NDC beside it.

    Raises:
        DataError: the file is not a map.
    """
    if path.is_file() and path.name.lower() in (*RXCUI, *RXCUI_ATC):
        return _by_product(path.parent)
    return drug_map(scan(path, separator_by_name(path)), path.name)


def drug_map(table: Table, source: str) -> DrugMap:
    """The map that a table by name holds."""
    drug, atc = table.column("drug"), table.column("atc5_codes", "atc_codes", "atc", "atc_code")
    pairs = table.frame.select(
        drug_key(pl.col(drug)).alias("drug"),
        pl.col(atc).fill_null("").str.split(",").alias("atc"),
    ).explode("atc", empty_as_null=True)
    frame = table.collect(pairs.with_columns(pl.col("atc").str.strip_chars()))
    kept = frame.filter(pl.col("atc").fill_null("") != "")
    return DrugMap("drug", kept.unique(maintain_order=True), source)


def find_drug_map(folder: Path) -> DrugMap | None:
    """The map that lies in a folder, one by name before one by product."""
    files = beside(folder)
    for name in (*BY_NAME, *RXCUI_ATC):
        if name in files and (name in BY_NAME or RXCUI[0] in files):
            return read_drug_map(files[name])
    return None


def _by_product(folder: Path) -> DrugMap:
    files = beside(folder)
    atc = next((files[name] for name in RXCUI_ATC if name in files), None)
    if atc is None or RXCUI[0] not in files:
        raise DataError(
            f"{folder}: a map by product needs ndc2RXCUI.txt and RXCUI2atc4.csv beside each other"
        )
    table = scan(atc)
    codes = table.frame.select(
        pl.col(table.column("rxcui")).cast(pl.Float64, strict=False).cast(pl.Int64).alias("rxcui"),
        pl.col(table.column("atc4", "atc")).alias("atc"),
    )
    first = table.collect(codes.drop_nulls()).unique("rxcui", keep="first", maintain_order=True)
    products = _dictionary(files[RXCUI[0]])
    frame = pl.DataFrame({"ndc": list(products), "rxcui": list(products.values())})
    numbers = pl.col("rxcui").cast(pl.Float64, strict=False).cast(pl.Int64)
    joined = frame.with_columns(numbers).join(first, on="rxcui", maintain_order="left")
    source = f"{files[RXCUI[0]].name} and {atc.name}"
    return DrugMap("ndc", joined.select("ndc", "atc"), source)


def _dictionary(path: Path) -> Mapping[str, str]:
    """A dictionary as Python writes it, read as data: nothing in it can run."""
    try:
        found = ast.literal_eval(path.read_text("utf-8").strip())
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, SyntaxError, AttributeError, UnicodeDecodeError, MemoryError):
        raise DataError(
            f"{path}: not a dictionary of NDC to RXCUI ({{'00002140701': '213208', …}}); "
            "download it again"
        ) from None


def classify(rows: Rows, level: DrugLevel, found: DrugMap | None, ambiguous: Ambiguous) -> Given:
    """Codes in place of drugs.

    Args:
        found: the map; None where names are the codes.
        ambiguous: what becomes of a drug with several classes: those that fit the ``route``,
            ``all`` of them, the ``first`` of the map, or it is dropped.

    Raises:
        DataError: there is no map.
    """
    frame = rows.frame
    if level == "name":
        named = frame.filter(pl.col("drug") != "")
        keys = named.select("visit", pl.concat_str(pl.lit("DRUG:"), "drug").alias("key"))
        note = "the names of drugs are their codes"
        return _given(keys, named, frame, note)
    if found is None:
        raise DataError(
            "nothing says to which ATC class a drug belongs: put drug_to_atc.tsv beside the tables "
            "or name it with --drug-map; or take names as codes with --drug-level name"
        )
    classes = _classes(frame.select(found.on, "route").unique(), level, found, ambiguous)
    joined = frame.join(classes, on=[found.on, "route"], how="left", maintain_order="left")
    several = int(joined.filter(pl.col("several"))["rows"].sum())
    mapped = joined.filter(pl.col("class").is_not_null())
    keys = mapped.explode("class").select("visit", pl.format("ATC:{}", "class").alias("key"))
    note = f"ATC level {level} by {found.source}"
    if several:
        note += f"; {several:,} rows of drugs with several classes: {DOES[ambiguous]}"
    return _given(keys, mapped, frame, note + _unmapped(joined))


def _classes(
    cases: pl.DataFrame, level: DrugLevel, found: DrugMap, ambiguous: Ambiguous
) -> pl.DataFrame:
    """``class`` (a list, null where there is none) and ``several`` of each drug and route."""
    codes = found.frame.with_columns(atc_class(pl.col("atc"), level).alias("class")).drop_nulls()
    pairs = cases.join(codes, on=found.on, maintain_order="left")
    count = pl.col("class").n_unique().over(found.on, "route")
    pairs = pairs.with_columns(several=count > 1)
    if ambiguous == "route":
        pairs = fits_route(pairs, [found.on, "route"])
    elif ambiguous == "drop":
        pairs = pairs.with_columns(pl.when(~pl.col("several")).then("class").alias("class"))
    lists = pairs.group_by(found.on, "route", "several", maintain_order=True).agg(
        pl.col("class").drop_nulls().unique(maintain_order=True)
    )
    if ambiguous == "first":
        lists = lists.with_columns(pl.col("class").list.head(1))
    some = pl.col("class").list.len() > 0
    return lists.with_columns(pl.when(some).then("class").alias("class"))


def _unmapped(joined: pl.DataFrame) -> str:
    none = pl.col("class").is_null() & pl.col("several").is_null() & (pl.col("drug") != "")
    missing = joined.filter(none)
    if missing.is_empty():
        return ""
    counts = missing.group_by("drug").agg(pl.col("rows").sum())
    top = counts.sort(["rows", "drug"], descending=[True, False]).head(NAMED)
    names = ", ".join(f"{drug} ({rows:,})" for drug, rows in top.rows())
    return f"; {len(counts):,} drugs without a class, most often {names}"


def _given(keys: pl.DataFrame, kept: pl.DataFrame, before: pl.DataFrame, note: str) -> Given:
    rows = int(kept["rows"].sum())
    return Given(keys.unique(maintain_order=True), rows, int(before["rows"].sum()) - rows, note)


def read_names(table: Table) -> dict[str, str]:
    """Names of ATC classes by code, in lower case."""
    code, name = table.column("atc_code", "atc"), table.column("atc_name", "name")
    frame = table.collect(table.frame.select(code, name).drop_nulls())
    return {key.strip().upper(): text.strip().lower() for key, text in frame.iter_rows()}
