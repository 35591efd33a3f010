"""What the language model of a run is given to read of a patient."""

from __future__ import annotations

from palate.errors import RunError
from palate.experiments.medication.recommend import case_of
from palate.experiments.medication.run import MedicationRun
from palate.experiments.prompts import ReadPrompt, as_read
from palate.recommenders.medication.leader_teacher import LeaderTeacher


def read_patient_prompt(run: MedicationRun, patient: str) -> ReadPrompt:
    """The prompt for a patient's last visit in the data, as the language model reads it.

    Raises:
        RunError: the method reads no prompt, or the patient is unknown.
    """
    recommender = run.recommender()
    if not isinstance(recommender, LeaderTeacher):
        raise RunError(f"{run.folder}: {run.method} reads no prompt, so there is none to show")
    backbone, (prompt,) = recommender.backbone, recommender.prompts(case_of(run, patient))
    return as_read(prompt, backbone)
