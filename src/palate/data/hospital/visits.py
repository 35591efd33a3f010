"""Visits: what is known of the patients of a hospital, and what a model may see of a visit.

A visit is a set of diagnoses, a set of procedures and a set of medications at a time.

Legend: n visits, p patients or cases, f profile fields, V medications, c codes of all visits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.cases import Flags, Indices
from palate.data.hospital.ragged import Codes, Ragged, gather, offsets_of
from palate.errors import DataError

Kind = Literal["diagnoses", "procedures", "medications"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_SAME = np.timedelta64(0, "s")
UNKNOWN = "unknown"  # a profile field that is empty, or holds what no training patient has
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Vocabulary:
    """The codes of one kind; a code's position is its number.

    Attributes:
        keys: ``ICD9:4019``, ``ICD10:I10``, ``ATC:A02B``; unique.
        names: in words, the key itself where no words are known.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.keys) != len(self.names):
            raise DataError(f"vocabulary: {len(self.keys)} codes, but {len(self.names)} names")
        if len(set(self.keys)) != len(self.keys):
            raise DataError("vocabulary: a code stands twice; keep one entry per code")

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each key."""
        return {key: number for number, key in enumerate(self.keys)}


@dataclass(frozen=True)
class Visits:
    """Visits in an order of their own; those of a :class:`Hospital` by patient, then time.

    Attributes:
        patients: [n] int64 number of the patient.
        times: [n] datetime64[s] of admission.
        codes: of each kind, [n] the codes of the visit.
    """

    patients: Indices
    times: Times
    codes: Mapping[Kind, Ragged]

    def __len__(self) -> int:
        return len(self.patients)

    def take(self, rows: npt.ArrayLike) -> Visits:
        """The visits at the given positions, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        codes = {kind: self.codes[kind].take(rows) for kind in KINDS}
        return Visits(self.patients[rows], self.times[rows], codes)

    def offsets(self, patients: int) -> Indices:
        """[p + 1] where the visits of each of so many patients begin, for visits by patient."""
        return offsets_of(np.bincount(self.patients, minlength=patients))


@dataclass(frozen=True)
class HospitalStep:
    """What one step of preparing a hospital kept and dropped.

    Attributes:
        name: of the step: ``read``, ``medications``, ``visits`` …
        patients: patients with visits after the step.
        visits: visits after the step.
        rows: of each kind, rows or codes after the step.
        dropped: of each kind, rows or codes that the step took away.
        note: what the step did, in a plain sentence; holds nothing of a single patient.
    """

    name: str
    patients: int
    visits: int
    rows: Mapping[Kind, int]
    dropped: Mapping[Kind, int]
    note: str


@dataclass(frozen=True)
class Hospital:
    """The visits of a hospital's patients and what its codes mean.

    Attributes:
        synthetic: True where no patient is real; every table and report says so.
        visits: by patient, then time.
        patient_ids: [p] ids of the source; a position is a patient's number. For look-ups on this
            machine only: never in a log, a report or a run folder.
        visit_ids: [n] ids of the source, under the same rule.
        profiles: [p] one string column per field, ``unknown`` where empty; from the patient's first
            admission.
        vocabularies: of each kind.
        interactions: [V, V] True where two medications are known to interact; symmetric, nothing
            on the diagonal.
        interactions_note: where they come from, in a plain sentence.
        steps: what each step of preparation kept and dropped.
        fingerprint: a hash of the content.
    """

    name: str
    licence: str | None
    citation: str | None
    synthetic: bool
    visits: Visits = field(repr=False)
    patient_ids: tuple[str, ...] = field(repr=False)
    visit_ids: tuple[str, ...] = field(repr=False)
    profiles: pl.DataFrame = field(repr=False)
    vocabularies: Mapping[Kind, Vocabulary]
    interactions: Flags
    interactions_note: str
    steps: tuple[HospitalStep, ...]
    fingerprint: str

    def __post_init__(self) -> None:
        known, size = self.interactions, len(self.vocabularies["medications"])
        if known.shape != (size, size) or (known != known.T).any() or known.diagonal().any():
            raise DataError(
                f"interactions: not a symmetric table of {size} by {size} medications with an "
                "empty diagonal"
            )
        profiles = len(self.profiles) if self.profiles.columns else len(self.patient_ids)
        if profiles != len(self.patient_ids) or len(self.visits) != len(self.visit_ids):
            raise DataError("hospital: each patient needs a profile and an id, each visit an id")
        patients, times = self.visits.patients, self.visits.times
        ascending = (np.diff(patients) > 0) | ((np.diff(patients) == 0) & (np.diff(times) >= _SAME))
        if not ascending.all():
            raise DataError("hospital: visits are not ordered by patient, then time")

    @property
    def caution(self) -> str:
        """The line that every result on it ends with."""
        line = "Decision support for research, not for treatment."
        return f"{line} Synthetic data: no patient is real." if self.synthetic else line

    @property
    def profile_fields(self) -> tuple[str, ...]:
        """[f] names of the profile's fields."""
        return tuple(self.profiles.columns)

    def patient(self, patient_id: str) -> int:
        """The number of the patient with an id of the source.

        Raises:
            DataError: there is none; the message does not repeat the id.
        """
        if patient_id not in self._numbers:
            raise DataError(
                f"{self.name}: no patient has that id among the {len(self.patient_ids)} with "
                "usable visits"
            )
        return self._numbers[patient_id]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {one: number for number, one in enumerate(self.patient_ids)}


@dataclass(frozen=True)
class MedicationCases:
    """Visits whose medications are asked for, with all that is known when they are.

    The medications of the visit itself are in :attr:`target` and nowhere else.

    Attributes:
        patients: [p] number of the patient of each case.
        visits: [p] place of the visit among those of the hospital.
        past: the patient's earlier visits, case by case, oldest first.
        offsets: [p + 1] the earlier visits of case ``i`` are ``past`` from ``offsets[i]`` up to,
            not with, ``offsets[i + 1]``.
        diagnoses: [p] codes of the visit.
        procedures: [p] codes of the visit.
        profiles: [p, f] int32 number of each field's value; 0 is unknown.
        target: [p, V] True where a medication was given; None where it is hidden.
    """

    patients: Indices
    visits: Indices
    past: Visits
    offsets: Indices
    diagnoses: Ragged
    procedures: Ragged
    profiles: Codes
    target: Flags | None

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def earlier(self) -> Indices:
        """[p] number of earlier visits."""
        return np.diff(self.offsets)

    @property
    def single(self) -> Flags:
        """[p] True where the visit is the patient's first."""
        return self.earlier == 0

    def without_targets(self) -> MedicationCases:
        """The same cases as a model may see them."""
        return replace(self, target=None)

    def take(self, rows: npt.ArrayLike) -> MedicationCases:
        """The cases at the given positions, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        offsets, places = gather(self.offsets, rows)
        return MedicationCases(
            patients=self.patients[rows],
            visits=self.visits[rows],
            past=self.past.take(places),
            offsets=offsets,
            diagnoses=self.diagnoses.take(rows),
            procedures=self.procedures.take(rows),
            profiles=self.profiles[rows],
            target=None if self.target is None else self.target[rows],
        )
