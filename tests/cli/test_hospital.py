"""A hospital's data as a person meets them on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def made(palate) -> Path:
    answer = palate("data", "synth-ehr", "--patients", "60", "--seed", "3", "--out", "made")
    assert answer.code == 0, answer.err
    assert answer.out.strip() == "made"
    assert "no patient is real" in answer.err
    return Path("made").resolve()


def test_show_knows_a_hospital_by_itself(palate, made) -> None:
    answer = palate("data", "show", made)
    assert answer.code == 0, answer.err
    assert "made (synthetic): 60 patients" in answer.out
    assert "patients with one visit" in answer.out
    assert "density 5" in answer.out or "density 4" in answer.out
    assert "48 train" in answer.out
    assert answer.out.rstrip().endswith(
        "Decision support for research, not for treatment. Synthetic data: no patient is real."
    )


def test_show_for_machines(palate, made) -> None:
    told = json.loads(palate("data", "show", made, "--json").out)
    memory = json.loads(palate("data", "show", "synthetic:60:3", "--json").out)
    assert told["fingerprint"] == memory["fingerprint"]
    assert told["synthetic"] is memory["synthetic"] is True
    assert told["patients"] == told["single"] + told["multi"] == 60
    assert told["codes"]["medications"]["codes"] <= 80
    assert [told["split"][part]["cases"] for part in ("train", "validation", "test")] == [48, 6, 6]
    assert told["steps"][0]["visits"] == told["visits"]


def test_show_names_no_patient(palate, made) -> None:
    admissions = pl.read_csv(made / "hosp" / "admissions.csv.gz", infer_schema=False)
    for flags in ([], ["--json"]):
        told = palate("data", "show", made, *flags)
        words = told.out + told.err
        for column in ("subject_id", "hadm_id", "admittime", "dischtime"):
            assert not any(value in words for value in admissions[column])


def test_settings_of_a_hospital(palate, made) -> None:
    words = ("data", "show", made, "--min-visits", "2", "--drug-level", "4", "--json")
    told = json.loads(palate(*words).out)
    assert told["single"] == 0
    assert told["steps"][2]["note"].startswith("ATC level 4")
    frequent = told["codes"]["medications"]["frequent"]
    assert {len(one["code"]) for one in frequent} == {len("ATC:A02BC")}
    shares = [one["share"] for one in frequent]
    assert shares == sorted(shares, reverse=True)
    assert np.isclose(sum(told["split"][p]["cases"] for p in ("train", "validation", "test")),
                      told["patients"])  # fmt: skip


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--k-core", "5"], "--k-core: not for the visits of a hospital"),
        (["--drug-level", "9"], "--drug-level"),
        (["--min-visits", "0"], "--min-visits 0"),
        (["--drug-map", "gone.tsv"], "gone.tsv: no such file"),
    ],
)
def test_settings_that_do_not_fit(palate, words: list[str], wanted: str) -> None:
    answer = palate("data", "show", "synthetic:50", *words)
    assert answer.code == 2
    assert wanted in answer.err
    assert answer.err.count("\n") == 1


def test_settings_of_a_hospital_on_other_data(palate, own_files) -> None:
    answer = palate("data", "show", *own_files.words, "--drug-level", "3")
    assert answer.code == 2
    assert "--drug-level: only for the visits of a hospital" in answer.err


def test_a_synthetic_hospital_without_patients(palate) -> None:
    answer = palate("data", "show", "synthetic:many")
    assert answer.code == 2
    assert "synthetic:20000" in answer.err


def test_nothing_of_a_person_is_written_over(palate, made) -> None:
    Path("thesis").mkdir()
    Path("thesis/thesis.tex").touch()
    answer = palate("data", "synth-ehr", "--patients", "60", "--out", "thesis")
    assert answer.code == 2
    assert "not empty" in answer.err
    again = palate("data", "synth-ehr", "--patients", "60", "--out", made)
    assert again.code == 0


def test_every_setting_is_an_option() -> None:
    from palate.cli.hospital_options import HOSPITAL_OPTIONS, SHARED
    from palate.data.hospital.config import HospitalConfig

    assert {*HOSPITAL_OPTIONS, *SHARED} == set(HospitalConfig.model_fields)
