"""Which patients train, validate and test: each patient is in one part only.

A held-out patient is one case: his last visit, with those before it as his history.

Legend: n visits, p patients or cases, f profile fields, V medications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.cases import Indices
from palate.data.hospital.visits import UNKNOWN, Codes, Hospital, MedicationCases
from palate.errors import DataError, LeakageError

HELD_OUT = 10  # one patient in so many validates, one tests: 8:1:1 as in the papers


@dataclass(frozen=True)
class HospitalSplit:
    """Train, validation and test over the patients of one hospital.

    Attributes:
        profile_values: [f] of each profile field the values of the training patients by their
            number, of which 0 is ``unknown``.
        name: how it was made.
        notes: plain sentences that belong beside every result on this split.
    """

    hospital: Hospital
    train: MedicationCases
    validation: MedicationCases
    test: MedicationCases
    profile_values: Mapping[str, tuple[str, ...]]
    name: str
    notes: tuple[str, ...] = ()

    @property
    def n_medications(self) -> int:
        """Size of the vocabulary that is ranked."""
        return len(self.hospital.vocabularies["medications"])


def make_hospital_split(
    hospital: Hospital, seed: int = 0, every_visit: bool = False, shuffled: bool = True
) -> HospitalSplit:
    """Split patients 8:1:1 and make their last visits cases.

    Args:
        seed: of the draw.
        every_visit: every visit of a training patient is a training case, not only the last.
        shuffled: False takes the patients in order of their number, as the released code of LEADER
            does: the first eight tenths train.

    Raises:
        DataError: too few patients for three parts.
        LeakageError: the parts are not what they promise.
    """
    count = len(hospital.patient_ids)
    if count < 3:
        raise DataError(
            f"{hospital.name}: {count} patients with usable visits; a split needs 3 or more"
        )
    order = np.random.default_rng(seed).permutation(count) if shuffled else np.arange(count)
    held = max(1, count // HELD_OUT)
    train, validation, test = np.split(order, [count - 2 * held, count - held])
    values = profile_values(hospital, train)
    notes = ["codes are those of all patients: a vocabulary tells that a code exists, not whose"]
    if not shuffled:
        notes.append("patients are split in order of their ids, as in the released code")
    if every_visit:
        notes.append("every visit of a training patient trains, not only the last")
    split = HospitalSplit(
        hospital=hospital,
        train=medication_cases(hospital, np.sort(train), values, every_visit),
        validation=medication_cases(hospital, np.sort(validation), values),
        test=medication_cases(hospital, np.sort(test), values),
        profile_values=values,
        name="patients 8:1:1",
        notes=tuple(notes),
    )
    check_hospital_split(split)
    return split


def profile_values(hospital: Hospital, patients: npt.ArrayLike) -> dict[str, tuple[str, ...]]:
    """Of each field the values that the given patients have, after ``unknown``, by frequency."""
    known = hospital.profiles[np.asarray(patients, dtype=np.int64)]
    values = {}
    for name in hospital.profile_fields:
        counted = known[name].value_counts().filter(pl.col(name) != UNKNOWN)
        ordered = counted.sort(["count", name], descending=[True, False])[name]
        values[name] = (UNKNOWN, *ordered.to_list())
    return values


def medication_cases(
    hospital: Hospital,
    patients: npt.ArrayLike,
    values: Mapping[str, tuple[str, ...]],
    every_visit: bool = False,
) -> MedicationCases:
    """Cases of the given patients, in that order.

    Args:
        patients: [p] numbers of patients.
        values: numbers of the profile fields' values; what is not among them is unknown.
        every_visit: every visit is a case, oldest first; else only the last.
    """
    patients = np.asarray(patients, dtype=np.int64)
    offsets = hospital.visits.offsets(len(hospital.patient_ids))
    counts = np.diff(offsets)[patients]
    if (counts == 0).any():
        raise DataError(f"{hospital.name}: a patient has no visit")
    cases = np.repeat(patients, counts if every_visit else 1)
    known = counts - 1
    if every_visit:
        ends = np.cumsum(counts)
        known = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    rows = offsets[cases] + known
    past = np.concatenate([[0], np.cumsum(known)]).astype(np.int64)
    places = np.repeat(offsets[cases] - past[:-1], known) + np.arange(past[-1])
    codes = hospital.visits.codes
    return MedicationCases(
        patients=cases,
        visits=rows,
        past=hospital.visits.take(places),
        offsets=past,
        diagnoses=codes["diagnoses"].take(rows),
        procedures=codes["procedures"].take(rows),
        profiles=_profiles(hospital, values)[cases],
        target=codes["medications"].take(rows).dense(len(hospital.vocabularies["medications"])),
    )


def _profiles(hospital: Hospital, values: Mapping[str, tuple[str, ...]]) -> Codes:
    """[p, f] the number of each patient's value of each field."""
    columns = []
    for name in hospital.profile_fields:
        numbers = {value: number for number, value in enumerate(values[name])}
        column = hospital.profiles[name].replace_strict(
            list(numbers), list(numbers.values()), default=0, return_dtype=pl.Int32
        )
        columns.append(column.to_numpy())
    shape = (len(hospital.patient_ids), 0)
    return np.stack(columns, axis=1) if columns else np.empty(shape, dtype=np.int32)


def check_hospital_split(split: HospitalSplit) -> None:
    """Check against the hospital, without trusting how the split was made.

    * no patient is in two parts;
    * every earlier visit is the patient's own, and before the case's visit in order and time;
    * a held-out case is the patient's last visit.

    Raises:
        LeakageError: one of these does not hold.
    """
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    names = list(parts)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        both = np.intersect1d(parts[names[first]].patients, parts[names[second]].patients)
        if len(both):
            raise LeakageError(f"a patient is in both {names[first]} and {names[second]}")
    visits = split.hospital.visits
    last = visits.offsets(len(split.hospital.patient_ids))[1:] - 1
    for name, cases in parts.items():
        _check_past(name, cases, visits.patients, visits.times)
        if name != "train" and (cases.visits != last[cases.patients]).any():
            raise LeakageError(f"{name}: a case is not its patient's last visit")


def _check_past(
    name: str, cases: MedicationCases, patients: Indices, times: npt.NDArray[np.datetime64]
) -> None:
    rows = np.repeat(np.arange(len(cases)), cases.earlier)
    if (patients[cases.visits] != cases.patients).any():
        raise LeakageError(f"{name}: a case is a visit of another patient")
    if (cases.past.patients != cases.patients[rows]).any():
        raise LeakageError(f"{name}: a history holds a visit of another patient")
    if (cases.past.times > times[cases.visits][rows]).any():
        raise LeakageError(f"{name}: a history holds a visit after the one that is asked for")
    first = np.searchsorted(patients, cases.patients)
    if (cases.earlier > cases.visits - first).any():
        raise LeakageError(f"{name}: a history holds the visit that is asked for")
