"""The tables of the synthetic hospital: what there is, what follows from what, how often.

Codes and titles of diagnoses and procedures are those of ICD-9-CM, ICD-10-CM and ICD-10-PCS, which
CMS publishes in the public domain; classes of medications are ATC's. Chances, odds and interactions
are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
ADMISSION = "admission"  # the cause of what every patient may get


@dataclass(frozen=True)
class Rule:
    """A cause calls for a medication, or for one of two.

    Attributes:
        diagnosis: number of the diagnosis that calls for it, or None.
        procedure: number of the procedure that calls for it, or None; neither: every admission.
        medication: number of the medication.
        instead: number of the one that may be given in its place, or None.
        chance: that one of them is given.
        insurance: 1, -1 or 0: what a first patient's insurance does to the choice.
        admission: the same for the type of admission.
    """

    diagnosis: int | None
    procedure: int | None
    medication: int
    instead: int | None
    chance: float
    insurance: float
    admission: float


@dataclass(frozen=True)
class Invented:
    """All tables, by number.

    Attributes:
        diagnoses: [D] ``concept, icd10, icd10_title, icd9, icd9_title, course, chance``.
        procedures: [P] the same, without course and chance.
        medications: [V] ``atc, name, substance, drug, turn``.
        odds: [D, D] by how much having the first multiplies the odds of the second, which is later
            in the table.
        interventions: [D, P] chance of each procedure where there is a diagnosis.
        rules: which medications follow from what.
        interactions: [V, V] symmetric.
    """

    diagnoses: pl.DataFrame
    procedures: pl.DataFrame
    medications: pl.DataFrame
    odds: Floats
    interventions: Floats
    rules: tuple[Rule, ...]
    interactions: npt.NDArray[np.bool_]


@cache
def invented() -> Invented:
    """The tables of this folder."""
    diagnoses, procedures, medications = map(_table, ("diagnoses", "procedures", "medications"))
    diagnosis, procedure = _numbers(diagnoses["concept"]), _numbers(procedures["concept"])
    medication = _numbers(medications["atc"])
    odds = np.ones((len(diagnosis), len(diagnosis)))
    for one, other, factor in _table("comorbidity").iter_rows():
        odds[diagnosis[one], diagnosis[other]] = float(factor)
    interventions = np.zeros((len(diagnosis), len(procedure)))
    for one, other, chance in _table("interventions").iter_rows():
        interventions[diagnosis[one], procedure[other]] = float(chance)
    interactions = np.zeros((len(medication), len(medication)), dtype=bool)
    for one, other in _table("interactions").iter_rows():
        interactions[medication[one], medication[other]] = True
    rules = tuple(
        Rule(
            diagnosis=diagnosis.get(cause),
            procedure=procedure.get(cause),
            medication=medication[first],
            instead=medication.get(instead or ""),
            chance=float(chance),
            insurance=float(insurance or 0),
            admission=float(admission or 0),
        )
        for cause, first, instead, chance, insurance, admission in _table("rules").iter_rows()
    )
    return Invented(
        diagnoses=diagnoses.with_columns(pl.col("chance").cast(pl.Float64)),
        procedures=procedures,
        medications=medications,
        odds=odds,
        interventions=interventions,
        rules=rules,
        interactions=interactions | interactions.T,
    )


def _table(name: str) -> pl.DataFrame:
    text = resources.files(__name__).joinpath(f"{name}.tsv").read_bytes()
    return pl.read_csv(text, separator="\t", infer_schema=False, quote_char=None)


def _numbers(keys: pl.Series) -> dict[str, int]:
    return {key: number for number, key in enumerate(keys)}
