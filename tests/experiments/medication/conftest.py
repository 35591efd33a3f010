"""Real runs of medication recommendation that tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.synthetic import make_tables
from palate.data.hospital.synthetic_tables import write_folder
from palate.experiments.compare import compare
from palate.experiments.comparison import Comparison
from palate.experiments.medication.run import MedicationRun
from palate.experiments.train import train

NET = {"epochs": 2, "width": 16, "device": "cpu"}
STUDENT = NET | {"hidden": 24, "mediator": 12}
PATIENTS = 300


@pytest.fixture(scope="session")
def hospital_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic hospital as a folder, in the layout of MIMIC-IV."""
    folder = tmp_path_factory.mktemp("hospital") / "st-palate"
    write_folder(make_tables(PATIENTS, 1)[0], folder, "a test")
    return folder


@pytest.fixture(scope="session")
def reader(tiny_model: Path) -> dict[str, object]:
    """Settings of a teacher that is small enough for a test."""
    return {
        "model": str(tiny_model),
        "samples": 24,
        "epochs": 1,
        "validation_patients": 8,
        "max_tokens": 256,
        "device": "cpu",
        "precision": "fp32",
        "model_precision": "fp32",
    }


@pytest.fixture(scope="session")
def medication_run(
    hospital_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> MedicationRun:
    """A logistic regression on the folder."""
    folder = tmp_path_factory.mktemp("runs") / "logistic"
    settings = {"strengths": [0.1, 1.0]}
    run = train("logistic", settings, HospitalConfig(data=str(hospital_folder)), folder=folder)
    assert isinstance(run, MedicationRun)
    return run


@pytest.fixture(scope="session")
def medication_comparison(
    hospital_folder: Path, reader: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Comparison:
    """The student before its teacher, a method without chance, and one that fails."""
    return compare(
        ["leader", "leader-teacher", "popularity", "retain@nowhere"],
        HospitalConfig(data=str(hospital_folder)),
        seeds=2,
        folder=tmp_path_factory.mktemp("runs") / "comparison",
        settings={
            "leader": STUDENT,
            "leader-teacher": reader,
            "retain@nowhere": NET | {"device": "cuda:99"},
        },
    )
