"""Runs of medication recommendation: what they hold, what they do not, and what they recommend."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.tables import MARKER
from palate.errors import ConfigError, RunError
from palate.evaluation.decisions import PENALTIES, decide
from palate.evaluation.medication import Judged
from palate.experiments.compare import compare
from palate.experiments.comparison import Comparison
from palate.experiments.kinds import judge_again, open_run
from palate.experiments.medication.prompts import read_patient_prompt
from palate.experiments.medication.recommend import advise
from palate.experiments.medication.report import write_report
from palate.experiments.medication.run import MedicationRun
from palate.experiments.run import Run
from palate.experiments.train import resume_training, train
from palate.experiments.worker import Job
from palate.recommenders.registry import configure
from palate.training.checkpoint import newest

STUDENT_OF_NONE = {"epochs": 30, "patience": 30, "width": 8, "device": "cpu"}
CAUTION = "Decision support for research, not for treatment. Synthetic data: no patient is real."


def test_metrics_are_those_of_its_scores(medication_run):
    split, recommender = medication_run.split(), medication_run.recommender()
    results = medication_run.results()
    scores = recommender.score(split.test.without_targets())
    chosen = decide(scores, results["threshold"])
    found = Judged(
        scores, chosen, split.test.target, split.hospital.interactions, split.test.single
    )
    assert results["metrics"] == pytest.approx(found.metrics())
    assert results["cases"] == len(split.test)
    assert [one["group"] for one in results["groups"]] == ["single", "multi"]
    assert results["caution"] == CAUTION


def test_the_threshold_is_of_validation(medication_run):
    from palate.evaluation.decisions import best_threshold

    split, recommender = medication_run.split(), medication_run.recommender()
    validation = recommender.score(split.validation.without_targets())
    wanted = best_threshold(validation, split.validation.target)
    assert medication_run.results()["threshold"] == wanted
    assert medication_run.threshold(0.0) == wanted


def test_safety_costs_accuracy_along_the_curve(medication_run):
    curve = medication_run.results()["curve"]
    assert [point["penalty"] for point in curve] == list(PENALTIES)
    assert curve[-1]["interaction_rate"] == 0.0
    assert curve[0]["interaction_rate"] > 0.0


def test_a_run_is_judged_again(medication_run, tmp_path):
    copy = MedicationRun(shutil.copytree(medication_run.folder, tmp_path / "copy"))
    before = copy.metrics()
    copy.path("metrics.json").unlink()
    again = judge_again(open_run(copy.folder, finished=False))
    assert again == before


def test_no_file_of_a_run_holds_a_patient(
    medication_run, medication_comparison, hospital_folder, tmp_path
):
    """No id of a patient or a visit and no date of the data, in any file, text or not."""
    tables = [pl.read_csv(path, infer_schema=False) for path in hospital_folder.glob("hosp/*.csv*")]
    secret: set[str] = set()
    for table in tables:
        for name in table.columns:
            if name in ("subject_id", "hadm_id"):
                secret |= set(table[name].drop_nulls())
            if "time" in name or "date" in name:
                secret |= {value[:10] for value in table[name].drop_nulls()}
    secret.discard("")
    assert len(secret) > 600
    # Digits of a longer number are no id.
    pattern = re.compile(rf"(?<![\d.])({'|'.join(map(re.escape, secret))})(?!\d)".encode())
    folders = [medication_run.folder, medication_comparison.folder]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += pl.read_parquet(path).write_csv().encode()
        assert pattern.search(content) is None, path.name
    assert pattern.search(b"the id " + next(iter(secret)).encode() + b" is here")


def test_cases_hold_metrics_and_counts_only(medication_run):
    frame = medication_run.cases()
    assert set(frame.columns) == {
        "single", "given", "prauc", "jaccard", "f1", "precision", "recall", "drugs",
        "interacting", "pairs",
    }  # fmt: skip
    assert frame["pairs"].to_list() == [n * (n - 1) // 2 for n in frame["drugs"].cast(int)]


def patient_of(run: MedicationRun) -> str:
    return run.dataset().patient_ids[3]


def test_advice_names_medications_and_their_interactions(medication_run):
    found = advise(medication_run, patient_of(medication_run))
    terms = medication_run.terms()
    assert found.caution == CAUTION
    assert found.recommended
    probabilities = [one.probability for one in found.recommended]
    assert probabilities == sorted(probabilities, reverse=True)
    assert min(probabilities) > found.threshold
    number = terms.medications.index
    for one in found.recommended:
        assert one.name == terms.medications.names[number[one.code]]
        partners = {
            other.name
            for other in found.recommended
            if terms.interactions[number[one.code], number[other.code]]
        }
        assert set(one.interacts) == partners
    assert not found.left_out


def test_advice_with_a_penalty_says_what_it_left_out(medication_run):
    some = 0
    for patient in medication_run.dataset().patient_ids[:20]:
        found = advise(medication_run, patient, penalty=1.0)
        assert not any(one.interacts for one in found.recommended)
        assert all(one.interacts for one in found.left_out)
        some += len(found.left_out)
    assert some


def test_an_unknown_patient_is_not_repeated(medication_run, hospital_folder, tmp_path):
    with pytest.raises(RunError, match="there are 1000") as error:  # invented ids may be named
        advise(medication_run, "77777")
    assert "77777" not in str(error.value)
    real = shutil.copytree(hospital_folder, tmp_path / hospital_folder.name)
    (real / MARKER).unlink()
    folder = tmp_path / "run"
    run = train("popularity", {}, HospitalConfig(data=str(real)), folder=folder)
    assert isinstance(run, MedicationRun)
    assert run.caution == "Decision support for research, not for treatment."
    with pytest.raises(RunError, match="no patient has that id") as error:
        advise(run, "77777")
    assert not re.search("77777|1000", str(error.value))


def test_changed_data_is_refused(medication_run, tmp_path, hospital_folder):
    folder = shutil.copytree(hospital_folder, tmp_path / "data")
    run = shutil.copytree(medication_run.folder, tmp_path / "run")
    config = (run / "config.yaml").read_text().replace(str(hospital_folder), str(folder))
    (run / "config.yaml").write_text(config)
    assert advise(MedicationRun(run), patient_of(medication_run)).recommended
    path = next(iter(folder.glob("hosp/diagnoses_icd.csv*")))
    table = pl.read_csv(path, infer_schema=False)
    name = path.name.removesuffix(".gz")
    path.unlink()
    table.head(len(table) - 5).write_csv(path.with_name(name))
    with pytest.raises(RunError, match="not what it was trained on"):
        advise(MedicationRun(run), patient_of(medication_run))


def test_kinds_of_run_are_not_taken_for_each_other(medication_run, ease_run):
    with pytest.raises(RunError, match="--patient ID"):
        Run(medication_run.folder)
    with pytest.raises(RunError, match="another kind"):
        MedicationRun(ease_run.folder)
    assert type(open_run(ease_run.folder)) is Run
    assert type(open_run(medication_run.folder)) is MedicationRun


def test_a_method_reads_no_prompt_unless_it_does(medication_run, medication_comparison):
    patient = patient_of(medication_run)
    with pytest.raises(RunError, match="reads no prompt"):
        read_patient_prompt(medication_run, patient)
    teacher = medication_comparison.run("leader-teacher-seed0")
    assert isinstance(teacher, MedicationRun)
    found = read_patient_prompt(teacher, patient)
    assert found.text.startswith("Earlier visits: ")
    assert found.pieces[-1].text == "<|endoftext|>"
    assert found.vectors == 0


# Several methods side by side.


def row(comparison: Comparison, label: str):
    return next(one for one in comparison.rows if one.label == label)


def test_a_student_learns_from_the_teacher_it_is_compared_with(medication_comparison):
    assert row(medication_comparison, "leader").error is None
    for seed in (0, 1):
        config = medication_comparison.run(f"leader-seed{seed}").config
        teacher = medication_comparison.folder / f"leader-teacher-seed{seed}"
        assert config["settings"]["teacher"] == str(teacher.resolve())
        assert config["taught_by"]["method"] == "leader-teacher"
    assert [one.label for one in medication_comparison.failed] == ["retain@nowhere"]


def test_seeds_and_patients_are_named_apart(medication_comparison):
    student = row(medication_comparison, "leader")
    assert len(student.runs) == 2
    values = [medication_comparison.run(name).metrics()["prauc"] for name in student.runs]
    assert student.metrics["prauc"] == pytest.approx(np.mean(values))
    assert student.spread["prauc"] == pytest.approx(np.std(values, ddof=1))
    low, high = student.intervals["prauc"]
    assert low < student.metrics["prauc"] < high
    assert not row(medication_comparison, "popularity").spread


def test_rates_of_interactions_have_a_pooled_interval(medication_comparison):
    for one in medication_comparison.rows:
        if one.runs:
            low, high = one.intervals["interaction_rate"]
            assert low <= one.metrics["interaction_rate"] + 1e-9
            assert high >= one.metrics["interaction_rate"] - 1e-9
            assert [group["group"] for group in one.groups] == ["single", "multi"]


def test_a_comparison_is_reused_and_opened(medication_comparison, hospital_folder, reader, capsys):
    again = compare(
        ["popularity"],
        HospitalConfig(data=str(hospital_folder)),
        folder=medication_comparison.folder,
        progress=True,
    )
    assert "reused" in capsys.readouterr().err
    assert row(again, "popularity").metrics == row(medication_comparison, "popularity").metrics
    assert Comparison.open(medication_comparison.folder).kind == "medication"


def test_every_report_ends_with_the_caution(medication_run, medication_comparison):
    for of in (medication_run, medication_comparison):
        page = write_report(of).read_text()
        footer = page[page.index("<footer>") :]
        assert CAUTION in footer
        assert "<script" not in page
        assert "http" not in page.replace("http-equiv", "")
        assert 'aria-label="Jaccard over % of recommended pairs that interact"' in page


def test_a_teacher_that_saw_others_is_refused(medication_comparison, hospital_folder, tmp_path):
    teacher = str(medication_comparison.folder / "leader-teacher-seed0")
    other = HospitalConfig(data=str(hospital_folder), split_seed=7)
    with pytest.raises(RunError, match="another --split-seed"):
        train("leader", {"teacher": teacher, "epochs": 1}, other, folder=tmp_path / "run")
    other = str(medication_comparison.folder / "popularity-seed0")
    data = HospitalConfig(data=str(hospital_folder))
    with pytest.raises(RunError, match="cannot teach"):
        train("leader", {"teacher": other, "epochs": 1}, data, folder=tmp_path / "run")
    with pytest.raises(RunError, match="no such folder"):
        train("leader", {"teacher": "nowhere", "epochs": 1}, data, folder=tmp_path / "run")


def test_a_student_of_a_teacher_that_failed_fails_alone(hospital_folder, tmp_path):
    found = compare(
        ["leader", "leader-teacher", "popularity"],
        HospitalConfig(data=str(hospital_folder)),
        folder=tmp_path / "comparison",
        settings={"leader-teacher": {"model": str(tmp_path / "nothing")}},
    )
    errors = {one.label: one.error for one in found.rows}
    assert errors["popularity"] is None
    assert "nothing" in errors["leader-teacher"]
    assert "leader-teacher-seed0" in errors["leader"]


def test_a_student_alone_says_what_it_needs(hospital_folder):
    with pytest.raises(ConfigError, match="needs a teacher"):
        compare(["leader", "popularity"], HospitalConfig(data=str(hospital_folder)))


def test_a_training_goes_on_where_it_was(hospital_folder, tmp_path):
    """Killed after an epoch or more, it ends as one that was left alone."""
    settings = configure("retain", STUDENT_OF_NONE, kind="medication").model_dump(mode="json")
    data = HospitalConfig(data=str(hospital_folder))
    job = Job(
        method="retain",
        settings=settings,
        data=data.model_dump(mode="json"),
        seed=0,
        folder=str(tmp_path / "killed"),
        progress=False,
        resume=False,
        command="a test",
        kind="medication",
    )
    command = [sys.executable, "-m", "palate.experiments.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        process.stdin.flush()
        until = time.monotonic() + 600
        while newest(tmp_path / "killed/checkpoints") is None and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    with pytest.raises(RunError, match="did not finish"):
        open_run(tmp_path / "killed")
    resumed = resume_training(tmp_path / "killed")
    assert resumed.cost()["resumed"]
    whole = train("retain", settings, data, folder=tmp_path / "whole")
    assert not whole.cost()["resumed"]
    assert resumed.metrics() == pytest.approx(whole.metrics(), abs=1e-6)


def test_what_is_kept_is_readable_text_and_tensors(medication_run):
    names = {path.name for path in medication_run.folder.iterdir()}
    assert names == {
        "config.yaml", "environment.json", "terms.json", "model.safetensors", "recommender.json",
        "cost.json", "cases.parquet", "metrics.json", "report.html",
    }  # fmt: skip
    told = json.loads((medication_run.folder / "terms.json").read_text())
    assert set(told) == {"vocabularies", "profile_values", "interactions"}
    assert Path(medication_run.config["data"]["data"]).is_absolute()
