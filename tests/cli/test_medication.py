"""Medication recommendation as a person meets it: every answer ends with the same caution."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.cli.train import OWN_OPTIONS
from palate.recommenders import registry
from palate.recommenders.medication.registry import BUILT_IN

CAUTION = "Decision support for research, not for treatment. Synthetic data: no patient is real."
DATA = ["--data", "synthetic:300"]
NAMES = [method.name for method in BUILT_IN]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from palate.data.hospital.config import HospitalConfig
    from palate.experiments.train import train

    folder = tmp_path_factory.mktemp("runs") / "diagnoses"
    data = HospitalConfig(data="synthetic:300")
    return train("diagnosis-popularity", {}, data, folder=folder).folder


def test_training_says_how_good_it_is_and_for_whom(palate):
    answer = palate("train", "popularity", *DATA)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == CAUTION
    for word in ("PRAUC", "Jaccard", "interactions", "first visits", "with earlier visits"):
        assert word in answer.out
    assert "palate recommend runs/popularity-synthetic-300 --patient ID" in answer.err


def test_the_method_is_the_one_for_the_data(palate, own_files):
    kept = {}
    for words in (DATA, own_files.words):
        answer = palate("train", "popularity", *words, "--json")
        told = json.loads(answer.out)
        kept[" ".join(told["metrics"])] = told["run"]
    assert any("prauc" in metrics for metrics in kept)
    assert any("ndcg@10" in metrics for metrics in kept)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "retain", "--data", "ml-100k"], "recommends medications from visits"),
        (["train", "sasrec", *DATA], "ranks the items of a catalogue"),
        (["train", "leader", *DATA], "--teacher RUN"),
        (["train", "popularity", *DATA, "--k-core", "3"], "--k-core: not for the visits"),
        (["train", "popularity", "--data", "ml-100k", "--drug-level", "4"], "only for the visits"),
        (["train", "retain", *DATA, "--widht", "3"], "--width"),
        (["compare", "popularity", "leader", *DATA], "needs a teacher"),
        (["compare", "popularity", *DATA, "--set", "popularity.smoothing=3"], "no setting"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words, said, palate):
    answer = palate(*words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("error:") == 1


def test_recommendations_mark_interactions(palate, run):
    refused = palate("recommend", run, "--patient", "5")
    patient = refused.err.partition("there are ")[2].split(",")[0]
    answer = palate("recommend", run, "--patient", patient)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == CAUTION
    for word in ("ATC:", "probability", "interacts with"):
        assert word in answer.out
    told = json.loads(palate("recommend", run, "--patient", patient, "-k", "2", "--json").out)
    assert len(told["recommended"]) == 2
    assert told["caution"] == CAUTION


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--user", "3"], "--patient ID"),
        (["--patient", "5"], "no patient has that id"),
        (["--patient", "5", "--user", "3"], "--patient stands alone"),
        (["--user", "3", "--interaction-penalty", "1"], "belongs to --patient"),
    ],
)
def test_whom_to_recommend_for(words, said, palate, run):
    answer = palate("recommend", run, *words)
    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize("command", ["explain", "prompts", "chat", "update"])
def test_commands_of_other_runs_say_so(command, palate, run):
    more = {"explain": ["--user", "1"], "prompts": ["--user", "1"], "update": ["--with", "x.csv"]}
    answer = palate(command, run, *more.get(command, []))
    assert answer.code == 2
    assert "diagnosis-popularity recommends medications" in answer.err


def test_a_run_is_evaluated_and_reported_again(palate, run):
    answer = palate("evaluate", run)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == CAUTION
    assert palate("report", run).out.strip() == str(run / "report.html")


def test_a_comparison_ends_with_the_caution(palate):
    answer = palate("compare", "popularity", "diagnosis-popularity", *DATA)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == CAUTION
    assert "runs/compare-synthetic-300/report.html" in answer.err
    assert "over trainings" in answer.out


def test_methods_have_a_heading_of_their_own(palate):
    told = palate("methods").out
    assert told.index("lsat") < told.index("for a hospital's visits") < told.index("retain")
    listed = json.loads(palate("methods", "--json").out)
    assert [one["name"] for one in listed if one["kind"] == "medication"] == NAMES


@pytest.mark.parametrize("method", NAMES)
def test_help_of_every_method(method, palate):
    answer = palate("train", method, *DATA, "--help")
    assert answer.code == 0
    assert f"palate train {method} --data synthetic:2000" in answer.out
    assert "--interaction-penalty" in answer.out


@pytest.mark.parametrize("method", NAMES)
def test_settings_are_documented_and_not_hidden(method):
    fields = registry.get(method, "medication").Config.model_fields
    assert not {name.replace("_", "-") for name in fields} & set(OWN_OPTIONS)
    assert [name for name, field in fields.items() if not field.description] == []
