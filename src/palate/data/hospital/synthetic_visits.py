"""The visit process of the synthetic hospital: see :mod:`palate.data.hospital.synthetic`.

Legend: p patients, n visits of the step, D diagnoses, P procedures, V medications.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.data.cases import Flags, Indices
from palate.data.hospital.invented import Floats, Invented, Rule

MOST_VISITS = 12
AGE_EFFECT = 0.03  # log odds of a chronic condition per year of age
MEAN_AGE = 62
CODED = 0.85  # chance that a chronic condition is coded in a visit
FROM_THE_START = 0.8  # chance that a chronic condition is there at the first visit
STILL_TREATED = 0.6  # what a chronic condition that is not coded again counts for
KEPT = 0.92  # chance that the choice between two medications is what it was before
HELPED, DID_NOT = 0.4, 0.5  # of the chance of a medication that was, or was not, given before
PROFILE_EFFECT = 1.5  # log odds of the choice between two medications
AVOIDED = 0.4  # chance that one is left out because of another that interacts with it
NOISE = 0.004  # chance of a medication without a cause
STRAY_PROCEDURE = 0.01
DEFAULT = "N02B"  # given where nothing else is; interacts with nothing

INSURANCE = {"Medicare": 1.0, "Medicaid": -1.0, "Other": 0.0}
ADMISSION_TYPE = {"EW EMER.": 1.0, "URGENT": 0.5, "OBSERVATION ADMIT": -0.5, "ELECTIVE": -1.0}


@dataclass(frozen=True)
class People:
    """Who they are.

    Attributes:
        ages: [p] years at the first visit.
        insurance: [p] position in ``INSURANCE``.
        admission: [p] position in ``ADMISSION_TYPE``, of the first visit.
        onsets: [p, D] number of the visit from which on a patient has a chronic condition; more
            than there are visits where never.
        counts: [p] number of visits.
    """

    ages: Indices
    insurance: Indices
    admission: Indices
    onsets: Indices
    counts: Indices


@dataclass(frozen=True)
class Drawn:
    """What was drawn for each visit, visit by visit of each patient.

    Attributes:
        patients: [n] number of the patient.
        diagnoses: [n, D].
        procedures: [n, P].
        medications: [n, V].
        chances: [n, V] of each medication, given all that stands in the record before it.
    """

    patients: Indices
    diagnoses: Flags
    procedures: Flags
    medications: Flags
    chances: npt.NDArray[np.float32]


def draw_people(tables: Invented, count: int, rng: np.random.Generator) -> People:
    """So many patients with their conditions and their number of visits."""
    insurance = rng.choice(len(INSURANCE), count, p=[0.45, 0.2, 0.35])
    old = np.clip(rng.normal(75, 8, count), 65, 91)
    young = np.clip(rng.normal(48, 14, count), 18, 64)
    ages = np.where(insurance == 0, old, young).astype(np.int64)
    chronic = (tables.diagnoses["course"] == "chronic").to_numpy()
    has = np.zeros((count, len(chronic)), dtype=bool)
    base = _log_odds(tables.diagnoses["chance"].to_numpy()) - 0.35  # comorbidity brings it back
    for number in np.flatnonzero(chronic):
        logit = base[number] + AGE_EFFECT * (ages - MEAN_AGE)
        logit = logit + has @ np.log(tables.odds[:, number])
        has[:, number] = rng.random(count) < _sigmoid(logit)
    later = np.where(rng.random(has.shape) < FROM_THE_START, 0, rng.geometric(0.5, has.shape))
    burden = has.sum(axis=1) - has.sum() / count
    counts = np.ones(count, dtype=np.int64)
    back = np.ones(count, dtype=bool)
    for visit in range(1, MOST_VISITS):
        back &= rng.random(count) < _sigmoid(0.12 * burden + (0.0 if visit == 1 else 0.4))
        counts += back
    return People(
        ages=ages,
        insurance=insurance,
        admission=rng.choice(len(ADMISSION_TYPE), count, p=[0.5, 0.2, 0.15, 0.15]),
        onsets=np.where(has, later, MOST_VISITS),
        counts=counts,
    )


def draw_visits(tables: Invented, people: People, rng: np.random.Generator) -> Drawn:
    """All visits, one after another for all patients at once."""
    count, medications = len(people.counts), len(tables.medications)
    coded_before = np.zeros((count, len(tables.diagnoses)), dtype=bool)
    given_before = np.zeros((count, medications), dtype=bool)
    steps = []
    for visit in range(int(people.counts.max())):
        rows = np.flatnonzero(people.counts > visit)
        diagnoses = _diagnoses(tables, people.onsets[rows] <= visit, rng)
        procedures = _procedures(tables, diagnoses, rng)
        wanted = _wanted(
            tables, people, rows, diagnoses, procedures, coded_before[rows], given_before[rows]
        )
        given, chances = _give(tables, wanted, rng)
        coded_before[rows] |= diagnoses
        given_before[rows] |= given
        steps.append((rows, diagnoses, procedures, given, chances.astype(np.float32)))
    columns = [np.concatenate(column) for column in zip(*steps, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Drawn(*(column[order] for column in columns))


def _diagnoses(tables: Invented, has: Flags, rng: np.random.Generator) -> Flags:
    """[n, D] what is coded: conditions, and acute events that follow from them; never nothing."""
    coded = has & (rng.random(has.shape) < CODED)
    there = has.copy()
    base = _log_odds(tables.diagnoses["chance"].to_numpy())
    acute = np.flatnonzero(tables.diagnoses["course"] == "acute")
    for number in acute:
        logit = base[number] + there @ np.log(tables.odds[:, number])
        coded[:, number] = there[:, number] = rng.random(len(has)) < _sigmoid(logit)
    nothing = np.flatnonzero(~coded.any(axis=1))
    weights = tables.diagnoses["chance"].to_numpy()[acute]
    coded[nothing, rng.choice(acute, len(nothing), p=weights / weights.sum())] = True
    return coded


def _procedures(tables: Invented, diagnoses: Flags, rng: np.random.Generator) -> Flags:
    """[n, P] what is done because of the diagnoses; never nothing."""
    none = diagnoses @ np.log1p(-tables.interventions) + np.log1p(-STRAY_PROCEDURE)
    done = rng.random(none.shape) < -np.expm1(none)
    nothing = np.flatnonzero(~done.any(axis=1))
    done[nothing, rng.integers(0, done.shape[1], len(nothing))] = True
    return done


def _wanted(
    tables: Invented,
    people: People,
    rows: Indices,
    diagnoses: Flags,
    procedures: Flags,
    coded_before: Flags,
    given_before: Flags,
) -> Floats:
    """[n, V] chance of each medication before interactions are looked at."""
    insurance = np.array(list(INSURANCE.values()))[people.insurance[rows]]
    admission = np.array(list(ADMISSION_TYPE.values()))[people.admission[rows]]
    chronic = (tables.diagnoses["course"] == "chronic").to_numpy()
    none = np.full(given_before.shape, 1 - NOISE)  # chance that no cause brings it
    for rule in tables.rules:
        causes, before = np.ones(len(rows)), np.zeros(len(rows), dtype=bool)
        if rule.procedure is not None:
            causes = procedures[:, rule.procedure].astype(float)
        elif rule.diagnosis is not None:
            causes = diagnoses[:, rule.diagnosis].astype(float)
            if chronic[rule.diagnosis]:
                before = coded_before[:, rule.diagnosis]
                causes = np.maximum(causes, STILL_TREATED * before)
        share = _sigmoid(PROFILE_EFFECT * (insurance * rule.insurance + admission * rule.admission))
        for medication, part in _options(rule, share, given_before):
            none[:, medication] *= 1 - causes * part * _chance(rule, before, given_before)
    return 1 - none


def _options(rule: Rule, share: Floats, given_before: Flags) -> list[tuple[int, Floats | float]]:
    """Each medication of a rule with its part of the rule's chance."""
    if rule.instead is None:
        return [(rule.medication, 1.0)]
    first, other = given_before[:, rule.medication], given_before[:, rule.instead]
    share = np.where(first & ~other, KEPT, np.where(other & ~first, 1 - KEPT, share))
    return [(rule.medication, share), (rule.instead, 1 - share)]


def _chance(rule: Rule, before: Flags, given_before: Flags) -> Floats:
    """[n] chance of a rule: what was given for a condition before is given again."""
    given = given_before[:, rule.medication]
    if rule.instead is not None:
        given = given | given_before[:, rule.instead]
    again = np.where(given, 1 - HELPED * (1 - rule.chance), DID_NOT * rule.chance)
    return np.where(before, again, rule.chance)


def _give(tables: Invented, wanted: Floats, rng: np.random.Generator) -> tuple[Flags, Floats]:
    """Draw medications, those of the first turn before those that may be left out for them.

    Returns:
        [n, V] what is given, and the chance of it.
    """
    first = (tables.medications["turn"] == "1").to_numpy()
    between = tables.interactions[first][:, ~first].astype(float)
    rolled = rng.random(wanted.shape)
    given, chances = rolled < wanted, wanted.copy()
    left_out = given[:, first] @ (between * np.log1p(-AVOIDED))
    given[:, ~first] = rolled[:, ~first] < wanted[:, ~first] * np.exp(left_out)
    # Medications of the first turn are independent of each other, so this is exact.
    expected = np.log1p(-AVOIDED * wanted[:, first]) @ between
    chances[:, ~first] = wanted[:, ~first] * np.exp(expected)
    default = tables.medications["atc"].to_list().index(DEFAULT)
    chances[:, default] += np.prod(1 - wanted, axis=1)
    given[~given.any(axis=1), default] = True
    return given, chances


def _log_odds(chance: Floats) -> Floats:
    return np.log(chance / (1 - chance))


def _sigmoid(logit: Floats) -> Floats:
    return 1 / (1 + np.exp(-logit))
