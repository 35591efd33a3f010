"""What a trained run recommends for a patient whose record is at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from palate.data.hospital.splits import medication_cases
from palate.data.hospital.visits import MedicationCases
from palate.errors import DataError, RunError
from palate.evaluation.decisions import decide
from palate.experiments.medication.run import MedicationRun


@dataclass(frozen=True)
class Medication:
    """One line of an answer.

    Attributes:
        code: such as ``ATC:A02B``.
        name: in words.
        probability: the model's.
        interacts: names of the recommended medications that it is known to interact with.
    """

    code: str
    name: str
    probability: float
    interacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """What is recommended for one visit.

    Attributes:
        recommended: most probable first.
        left_out: those that were probable enough, but interact; with what they interact with.
        threshold: of the probability.
        earlier: number of earlier visits.
        caution: belongs under it, always.
    """

    recommended: list[Medication]
    left_out: list[Medication] = field(default_factory=list)
    threshold: float = 0.5
    earlier: int = 0
    caution: str = ""


def case_of(run: MedicationRun, patient: str) -> MedicationCases:
    """A patient's last visit, its medications hidden, with the visits before it.

    Raises:
        RunError: the data is gone or changed, or has no such patient.
    """
    hospital = run.dataset()
    try:
        number = hospital.patient(patient)
    except DataError as error:
        # Ids of real patients are nobody's business; invented ones can be named.
        some = f"; there are {', '.join(hospital.patient_ids[:3])} …" if hospital.synthetic else ""
        raise RunError(f"{error}{some}") from None
    values = run.terms().profile_values
    return medication_cases(hospital, np.array([number]), values).without_targets()


def advise(run: MedicationRun, patient: str, penalty: float | None = None) -> Advice:
    """The medications for a patient's last visit in the data.

    Args:
        patient: id of the data.
        penalty: what an interaction costs; by default as the run was judged.
    """
    case, terms = case_of(run, patient), run.terms()
    scores = run.recommender().score(case)
    if penalty is None:
        penalty = float(run.results()["penalty"])
    threshold = run.threshold(penalty)
    chosen = decide(scores, threshold, terms.interactions, penalty)[0]
    probable = decide(scores, threshold)[0]

    def told(which: np.ndarray) -> list[Medication]:
        order = sorted(np.flatnonzero(which).tolist(), key=lambda code: -scores[0, code])
        return [
            Medication(
                terms.medications.keys[code],
                terms.medications.names[code],
                float(scores[0, code]),
                tuple(
                    terms.medications.names[other]
                    for other in np.flatnonzero(chosen & terms.interactions[code])
                ),
            )
            for code in order
        ]

    return Advice(
        told(chosen), told(probable & ~chosen), threshold, int(case.earlier[0]), run.caution
    )
