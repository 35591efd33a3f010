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

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.cases import Flags, Indices
from palate.data.hospital.invented import Invented, invented
from palate.data.hospital.synthetic_visits import (
    ADMISSION_TYPE,
    INSURANCE,
    Drawn,
    People,
    draw_people,
    draw_visits,
)
from palate.data.hospital.visits import Hospital, Ragged, Visits, Vocabulary

PATIENTS, SEED = 2_000, 1
LANGUAGES, STATUS = ("ENGLISH", "?"), ("MARRIED", "SINGLE", "WIDOWED", "DIVORCED")
RACES = ("WHITE", "BLACK/AFRICAN AMERICAN", "HISPANIC/LATINO", "ASIAN", "OTHER", "UNKNOWN")
ICD10_FROM = np.datetime64("2015-10-01T00:00:00", "s")
DAY = np.timedelta64(1, "D").astype("m8[s]")


@dataclass(frozen=True)
class SyntheticHospital:
    """A hospital with the chances it was drawn by.

    Attributes:
        oracle: [n, V] chance of each medication of the hospital's vocabulary in each of its visits,
            given all that stands in the record before it is prescribed. Of a case: its row
            ``cases.visits``.
    """

    hospital: Hospital
    oracle: npt.NDArray[np.float32]


def synthetic_hospital(patients: int = PATIENTS, seed: int = SEED) -> SyntheticHospital:
    """Make a hospital of so many patients."""
    tables = invented()
    rng = np.random.default_rng(seed)
    people = draw_people(tables, patients, rng)
    drawn = draw_visits(tables, people, rng)
    times, unshifted = _times(people, rng)
    old = unshifted < ICD10_FROM
    vocabularies, codes = {}, {}
    for kind, held, table in (
        ("diagnoses", drawn.diagnoses, tables.diagnoses),
        ("procedures", drawn.procedures, tables.procedures),
    ):
        rows, numbers = np.nonzero(held)
        size = len(table)
        codes[kind] = Ragged.from_pairs(rows, numbers + size * old[rows], len(held))
        keys = [f"ICD10:{c}" for c in table["icd10"]] + [f"ICD9:{c}" for c in table["icd9"]]
        vocabularies[kind] = Vocabulary(
            tuple(keys), (*table["icd10_title"].to_list(), *table["icd9_title"].to_list())
        )
    rows, numbers = np.nonzero(drawn.medications)
    codes["medications"] = Ragged.from_pairs(rows, numbers, len(times))
    vocabularies["medications"] = Vocabulary(
        tuple(f"ATC:{c}" for c in tables.medications["atc"]), tuple(tables.medications["name"])
    )
    draw = lambda values: rng.choice(values, patients)  # noqa: E731
    profiles = pl.DataFrame(
        {
            "insurance": np.array(list(INSURANCE))[people.insurance],
            "language": draw(LANGUAGES),
            "admission_type": np.array(list(ADMISSION_TYPE))[people.admission],
            "marital_status": draw(STATUS),
            "race": draw(RACES),
        }
    )
    hospital = Hospital(
        name=f"synthetic-{patients}",
        licence=None,
        citation=None,
        synthetic=True,
        visits=Visits(drawn.patients, times, codes),
        patient_ids=tuple(str(10_000_000 + n) for n in range(patients)),
        visit_ids=tuple(str(20_000_000 + n) for n in range(len(times))),
        profiles=profiles,
        vocabularies=vocabularies,
        interactions=tables.interactions,
        interactions_note="synthetic: most pairs are invented",
        steps=(),
        fingerprint=f"synthetic-{patients}-{seed}",
    )
    return SyntheticHospital(hospital, drawn.chances)


def _times(people: People, rng: np.random.Generator) -> tuple[npt.NDArray, npt.NDArray]:
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
    shift = np.repeat(DAY * 364 * rng.integers(100, 190, len(first)), people.counts)
    return unshifted + shift, unshifted
