"""MIMIC-III's and MIMIC-IV's tables, as one form, with repairs counted.

Legend: r rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from palate.data.hospital.codes import NO_NDC, drug_key, icd_key, or_empty
from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.tables import Table, Tables
from palate.data.hospital.visits import UNKNOWN, Kind
from palate.errors import DataError

# The profile's fields by layout, each with the names it has had.
PROFILE_III = (
    ("insurance",),
    ("language",),
    ("religion",),
    ("marital_status",),
    ("ethnicity", "race"),
)
PROFILE_IV = (
    ("insurance",),
    ("language",),
    ("admission_type",),
    ("marital_status",),
    ("race", "ethnicity"),
)
TIMES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%Y-%m-%d",
)
SHORT_YEAR = ("%m/%d/%y %H:%M:%S", "%m/%d/%y %H:%M")
CENTURY = 2100  # MIMIC shifts its dates to the years from 2100 on
PRESCRIBED = ("drug", "ndc", "day", "route")
ID = {"patient": ("subject_id",), "visit_id": ("hadm_id",)}


@dataclass(frozen=True)
class Rows:
    """Rows of one kind.

    Attributes:
        frame: ``visit`` and ``key``; for medications ``visit, drug, ndc, day, route`` and
            ``rows``, how many rows of the table are one here. A visit is known by its number.
        read: rows in the table.
        dropped: rows that cannot be used, by why.
        notes: what else was found, by how many rows.
    """

    frame: pl.DataFrame
    read: int
    dropped: Mapping[str, int]
    notes: Mapping[str, int]


@dataclass(frozen=True)
class Raw:
    """A hospital as read.

    Attributes:
        admissions: ``visit`` (its number), ``patient, visit_id`` (text), ``time``, in the order of
            the table, and profile fields.
        fields: of the profile.
        rows: of each kind.
        repairs: what was mended or left out among admissions, in plain words, by how many.
    """

    layout: str
    admissions: pl.DataFrame
    fields: tuple[str, ...]
    rows: Mapping[Kind, Rows]
    repairs: Mapping[str, int]


def read_mimic(tables: Tables, config: HospitalConfig) -> Raw:
    """Read what a hospital needs of a folder's tables.

    Raises:
        DataError: a column is missing, or a time or version cannot be read.
    """
    old = tables["diagnoses_icd"].optional("icd9_code") is not None
    admissions, repairs = _admissions(tables["admissions"], PROFILE_III if old else PROFILE_IV)
    known = admissions.select("patient", "visit_id", "visit")
    rows: dict[Kind, Rows] = {
        "diagnoses": _codes(tables["diagnoses_icd"], known, config.merge_icd_versions),
        "procedures": _codes(tables["procedures_icd"], known, config.merge_icd_versions),
        "medications": _prescriptions(tables["prescriptions"], known, config),
    }
    fields = tuple(admissions.columns[4:])
    return Raw("MIMIC-III" if old else "MIMIC-IV", admissions, fields, rows, repairs)


def _admissions(
    table: Table, profile: tuple[tuple[str, ...], ...]
) -> tuple[pl.DataFrame, dict[str, int]]:
    time, left = table.column("admittime"), table.optional("dischtime")
    fields = {names[0]: table.optional(*names) for names in profile}
    taken = {name: column for name, column in fields.items() if column is not None}
    columns = [or_empty(table.column(*names)).alias(new) for new, names in ID.items()]
    columns += [or_empty(time).alias("time")]
    columns += [or_empty(column).replace("", UNKNOWN).alias(name) for name, column in taken.items()]
    discharge = or_empty(left) if left is not None else pl.lit("there")
    frame = table.collect(table.frame.select(*columns, discharge.alias("left")))
    if frame.is_empty():
        raise DataError(f"{table.path}: row 1 is the header and no row follows")
    frame = frame.with_row_index("row", offset=2)
    repairs = {}
    nobody = (pl.col("patient") == "") | (pl.col("visit_id") == "")
    repairs["admissions without a patient's or an admission's id, left out"] = _count(frame, nobody)
    frame = frame.filter(~nobody)
    again = frame["visit_id"].is_first_distinct()
    repairs["duplicated admissions, the first row kept"] = int((~again).sum())
    frame = frame.filter(again)
    times, short = _times(frame, table, time)
    frame = frame.with_columns(times)
    repairs["admissions with a year of two digits, read as from 2100 on"] = short
    repairs["admissions without a discharge, kept"] = _count(frame, pl.col("left") == "")
    for name, column in fields.items():
        if column is None:
            repairs[f"no column {name}: the profile goes without it"] = len(frame)
    frame = frame.drop("row", "left").with_row_index("visit")
    return frame, {name: count for name, count in repairs.items() if count}


def _times(frame: pl.DataFrame, table: Table, column: str) -> tuple[pl.Series, int]:
    """[r] times by the one pattern that fits every row, and how many have a year of two digits."""
    text = frame["time"]
    for pattern in TIMES:
        found = text.str.to_datetime(pattern, time_unit="ms", strict=False)
        # %Y takes 64 for the year 64, and a date without time for midnight.
        if not found.is_null().any() and int(found.dt.year().min()) > 1000:  # type: ignore[arg-type]
            return found, 0
    for pattern in SHORT_YEAR:
        found = text.str.to_datetime(pattern, time_unit="ms", strict=False)
        if not found.is_null().any():
            return _centuries(frame["patient"], found), len(frame)
    bad = _fits_none(text)
    raise DataError(
        f"{table.path}: row {frame['row'][int(bad.arg_max() or 0)]}, column '{column}': not a date "
        f"({int(bad.sum())} such rows); write YYYY-MM-DD HH:MM:SS"
    )


def _centuries(patients: pl.Series, times: pl.Series) -> pl.Series:
    """Years of two digits are from 2100 on; 05 of a patient who also has 97 is 2205."""
    frame = pl.DataFrame({"patient": patients, "time": times})
    year = pl.col("time").dt.year() % 100
    wraps = (year.max().over("patient") - year.min().over("patient") > 50) & (year < 50)
    years = CENTURY + year + 100 * wraps.cast(pl.Int32)
    return frame.select(pl.col("time").dt.replace(year=years))["time"]


def _fits_none(text: pl.Series) -> pl.Series:
    """[r] True where no pattern fits; where each row fits one, all but those of the first's."""
    fits = [
        text.str.to_datetime(one, time_unit="ms", strict=False).is_not_null()
        for one in (*TIMES, *SHORT_YEAR)
    ]
    none = ~fits[0]
    for one in fits[1:]:
        none &= ~one
    return none if none.any() else ~next(one for one in fits if one[0])


def _codes(table: Table, known: pl.DataFrame, merged: bool) -> Rows:
    code = table.column("icd_code", "icd9_code")
    version = pl.lit("9") if code == "icd9_code" else or_empty(table.column("icd_version"))
    ids = [or_empty(table.column(*names)).alias(new) for new, names in ID.items()]
    query = table.frame.select(*ids, or_empty(code).alias("code"), version.alias("version"))
    frame = table.collect(query).with_row_index("row", offset=2)
    frame, dropped = _usable(frame, known, pl.col("code") == "", "without a code")
    wrong = ~frame["version"].is_in(["9", "10"])
    if wrong.any():
        row = frame["row"].filter(wrong)[0]
        raise DataError(
            f"{table.path}: row {row}, column 'icd_version': neither 9 nor 10 "
            f"({int(wrong.sum())} such rows); mend it or delete the row"
        )
    counts = frame["version"].value_counts()
    notes = {f"in ICD-{one}": rows for one, rows in sorted(counts.rows(), key=lambda r: len(r[0]))}
    keys = frame.select("visit", icd_key(pl.col("code"), pl.col("version"), merged).alias("key"))
    return Rows(keys, len(frame) + sum(dropped.values()), dropped, notes)


def _prescriptions(table: Table, known: pl.DataFrame, config: HospitalConfig) -> Rows:
    start = table.optional("starttime", "startdate")
    ndc, route = table.optional("ndc"), table.optional("route")
    ids = [or_empty(table.column(*names)).alias(new) for new, names in ID.items()]
    product = or_empty(ndc) if ndc is not None else pl.lit("")
    real = product.replace(list(NO_NDC[1:]), "")
    if config.fill_ndc:  # rows with NDC 0 are no source, and stay without one
        above = real.replace("", None).forward_fill().fill_null("")
        real = pl.when(product == "").then(above).otherwise(real)
    day = pl.lit(None, dtype=pl.Date)
    if config.first_day_only and start is not None:
        day = _day(or_empty(start))
    query = table.frame.select(
        *ids,
        drug_key(or_empty(table.column("drug"))).alias("drug"),
        real.alias("ndc"),
        day.alias("day"),
        (or_empty(route) if route is not None else pl.lit("")).str.to_uppercase().alias("route"),
    )
    groups = query.group_by(*ID, *PRESCRIBED).agg(pl.len().alias("rows"))
    frame = table.collect(groups)
    read = int(frame["rows"].sum())
    nothing = (pl.col("drug") == "") & (pl.col("ndc") == "")
    frame, dropped = _usable(frame, known, nothing, "without a drug")
    without = int(frame.filter(pl.col("ndc") == "")["rows"].sum())
    notes = {"without an NDC": without} if ndc is not None and without else {}
    kept = frame.select("visit", *PRESCRIBED, pl.col("rows").cast(pl.Int64))
    return Rows(kept, read, dropped, notes)


def _day(text: pl.Expr) -> pl.Expr:
    """The date at the beginning of a time; null where there is none."""
    date = text.str.extract(r"^([^ T]+)")
    return pl.coalesce(date.str.to_date(one, strict=False) for one in ("%Y-%m-%d", "%m/%d/%Y"))


def _usable(
    frame: pl.DataFrame, known: pl.DataFrame, nothing: pl.Expr, why: str
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Rows with something in them, of an admission that there is and of its patient."""
    dropped = {}
    steps = ((why, nothing), ("without an admission's id", pl.col("visit_id") == ""))
    for name, condition in steps:
        dropped[name] = _count(frame, condition)
        frame = frame.filter(~condition)
    before = _rows(frame)
    kept = frame.join(known, on=["patient", "visit_id"], maintain_order="left")
    dropped["of an admission that is not in the table, or of another patient"] = before - _rows(
        kept
    )
    return kept, {name: count for name, count in dropped.items() if count}


def _rows(frame: pl.DataFrame) -> int:
    return int(frame["rows"].sum()) if "rows" in frame.columns else len(frame)


def _count(frame: pl.DataFrame, condition: pl.Expr) -> int:
    return _rows(frame.filter(condition))
