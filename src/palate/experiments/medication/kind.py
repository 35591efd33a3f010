"""Experiments that recommend medications from the visits of a hospital's patients."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.load import load_hospital, split_hospital
from palate.data.hospital.visits import KINDS, Hospital
from palate.errors import RunError
from palate.experiments.atomic import replacing_files
from palate.experiments.kinds import Kind
from palate.experiments.medication.evaluate import measure
from palate.experiments.medication.report import write_report
from palate.experiments.medication.run import MedicationRun
from palate.experiments.run import KIND, Run, weights_of
from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.leader import LEADER
from palate.recommenders.medication.leader_teacher import LeaderTeacher

TAUGHT = "taught_by"  # key of config.yaml of a run that has a teacher
PATHS = ("data", "drug_map", "drug_interactions", "diagnosis_titles", "drug_names")
SAME = ("data", "every_visit")  # settings of the data that a teacher need not share


def absolute(data: HospitalConfig) -> HospitalConfig:
    """The same data from whatever folder: paths that exist are made absolute."""
    values = data.model_dump()
    for name in PATHS:
        value = values.get(name)
        if value is not None and Path(value).expanduser().exists():
            values[name] = str(Path(value).expanduser().resolve())
    return HospitalConfig.model_validate(values)


def config(
    method: str, settings: dict[str, Any], data: HospitalConfig, seed: int, fingerprint: str
) -> dict[str, Any]:
    """``config.yaml`` of a run; where it has a teacher, with the teacher's weights.

    Raises:
        RunError: the teacher did not learn from the same patients.
    """
    found: dict[str, Any] = {
        KIND: MedicationRun.kind,
        "method": method,
        "settings": settings,
        "data": data.model_dump(mode="json"),
        "seed": seed,
    }
    teacher = settings.get("teacher") if method == LEADER.name else None
    if teacher is not None and settings["distillation"]:
        run = MedicationRun(teacher)
        found["settings"] = settings | {"teacher": str(Path(teacher).resolve())}
        if run.method != LeaderTeacher.name:
            raise RunError(
                f"{teacher}: a run of {run.method}, which cannot teach; "
                f"train a teacher: palate train {LeaderTeacher.name}"
            )
        told, own = run.config["data"], found["data"]
        differ = [name for name in own if name not in SAME and told.get(name) != own[name]]
        if differ or run.environment()["fingerprint"] != fingerprint:
            names = ", ".join(name.replace("_", "-") for name in differ) or "data"
            raise RunError(
                f"{teacher}: this teacher has another --{names}, so it may have seen who the "
                "student is tested on; train it on the same"
            )
        found[TAUGHT] = {"method": run.method, "weights": weights_of(run)}
    return found


def needs(method: str, settings: dict[str, Any]) -> tuple[str, str] | None:
    """A student without a teacher learns from the one it is compared with."""
    if method == LEADER.name and settings["distillation"] and settings["teacher"] is None:
        return LeaderTeacher.name, "teacher"
    return None


def about_data(hospital: Hospital) -> dict[str, Any]:
    """Name, terms and size; nothing of a single patient."""
    return {
        "name": hospital.name,
        "licence": hospital.licence,
        "citation": hospital.citation,
        "synthetic": hospital.synthetic,
        "caution": hospital.caution,
        "patients": len(hospital.patient_ids),
        "visits": len(hospital.visits),
        **{kind: len(hospital.vocabularies[kind]) for kind in KINDS},
        "interactions": int(hospital.interactions.sum()) // 2,
        "interactions_note": hospital.interactions_note,
        "steps": [asdict(step) for step in hospital.steps],
    }


def keep_data(run: Run, hospital: Hospital) -> None:
    """Write what codes mean; of the patients, nothing."""
    split = split_hospital(hospital, run.data)  # type: ignore[arg-type]
    with replacing_files(run.folder) as staged:
        Terms.of(split).save(staged)


MEDICATION = Kind(
    name="medication",
    data=HospitalConfig,
    run=MedicationRun,
    absolute=absolute,
    load=load_hospital,
    split=split_hospital,
    config=config,
    about_data=about_data,
    keep_data=keep_data,
    measure=measure,
    write_report=write_report,
    needs=needs,
)
