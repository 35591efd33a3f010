"""The synthetic hospital: it is what its documentation says, and its oracle is the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.invented import invented
from palate.data.hospital.load import load_hospital
from palate.data.hospital.splits import make_hospital_split
from palate.data.hospital.synthetic import SyntheticHospital, make_tables, synthetic_hospital
from palate.data.hospital.synthetic_tables import write_folder
from palate.data.hospital.synthetic_visits import AVOIDED
from palate.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def given(synthetic: SyntheticHospital) -> np.ndarray:
    """[n, V] what was given."""
    medications = synthetic.hospital.visits.codes["medications"]
    return medications.dense(synthetic.oracle.shape[1])


def brier(chances: np.ndarray, given: np.ndarray) -> float:
    return float(((chances - given) ** 2).mean())


def test_a_seed_makes_the_same_hospital_again(synthetic: SyntheticHospital) -> None:
    again, other = synthetic_hospital(3000, seed=5), synthetic_hospital(3000, seed=6)
    assert again.hospital.fingerprint == synthetic.hospital.fingerprint
    assert (again.oracle == synthetic.oracle).all()
    assert other.hospital.fingerprint != synthetic.hospital.fingerprint


def test_the_folder_reads_as_the_hospital_in_memory(tmp_path: Path) -> None:
    tables, _ = make_tables(200, seed=3)
    write_folder(tables, tmp_path / "made", "200 patients.")
    folder = load_hospital(HospitalConfig(data=str(tmp_path / "made")))
    memory = load_hospital(HospitalConfig(data="synthetic:200:3"))
    assert folder.fingerprint == memory.fingerprint
    assert folder.synthetic
    assert memory.synthetic
    assert folder.interactions_note == memory.interactions_note
    write_folder(tables, tmp_path / "made", "200 patients.")  # over itself
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(DataError, match="not empty"):
        write_folder(tables, tmp_path / "other", "")


def test_folders_of_a_seed_are_equal_to_the_byte(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_folder(make_tables(50, seed=3)[0], tmp_path / name, "")
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 11
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_every_visit_has_what_a_visit_needs(synthetic: SyntheticHospital) -> None:
    hospital = synthetic.hospital
    assert len(hospital.patient_ids) == 3000
    for step in hospital.steps:
        assert not any(step.dropped.values())
    counts = np.bincount(hospital.visits.patients)
    assert 0.45 < (counts == 1).mean() < 0.56
    assert counts.max() <= 12


def test_real_codes_with_names(synthetic: SyntheticHospital) -> None:
    words = synthetic.hospital.vocabularies
    assert {k: len(v) for k, v in words.items()} == {
        "diagnoses": 124, "procedures": 40, "medications": 80,
    }  # fmt: skip
    for vocabulary in words.values():
        assert not set(vocabulary.keys) & set(vocabulary.names)
    named = dict(zip(words["diagnoses"].keys, words["diagnoses"].names, strict=True))
    assert named["ICD10:I10"] == "Essential (primary) hypertension"
    assert named["ICD9:00845"] == "Intestinal infection due to Clostridium difficile"
    drugs = dict(zip(words["medications"].keys, words["medications"].names, strict=True))
    assert drugs["ATC:C09A"] == "ace inhibitors, plain"


def test_interactions_are_sparse_and_labelled(synthetic: SyntheticHospital) -> None:
    known = synthetic.hospital.interactions
    assert 0.045 < known.sum() / (80 * 79) < 0.055
    assert "synthetic" in synthetic.hospital.interactions_note


def test_the_oracle_is_calibrated(synthetic: SyntheticHospital, given: np.ndarray) -> None:
    chances = synthetic.oracle
    assert chances.min() > 0
    assert chances.max() < 1
    for low in np.arange(0, 1, 0.1):
        mine = (chances >= low) & (chances < low + 0.1)
        expected, error = chances[mine].mean(), 0.5 / np.sqrt(mine.sum())
        assert abs(given[mine].mean() - expected) < 4 * error, low
    # And where it matters: medication by medication.
    spread = np.sqrt((chances * (1 - chances)).sum(axis=0)) / len(chances)
    assert (np.abs(given.mean(axis=0) - chances.mean(axis=0)) < 4.5 * spread).all()


def test_the_oracle_beats_popularity_and_other_patients(
    synthetic: SyntheticHospital, given: np.ndarray
) -> None:
    chances = synthetic.oracle
    popular = np.broadcast_to(given.mean(axis=0), given.shape)
    assert brier(chances, given) < 0.75 * brier(popular, given)
    assert brier(chances, given) < 0.6 * brier(np.roll(chances, 1, axis=0), given)
    expected = (chances * (1 - chances)).mean()  # what a true chance comes to
    assert brier(chances, given) == pytest.approx(expected, rel=0.02)


def test_what_was_given_before_is_given_again(
    synthetic: SyntheticHospital, given: np.ndarray
) -> None:
    patients = synthetic.hospital.visits.patients
    again = np.flatnonzero(patients[1:] == patients[:-1]) + 1
    keys = synthetic.hospital.vocabularies["medications"].keys
    for drug in ("ATC:C09A", "ATC:C09C", "ATC:H03A"):
        column = keys.index(drug)
        before = given[again - 1, column]
        after = given[again, column]
        assert after[before].mean() > 3 * after[~before].mean()


def test_first_visits_follow_the_profile(synthetic: SyntheticHospital, given: np.ndarray) -> None:
    hospital = synthetic.hospital
    tables = invented()
    split = make_hospital_split(hospital)
    single = split.train.take(np.flatnonzero(split.train.single))
    insurance = hospital.profiles["insurance"].to_numpy()[single.patients]
    keys = hospital.vocabularies["medications"].keys
    rule = next(r for r in tables.rules if r.instead is not None and r.chance > 0.5)
    codes = tables.medications["atc"]
    first, other = (keys.index(f"ATC:{codes[n]}") for n in (rule.medication, rule.instead or 0))
    rows = given[single.visits]
    shares = [
        rows[insurance == name][:, first].mean() - rows[insurance == name][:, other].mean()
        for name in ("Medicare", "Medicaid")
    ]
    assert np.sign(rule.insurance) * (shares[0] - shares[1]) > 0.3


def test_race_language_and_marital_status_change_nothing(
    synthetic: SyntheticHospital, given: np.ndarray
) -> None:
    hospital = synthetic.hospital
    residual = given - synthetic.oracle
    for name in ("race", "language", "marital_status"):
        values = hospital.profiles[name].to_numpy()[hospital.visits.patients]
        for value in np.unique(values):
            mine = residual[values == value]
            assert abs(mine.mean()) < 4 * residual.std() / np.sqrt(mine.size)


def test_interacting_pairs_are_avoided_at_the_known_rate() -> None:
    made = synthetic_hospital(12000, seed=2)
    hospital, tables = made.hospital, invented()
    keys = hospital.vocabularies["medications"].keys
    first = (tables.medications["turn"] == "1").to_numpy()
    number = {f"ATC:{code}": n for n, code in enumerate(tables.medications["atc"])}
    turn = np.array([first[number[key]] for key in keys])
    given = hospital.visits.codes["medications"].dense(len(keys)).astype(float)
    pairs = [(i, j) for i, j in zip(*np.nonzero(hospital.interactions), strict=True)
             if turn[i] and not turn[j]]  # fmt: skip
    together = sum(float((given[:, i] * given[:, j]).sum()) for i, j in pairs)
    # The chance of j counts all that may push it out; knowing that i is there, one of them did.
    independent = sum(
        float((made.oracle[:, i] * made.oracle[:, j] / (1 - AVOIDED * made.oracle[:, i])).sum())
        for i, j in pairs
    )
    assert together / independent == pytest.approx(1 - AVOIDED, abs=0.03)


def test_numbers_of_admissions_say_nothing_of_their_order(synthetic: SyntheticHospital) -> None:
    hospital = synthetic.hospital
    ids = np.array(hospital.visit_ids, dtype=np.int64)
    later = hospital.visits.patients[1:] == hospital.visits.patients[:-1]
    assert 0.4 < (np.diff(ids)[later] > 0).mean() < 0.6


def test_levels_and_names_have_the_same_oracle() -> None:
    for level in (4, "name"):
        config = HospitalConfig(data="synthetic:100:5", drug_level=level)
        other = synthetic_hospital(100, 5, config)
        size = len(other.hospital.vocabularies["medications"])
        assert other.oracle.shape == (len(other.hospital.visits), size)
        assert np.abs(other.oracle.sum(axis=1).mean() - 9) < 1.5


def test_both_versions_of_codes_are_in_use(synthetic: SyntheticHospital) -> None:
    keys = pl.Series(synthetic.hospital.vocabularies["diagnoses"].keys)
    assert keys.str.starts_with("ICD9:").sum() == keys.str.starts_with("ICD10:").sum() == 62


@pytest.mark.parametrize("name", ["synthetic:many", "synthetic:-3", "synthetic:2"])
def test_a_hospital_that_cannot_be(name: str) -> None:
    with pytest.raises(ConfigError, match="synthetic"):
        load_hospital(HospitalConfig(data=name))
