"""What codes mean, from files beside the data: titles, classes of drugs, interactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from palate.data.hospital.codes import icd_key, or_empty
from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.drugs import DrugMap, find_drug_map, read_drug_map, read_names
from palate.data.hospital.interactions import NONE, find_interactions, read_pairs
from palate.data.hospital.tables import TITLES, Table, Tables, beside, scan, separator_by_name
from palate.data.hospital.visits import Kind

TITLE_FILES: Mapping[Kind, str] = {
    "diagnoses": "icd_titles.tsv",
    "procedures": "icd_procedure_titles.tsv",
}


@dataclass(frozen=True)
class Reference:
    """What codes mean.

    Attributes:
        drug_map: which ATC classes a drug has, or None.
        names: of each kind, words by key without its prefix's kind (``ICD9:4019``, ``ATC:A02B``).
        pairs: ``i, j`` ATC codes that interact, or None.
        pairs_note: where the pairs come from.
    """

    drug_map: DrugMap | None = None
    names: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)
    pairs: pl.DataFrame | None = None
    pairs_note: str = NONE


def find_reference(tables: Tables, config: HospitalConfig, found: Reference) -> Reference:
    """The files that a person named, those beside the tables, and what *found* knows already."""
    folder = tables.place if tables.place.is_dir() else None
    drug_map, pairs, note = found.drug_map, found.pairs, found.pairs_note
    if config.drug_map is not None:
        drug_map = read_drug_map(config.drug_map)
    elif folder is not None:
        drug_map = find_drug_map(folder)
    path = config.drug_interactions or (find_interactions(folder) if folder is not None else None)
    if path is not None:
        pairs, note = read_pairs(path), path.name
    names = dict(found.names)
    merged = config.merge_icd_versions
    for kind, table in zip(TITLE_FILES, TITLES, strict=True):
        given = config.diagnosis_titles if kind == "diagnoses" else None
        names[kind] = _titles(tables, table, folder, TITLE_FILES[kind], given, merged)
    names["medications"] = {**names.get("medications", {}), **_drug_names(folder, config)}
    return Reference(drug_map, names, pairs, note)


def _titles(
    tables: Tables, own: str, folder: Path | None, name: str, given: Path | None, merged: bool
) -> dict[str, str]:
    """Titles by key: of a named file, or of MIMIC's own table, or of a file beside it."""
    if given is not None:
        return _read_titles(scan(given, separator_by_name(given)), merged)
    table = tables.get(own)
    if table is not None:
        return _read_titles(table, merged)
    files = {} if folder is None else beside(folder)
    return _read_titles(scan(files[name], "\t"), merged) if name in files else {}


def _read_titles(table: Table, merged: bool) -> dict[str, str]:
    code = table.column("icd_code", "icd9_code")
    version = pl.lit("9") if code == "icd9_code" else or_empty(table.column("icd_version"))
    title = or_empty(table.column("long_title", "title", "short_title"))
    key = icd_key(or_empty(code), version, merged)
    frame = table.collect(table.frame.select(key.alias("key"), title.alias("title")))
    return dict(frame.filter(pl.col("title") != "").unique("key", keep="first").iter_rows())


def _drug_names(folder: Path | None, config: HospitalConfig) -> dict[str, str]:
    path = config.drug_names
    if path is None and folder is not None:
        found = (p for name, p in beside(folder).items() if name.startswith("atc"))
        path = next((p for p in found if p.suffix.lower() == ".csv"), None)
    if path is None:
        return {}
    return {f"ATC:{code}": name for code, name in read_names(scan(path)).items()}
