"""From a hospital as read to visits that can be used, with a record of every step.

Legend: n visits, p patients.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from palate.data.hospital.assemble import Origin, Preparation, assemble, by_frequency
from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.drugs import classify
from palate.data.hospital.mimic import Raw
from palate.data.hospital.reference import Reference
from palate.data.hospital.visits import KINDS, Hospital, Kind
from palate.errors import DataError


def prepare(raw: Raw, reference: Reference, config: HospitalConfig, origin: Origin) -> Hospital:
    """Repair, code, filter and number.

    Raises:
        DataError: no visit is left, or nothing says what class a drug is of.
    """
    read = {kind: raw.rows[kind].read for kind in KINDS}
    work = Preparation(raw.admissions, {}, read, [])
    work.record("read", f"tables of {raw.layout}; {_versions(raw)}", read)
    usable = {kind: read[kind] - sum(raw.rows[kind].dropped.values()) for kind in KINDS}
    work.record("repairs", _repairs(raw), usable)
    _classes(work, raw, reference, config)
    with_prescriptions = raw.rows["medications"].frame.select("visit").unique()
    if config.count_visits == "prescriptions" and config.min_visits > 1:
        _min_visits(work, config.min_visits, with_prescriptions, "admissions with a prescription")
    _frequent(work, config)
    _usable(work, config)
    if config.count_visits == "usable" and config.min_visits > 1:
        _min_visits(work, config.min_visits, work.visits.select("visit"), "usable visits")
    if work.visits.is_empty():
        raise DataError(
            f"{origin.name}: no visit is left of {len(raw.admissions):,} admissions; last step: "
            f"{work.steps[-1].note}; ask for less, such as --no-require-procedures"
        )
    return assemble(work, raw, reference, config, origin)


def _versions(raw: Raw) -> str:
    parts = []
    for kind in ("diagnoses", "procedures"):
        notes = raw.rows[kind].notes
        found = " and ".join(f"{rows:,} {name}" for name, rows in notes.items())
        parts.append(f"{kind} {found}" if found else f"no {kind}")
    return "; ".join(parts)


def _repairs(raw: Raw) -> str:
    parts = [f"{count:,} {what}" for what, count in raw.repairs.items()]
    for kind in KINDS:
        lost = raw.rows[kind].dropped
        parts += [f"{count:,} rows of {kind} {why}, left out" for why, count in lost.items()]
    for what, count in raw.rows["medications"].notes.items():
        parts.append(f"{count:,} prescriptions {what}")
    return "; ".join(parts) or "nothing to mend"


def _classes(work: Preparation, raw: Raw, reference: Reference, config: HospitalConfig) -> None:
    rows = raw.rows["medications"]
    if config.first_day_only:
        first = pl.col("day").min().over("visit")
        kept = rows.frame.filter((pl.col("day") == first) | first.is_null())
        rows = replace(rows, frame=kept)
        count = int(kept["rows"].sum())
        counts = work.counts | {"medications": count}
        work.record("first day", "prescriptions of the first day of each visit", counts)
    given = classify(rows, config.drug_level, reference.drug_map, config.ambiguous_drugs)
    work.record("drugs", given.note, work.counts | {"medications": given.rows})
    work.codes = {
        "diagnoses": raw.rows["diagnoses"].frame.unique(maintain_order=True),
        "procedures": raw.rows["procedures"].frame.unique(maintain_order=True),
        "medications": given.frame,
    }
    work.record("codes", "each code counts once a visit; a drug's class may come of many rows")


def _frequent(work: Preparation, config: HospitalConfig) -> None:
    limits: dict[Kind, int | None] = {
        "diagnoses": config.max_diagnoses,
        "procedures": config.max_procedures,
        "medications": config.max_medications,
    }
    notes = []
    for kind, most in limits.items():
        counts = by_frequency(work.codes[kind])
        if most is None or len(counts) <= most:
            notes.append(f"all {len(counts):,} {kind}")
            continue
        kept = counts.head(most)
        work.codes[kind] = work.codes[kind].join(kept, on="key", how="semi", maintain_order="left")
        notes.append(f"{most:,} of {len(counts):,} {kind}")
    work.record("frequent", f"the most frequent codes: {', '.join(notes)}")


def _usable(work: Preparation, config: HospitalConfig) -> None:
    needed = [kind for kind in KINDS if kind != "procedures" or config.require_procedures]
    without, kept = [], work.visits.select("visit")
    for kind in needed:
        lacking = work.visits.join(work.codes[kind], on="visit", how="anti")
        without.append(f"{len(lacking):,} without {kind}")
        kept = kept.join(work.codes[kind], on="visit", how="semi", maintain_order="left")
    work.keep_visits(kept)
    work.record("visits", f"left out: {', '.join(without)} (some lack several)")


def _min_visits(work: Preparation, least: int, counted: pl.DataFrame, what: str) -> None:
    having = work.visits.join(counted, on="visit", how="semi")
    enough = having.group_by("patient").len().filter(pl.col("len") >= least)
    work.keep_visits(work.visits.join(enough, on="patient", how="semi", maintain_order="left"))
    work.record("min visits", f"patients with {least} or more {what}")
