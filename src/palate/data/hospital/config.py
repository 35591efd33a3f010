"""The settings of a hospital's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from palate.config import Config
from palate.data.hospital.codes import Ambiguous, DrugLevel


class HospitalConfig(Config):
    """Which hospital, and how its visits are prepared and split."""

    data: str
    """A folder with the tables of MIMIC-III or MIMIC-IV, or synthetic:N[:SEED]."""
    min_visits: int = Field(1, ge=1)
    """Keep patients with at least so many usable visits."""
    drug_level: DrugLevel = 3
    """What a medication is: an ATC class of level 3 or 4, or the name of a drug."""
    ambiguous_drugs: Ambiguous = "route"
    """A drug of several classes: those count that fit the route it was given by, or all of them, or
    the first of the map, or it is dropped."""
    max_diagnoses: int = Field(2000, ge=1)
    """Keep so many of the most frequent codes of diagnoses."""
    max_procedures: int | None = Field(None, ge=1)
    """Keep so many of the most frequent codes of procedures; not set, all."""
    max_medications: int = Field(300, ge=1)
    """Keep so many of the most frequent medications."""
    require_procedures: bool = True
    """Leave out visits without a procedure; all need a diagnosis and a medication."""
    first_day_only: bool = False
    """Take the medications of the day of a visit's first prescription only, as GAMENet does."""
    split_seed: int = 0
    """Seed of the draw of patients who train, validate and test."""
    every_visit: bool = False
    """Every visit of a training patient is a training case; else the last only, as in LEADER."""
    drug_map: Path | None = None
    """File that says which ATC classes a drug has; not set, one beside the tables."""
    drug_interactions: Path | None = None
    """File of pairs of ATC classes that interact; not set, one beside the tables."""
    diagnosis_titles: Path | None = None
    """File of titles of diagnoses (icd_code, icd_version, title); not set, MIMIC's own table or
    icd_titles.tsv beside it."""
    drug_names: Path | None = None
    """File of names of ATC classes (atc_code, atc_name); not set, atc*.csv beside the tables."""
    visit_order: Literal["admittime", "hadm_id"] = "admittime"
    """What visits of a patient are ordered by. hadm_id is what the released code of LEADER does;
    these numbers are random."""
    split_order: Literal["shuffled", "subject_id"] = "shuffled"
    """How patients are split: drawn, or as the released code does, in the order of their ids."""
    merge_icd_versions: bool = False
    """Let one code of ICD-9 and ICD-10 be one diagnosis, as the released code does."""
    fill_ndc: bool = False
    """Give a prescription without an NDC that of the row above, as the released code does; counts
    only where a map by product is in use."""
    count_visits: Literal["usable", "prescriptions"] = "usable"
    """What min-visits counts: usable visits, or as the released code does, admissions with a
    prescription."""

    @field_validator("drug_level", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdecimal() else value
