"""From usable visits and their codes to a :class:`Hospital`: numbers, names, interactions.

Legend: n visits, p patients, V medications.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from palate.data.cases import Flags
from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.interactions import interaction_matrix
from palate.data.hospital.mimic import Raw
from palate.data.hospital.reference import Reference
from palate.data.hospital.visits import (
    KINDS,
    Hospital,
    HospitalStep,
    Kind,
    Ragged,
    Visits,
    Vocabulary,
)


@dataclass(frozen=True)
class Origin:
    """Where a hospital comes from: see :class:`Hospital`."""

    name: str
    licence: str | None
    citation: str | None
    synthetic: bool


@dataclass
class Preparation:
    """Visits and their codes while they are filtered, and the steps so far.

    Attributes:
        visits: ``visit, patient, visit_id, time`` and profile fields.
        codes: of each kind ``visit, key``.
        counts: of each kind, rows or codes after the last step.
    """

    visits: pl.DataFrame
    codes: dict[Kind, pl.DataFrame]
    counts: dict[Kind, int]
    steps: list[HospitalStep]

    def record(self, name: str, note: str, counts: Mapping[Kind, int] | None = None) -> None:
        """Count what there is now."""
        now = {kind: len(self.codes[kind]) for kind in KINDS} if counts is None else dict(counts)
        dropped = {kind: max(0, self.counts[kind] - now[kind]) for kind in KINDS}
        patients = self.visits["patient"].n_unique()
        self.steps.append(HospitalStep(name, patients, len(self.visits), now, dropped, note))
        self.counts = now

    def keep_visits(self, kept: pl.DataFrame) -> None:
        """Leave out visits that are not in *kept*, and their codes."""
        self.visits = self.visits.join(
            kept.select("visit"), on="visit", how="semi", maintain_order="left"
        )
        self.codes = {
            kind: frame.join(self.visits, on="visit", how="semi", maintain_order="left")
            for kind, frame in self.codes.items()
        }


def by_frequency(codes: pl.DataFrame) -> pl.DataFrame:
    """``key, count``: the codes in use, the most frequent first."""
    return codes["key"].value_counts().sort(["count", "key"], descending=[True, False])


def assemble(
    work: Preparation, raw: Raw, reference: Reference, config: HospitalConfig, origin: Origin
) -> Hospital:
    """Order and number patients, visits and codes."""
    visits = _ordered(work.visits, config)
    vocabularies = {kind: _vocabulary(kind, work, reference) for kind in KINDS}
    _record_titles(work, vocabularies)
    times = visits["time"].dt.epoch("s").to_numpy()
    if config.visit_order == "hadm_id":
        times = np.arange(len(visits))
        work.record("order", "by hadm_id, as released: times are places in that order")
    patients = visits["patient"].unique(maintain_order=True)
    interactions = interaction_matrix(reference.pairs, vocabularies["medications"].keys)
    hospital = Hospital(
        name=origin.name,
        licence=origin.licence,
        citation=origin.citation,
        synthetic=origin.synthetic,
        visits=Visits(
            _positions(visits["patient"], patients),
            times.astype("datetime64[s]"),
            {kind: _numbers(work.codes[kind], visits, vocabularies[kind]) for kind in KINDS},
        ),
        patient_ids=tuple(patients),
        visit_ids=tuple(visits["visit_id"]),
        profiles=_profiles(raw, patients),
        vocabularies=vocabularies,
        interactions=interactions,
        interactions_note=_note(interactions, reference, origin),
        steps=tuple(work.steps),
        fingerprint="",
    )
    return replace(hospital, fingerprint=fingerprint(hospital))


def _ordered(visits: pl.DataFrame, config: HospitalConfig) -> pl.DataFrame:
    """By patient, then time or number; ids are ordered as numbers where they are some."""
    patient, visit = (
        [pl.col(name).cast(pl.Int64, strict=False), pl.col(name)]
        for name in ("patient", "visit_id")
    )
    time = [] if config.visit_order == "hadm_id" else [pl.col("time")]
    return visits.sort(*patient, *time, *visit)


def _positions(values: pl.Series, among: pl.Series) -> np.ndarray:
    numbers = pl.DataFrame({"key": among, "number": np.arange(len(among))})
    joined = pl.DataFrame({"key": values}).join(numbers, on="key", maintain_order="left")
    return joined["number"].cast(pl.Int64).to_numpy()


def _vocabulary(kind: Kind, work: Preparation, reference: Reference) -> Vocabulary:
    keys = tuple(by_frequency(work.codes[kind])["key"])
    names = reference.names.get(kind, {})
    return Vocabulary(keys, tuple(names.get(key, key.removeprefix("DRUG:")) for key in keys))


def _numbers(codes: pl.DataFrame, visits: pl.DataFrame, vocabulary: Vocabulary) -> Ragged:
    rows = _positions(codes["visit"], visits["visit"])
    numbers = _positions(codes["key"], pl.Series(vocabulary.keys, dtype=pl.String))
    return Ragged.from_pairs(rows, numbers, len(visits))


def _record_titles(work: Preparation, vocabularies: Mapping[Kind, Vocabulary]) -> None:
    parts = []
    for kind, vocabulary in vocabularies.items():
        pairs = zip(vocabulary.keys, vocabulary.names, strict=True)
        unnamed = [key for key, name in pairs if key == name]
        if unnamed:
            few = ", ".join(unnamed[:3]) + (" …" if len(unnamed) > 3 else "")
            parts.append(f"{len(unnamed):,} of {len(vocabulary):,} {kind} ({few})")
    if parts:
        work.record("titles", f"without a title, the code stands for it: {'; '.join(parts)}")


def _note(interactions: Flags, reference: Reference, origin: Origin) -> str:
    size = len(interactions)
    density = interactions.sum() / max(1, size * (size - 1))
    alone = int((~interactions.any(axis=1)).sum())
    note = "synthetic, " if origin.synthetic else ""
    note += f"{reference.pairs_note}: {interactions.sum() // 2:,} pairs, density {density:.1%}"
    return f"{note}; {alone:,} of {size:,} medications have none"


def _profiles(raw: Raw, patients: pl.Series) -> pl.DataFrame:
    """[p] of each patient's first admission, usable or not."""
    first = raw.admissions.sort("time", maintain_order=True).unique("patient", keep="first")
    wanted = pl.DataFrame({"patient": patients})
    joined = wanted.join(first, on="patient", how="left", maintain_order="left")
    return joined.select(raw.fields)


def fingerprint(hospital: Hospital) -> str:
    """A hash of the content: equal for equal visits, codes, profiles and interactions."""
    content = hashlib.sha256()
    visits = hospital.visits
    arrays = [visits.patients, visits.times.astype("i8"), hospital.interactions.astype("i8")]
    arrays += [
        part for kind in KINDS for part in (visits.codes[kind].offsets, visits.codes[kind].codes)
    ]
    for array in arrays:
        content.update(np.ascontiguousarray(array, dtype="<i8").tobytes() + b"\x1d")
    texts = [hospital.patient_ids, *(hospital.vocabularies[kind].keys for kind in KINDS)]
    texts += [hospital.vocabularies[kind].names for kind in KINDS]
    texts += [(name, *hospital.profiles[name]) for name in hospital.profile_fields]
    for text in texts:
        content.update("\x1e".join(text).encode() + b"\x1d")
    return content.hexdigest()
