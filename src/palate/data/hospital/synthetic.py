"""A synthetic hospital: no patient in it is real, and the chance of every medication is known.

How it comes about, in the order of the draws; the tables are those of
:mod:`palate.data.hospital.invented`, the constants those of :mod:`.synthetic_visits`:

1. *Patients* have an insurance and an age that goes with it. Chronic conditions follow one after
   another, each by its own chance, the age, and the odds of comorbidity with those before; four of
   five are there at the first visit, the rest begin at a later one. Language, marital status and
   race are drawn by themselves and change nothing.
2. *Visits*: about half of the patients have one only; who is iller returns more often; none has
   more than twelve. Admission numbers are random, so they say nothing about the order. Diagnoses
   and procedures before October 2015 of the unshifted calendar are in ICD-9, later ones in ICD-10.
3. *Diagnoses* of a visit: each condition is coded with chance .85; acute events happen by their own
   chance and follow from conditions and from each other (dementia, urinary infection, sepsis). At
   least one diagnosis, at least one procedure.
4. *Procedures* follow from diagnoses.
5. *Medications* follow from causes: every admission, a diagnosis, a procedure; a chronic condition
   that an earlier visit coded counts too, less. Many causes allow one of two classes. Which one is
   decided by what the patient was given before; where nothing was, by insurance and the type of the
   first admission. A chronic condition that was treated before is treated again, more likely than
   the first time; one that was not, less likely. Independent causes join (noisy or), with a little
   noise.
6. *Interactions*: medications of the first turn are drawn first; one of the second turn is left out
   with chance .4 for each of them that it interacts with. Interactions within a turn are not
   avoided, as in real prescriptions some are not.

All that the chance of a medication depends on stands in the record, so :attr:`SyntheticHospital.
oracle` is the exact chance given diagnoses, procedures, earlier visits and profile: no model can
rank better in expectation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.drugs import drug_map, read_names
from palate.data.hospital.interactions import pairs
from palate.data.hospital.invented import invented
from palate.data.hospital.mimic import read_mimic
from palate.data.hospital.prepare import Origin, prepare
from palate.data.hospital.reference import Reference, find_reference
from palate.data.hospital.synthetic_tables import synthetic_tables
from palate.data.hospital.synthetic_visits import draw_people, draw_visits
from palate.data.hospital.tables import Table, Tables
from palate.data.hospital.visits import Hospital
from palate.errors import ConfigError

PATIENTS, SEED = 2_000, 1
LICENCE = "synthetic: no patient is real; free for any use"

Chances = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SyntheticHospital:
    """A hospital with the chances it was drawn by.

    Attributes:
        oracle: [n, V] chance of each medication of the hospital's vocabulary in each of its visits,
            given all that stands in the record before it is prescribed. Of a case: its row
            ``cases.visits``.
    """

    hospital: Hospital
    oracle: Chances


def synthetic_hospital(
    patients: int = PATIENTS, seed: int = SEED, config: HospitalConfig | None = None
) -> SyntheticHospital:
    """Make a hospital of so many patients, and prepare it as one that was read.

    Raises:
        ConfigError: too few patients, or the medications are not those that were drawn.
    """
    config = config or HospitalConfig(data=f"synthetic:{patients}:{seed}")
    tables, chances = make_tables(patients, seed)
    hospital = _prepare(tables, patients, config)
    return SyntheticHospital(hospital, _oracle(hospital, tables, chances))


def load_synthetic(patients: int, seed: int, config: HospitalConfig) -> Hospital:
    """The hospital by itself, whatever its medications are called.

    Raises:
        ConfigError: too few patients.
    """
    return _prepare(make_tables(patients, seed)[0], patients, config)


def make_tables(patients: int, seed: int) -> tuple[dict[str, pl.DataFrame], Chances]:
    """The tables of a hospital, and the chance of each class of medication.

    Returns:
        tables by name, and [n, V] chances in the order of the table of admissions and of the
        classes.

    Raises:
        ConfigError: too few patients.
    """
    if patients < 3:
        raise ConfigError(f"synthetic:{patients}: a hospital needs 3 patients or more")
    known, rng = invented(), np.random.default_rng(seed)
    people = draw_people(known, patients, rng)
    drawn = draw_visits(known, people, rng)
    return synthetic_tables(known, people, drawn, rng), drawn.chances


def _prepare(frames: dict[str, pl.DataFrame], patients: int, config: HospitalConfig) -> Hospital:
    tables = Tables(
        Path("synthetic"), {name: Table.of(name, frame) for name, frame in frames.items()}
    )
    names = read_names(tables["atc_names"])
    known = Reference(
        drug_map=drug_map(tables["drug_to_atc"], "drug_to_atc.tsv"),
        names={"medications": {f"ATC:{code}": name for code, name in names.items()}},
        pairs=pairs(tables["ddi_pairs"]),
        pairs_note="ddi_pairs.tsv",
    )
    raw = read_mimic(tables, config)
    origin = Origin(f"synthetic-{patients}", LICENCE, None, True)
    return prepare(raw, find_reference(tables, config, known), config, origin)


def _oracle(hospital: Hospital, frames: dict[str, pl.DataFrame], chances: Chances) -> Chances:
    """[n, V] chances of the hospital's visits and medications."""
    known: dict[str, int] = {}
    for number, row in enumerate(invented().medications.iter_rows(named=True)):
        named = (f"ATC:{row['atc']}", f"ATC:{row['substance'][:5]}", f"DRUG:{row['drug'].lower()}")
        known |= dict.fromkeys(named, number)
    keys = hospital.vocabularies["medications"].keys
    if not set(keys) <= known.keys():
        raise ConfigError(
            "the chances of a synthetic hospital are those of its own medications; leave out "
            "--drug-map"
        )
    visits = {one: row for row, one in enumerate(frames["admissions"]["hadm_id"])}
    rows = np.array([visits[one] for one in hospital.visit_ids])
    return chances[rows][:, [known[key] for key in keys]]
