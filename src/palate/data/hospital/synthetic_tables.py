"""The synthetic hospital's visits as the tables of MIMIC-IV, and the folder that holds them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.cases import Flags, Indices
from palate.data.hospital.invented import Invented
from palate.data.hospital.synthetic_visits import ADMISSION_TYPE, INSURANCE, Drawn, People
from palate.data.hospital.tables import MARKER
from palate.errors import DataError

LANGUAGES, STATUS = ("ENGLISH", "?"), ("MARRIED", "SINGLE", "WIDOWED", "DIVORCED", "")
RACES = ("WHITE", "BLACK/AFRICAN AMERICAN", "HISPANIC/LATINO", "ASIAN", "OTHER", "UNKNOWN")
ICD10_FROM = np.datetime64("2015-10-01T00:00:00", "s")
DAY = np.timedelta64(86_400, "s")
TIME = "%Y-%m-%d %H:%M:%S"
FIRST_PATIENT, FIRST_VISIT = 10_000_000, 20_000_000
BESIDE = {"drug_to_atc": "\t", "ddi_pairs": "\t", "atc_names": ","}  # with their separators

Times = npt.NDArray[np.datetime64]


def synthetic_tables(
    tables: Invented, people: People, drawn: Drawn, rng: np.random.Generator
) -> dict[str, pl.DataFrame]:
    """All tables by name, their columns text: those of MIMIC-IV, and those of ``BESIDE``."""
    count, visits = len(people.counts), len(drawn.patients)
    patient_ids = FIRST_PATIENT + np.sort(rng.choice(10 * count, count, replace=False))
    visit_ids = FIRST_VISIT + rng.choice(10 * visits, visits, replace=False)
    ids = pl.DataFrame({"subject_id": patient_ids[drawn.patients], "hadm_id": visit_ids})
    ids = ids.cast(pl.String)
    times, unshifted = _times(people, rng)
    old = unshifted < ICD10_FROM
    return {
        "admissions": _admissions(people, drawn.patients, ids, times, rng),
        "patients": _patients(people, patient_ids, times, rng),
        "diagnoses_icd": _coded(drawn.diagnoses, tables.diagnoses, ids, old),
        "procedures_icd": _coded(drawn.procedures, tables.procedures, ids, old),
        "prescriptions": _prescriptions(tables, drawn.medications, ids, times),
        "d_icd_diagnoses": _titles(tables.diagnoses),
        "d_icd_procedures": _titles(tables.procedures),
        "drug_to_atc": tables.medications.select("drug", pl.col("substance").alias("atc5_codes")),
        "ddi_pairs": _pairs(tables),
        "atc_names": tables.medications.select(
            pl.col("atc").alias("atc_code"), pl.col("name").alias("atc_name")
        ),
    }


def write_folder(tables: Mapping[str, pl.DataFrame], folder: Path, about: str) -> None:
    """Write tables as a folder that is read like MIMIC-IV's.

    Args:
        about: what the hospital was made from, in a sentence.

    Raises:
        DataError: the folder holds something already that is no synthetic hospital.
    """
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and not (folder / MARKER).is_file():
        raise DataError(f"{folder}: not empty, and no synthetic hospital; choose another --out")
    (folder / "hosp").mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(f"No patient here is real. {about}\n", "utf-8")
    (folder / "README.md").write_text(README.format(about=about), "utf-8")
    for name, frame in tables.items():
        if name in BESIDE:
            ending = "tsv" if BESIDE[name] == "\t" else "csv"
            frame.write_csv(folder / f"{name}.{ending}", separator=BESIDE[name])
            continue
        packed = gzip.compress(frame.write_csv().encode(), compresslevel=4, mtime=0)
        (folder / "hosp" / f"{name}.csv.gz").write_bytes(packed)


README = """# A synthetic hospital

No patient in this folder is real. {about}

`hosp/` has the layout of MIMIC-IV; `drug_to_atc.tsv`, `ddi_pairs.tsv` and `atc_names.csv` say what
the drugs are and which of them interact. Codes and titles of diagnoses and procedures are real
(ICD-9-CM, ICD-10-CM and ICD-10-PCS, public domain), and so are classes of drugs (ATC). Who has
what, what follows from what, and most interactions are invented: nothing here is medical advice,
and no number that comes of it says anything about patients.

The file `SYNTHETIC` marks the folder: every table and report on it says so.
"""


def _times(people: People, rng: np.random.Generator) -> tuple[Any, Any]:
    """[n] times of admission, shifted as in MIMIC, and unshifted."""
    visits = int(people.counts.sum())
    first = np.cumsum(people.counts) - people.counts
    gaps = DAY * 16 + (rng.exponential(280, visits) * 86_400).astype("m8[s]")
    gaps[first] = np.timedelta64(0, "s")
    since = np.cumsum(gaps)
    since -= np.repeat(since[first], people.counts)
    began = np.datetime64("2009-01-01", "s") + DAY * rng.integers(0, 3600, len(first))
    began = began + rng.integers(0, 86_400, len(first)).astype("m8[s]")
    unshifted = np.repeat(began, people.counts) + since
    shift = np.repeat(DAY * 364 * rng.integers(100, 175, len(first)), people.counts)
    return unshifted + shift, unshifted


def _admissions(
    people: People, patients: Indices, ids: pl.DataFrame, times: Times, rng: np.random.Generator
) -> pl.DataFrame:
    count, visits = len(people.counts), len(times)
    first = np.cumsum(people.counts) - people.counts
    kinds = rng.choice(len(ADMISSION_TYPE), visits, p=[0.5, 0.2, 0.15, 0.15])
    kinds[first] = people.admission
    stays = DAY + (rng.gamma(2, 2.5, visits) * 86_400).astype("m8[s]")
    drawn = {"language": LANGUAGES, "marital_status": STATUS, "race": RACES}
    chosen = {
        name: np.array(values)[rng.integers(0, len(values), count)][patients]
        for name, values in drawn.items()
    }
    return ids.with_columns(
        admittime=_text(times),
        dischtime=_text(times + stays),
        deathtime=pl.lit(""),
        admission_type=pl.Series(np.array(list(ADMISSION_TYPE))[kinds]),
        insurance=pl.Series(np.array(list(INSURANCE))[people.insurance][patients]),
        **{name: pl.Series(values) for name, values in chosen.items()},
        hospital_expire_flag=pl.lit("0"),
    )


def _patients(
    people: People, patient_ids: Indices, times: Times, rng: np.random.Generator
) -> pl.DataFrame:
    first = np.cumsum(people.counts) - people.counts
    years = times[first].astype("M8[Y]").astype(np.int64) + 1970
    return pl.DataFrame(
        {
            "subject_id": patient_ids,
            "gender": rng.choice(["F", "M"], len(first)),
            "anchor_age": people.ages,
            "anchor_year": years,
            "dod": [""] * len(first),
        }
    ).cast(pl.String)


def _coded(held: Flags, table: pl.DataFrame, ids: pl.DataFrame, old: Flags) -> pl.DataFrame:
    rows, numbers = np.nonzero(held)
    starts = np.cumsum(held.sum(axis=1)) - held.sum(axis=1)
    before = old[rows]
    codes = np.where(before, table["icd9"].to_numpy()[numbers], table["icd10"].to_numpy()[numbers])
    return ids[rows].with_columns(
        seq_num=pl.Series(np.arange(len(rows)) - starts[rows] + 1).cast(pl.String),
        icd_code=pl.Series(codes, dtype=pl.String),
        icd_version=pl.Series(np.where(before, "9", "10")),
    )


def _prescriptions(tables: Invented, given: Flags, ids: pl.DataFrame, times: Times) -> pl.DataFrame:
    rows, numbers = np.nonzero(given)
    start = _text(times + np.timedelta64(3600, "s"))
    return ids[rows].with_columns(
        starttime=start.gather(rows),
        drug_type=pl.lit("MAIN"),
        drug=tables.medications["drug"].gather(numbers),
        ndc=pl.lit("0"),
    )


def _titles(table: pl.DataFrame) -> pl.DataFrame:
    parts = [
        table.select(
            pl.col(f"icd{version}").alias("icd_code"),
            pl.lit(str(version)).alias("icd_version"),
            pl.col(f"icd{version}_title").alias("long_title"),
        )
        for version in (9, 10)
    ]
    return pl.concat(parts)


def _pairs(tables: Invented) -> pl.DataFrame:
    one, other = np.nonzero(np.triu(tables.interactions))
    codes = tables.medications["atc"]
    return pl.DataFrame({"atc_i": codes.gather(one), "atc_j": codes.gather(other)})


def _text(times: Times) -> pl.Series:
    return pl.Series(times.astype("M8[ms]")).dt.strftime(TIME)
