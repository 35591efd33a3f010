"""Splits by patient, and what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.hospital.splits import (
    check_hospital_split,
    make_hospital_split,
    medication_cases,
    profile_values,
)
from palate.data.hospital.synthetic import SyntheticHospital
from palate.errors import DataError, LeakageError


@given(st.integers(0, 50), st.booleans(), st.booleans())
def test_each_patient_is_in_one_part(
    synthetic: SyntheticHospital, seed: int, every: bool, shuffled: bool
) -> None:
    split = make_hospital_split(synthetic.hospital, seed, every, shuffled)
    parts = [np.unique(p.patients) for p in (split.train, split.validation, split.test)]
    assert np.sort(np.concatenate(parts)).tolist() == list(range(3000))
    assert [len(part) for part in parts] == [2400, 300, 300]
    assert len(split.validation) == len(split.test) == 300


def test_a_seed_draws_the_same_patients_again(synthetic: SyntheticHospital) -> None:
    first, again, other = (make_hospital_split(synthetic.hospital, s).test for s in (3, 3, 4))
    assert (first.patients == again.patients).all()
    assert (first.patients != other.patients).any()


def test_in_the_order_of_their_ids(synthetic: SyntheticHospital) -> None:
    split = make_hospital_split(synthetic.hospital, shuffled=False)
    assert split.train.patients.tolist() == list(range(2400))
    assert split.test.patients.tolist() == list(range(2700, 3000))
    assert any("order of their ids" in note for note in split.notes)


def test_profile_values_are_those_of_training_patients(synthetic: SyntheticHospital) -> None:
    hospital = synthetic.hospital
    split = make_hospital_split(hospital, seed=1)
    lonely = hospital.profiles.with_columns(race=pl.lit("WHITE")).with_row_index()
    mine = pl.col("index") == int(split.test.patients[0])
    lonely = lonely.with_columns(race=pl.when(mine).then(pl.lit("MARTIAN")).otherwise("race"))
    split = make_hospital_split(replace(hospital, profiles=lonely.drop("index")), seed=1)
    assert split.profile_values["race"] == ("unknown", "WHITE")
    race = list(split.profile_values).index("race")
    assert split.test.profiles[0, race] == 0
    assert (split.train.profiles[:, race] == 1).all()


def test_too_few_patients(synthetic: SyntheticHospital) -> None:
    hospital = synthetic.hospital
    few = hospital.visits.patients < 2
    small = replace(
        hospital,
        visits=hospital.visits.take(np.flatnonzero(few)),
        patient_ids=hospital.patient_ids[:2],
        visit_ids=hospital.visit_ids[: int(few.sum())],
        profiles=hospital.profiles.head(2),
    )
    with pytest.raises(DataError, match="2 patients"):
        make_hospital_split(small)


def test_a_patient_in_two_parts_is_found(synthetic: SyntheticHospital) -> None:
    split = make_hospital_split(synthetic.hospital)
    with pytest.raises(LeakageError, match="both train and test"):
        check_hospital_split(replace(split, train=split.test))


def test_a_case_before_the_last_visit_is_found(synthetic: SyntheticHospital) -> None:
    hospital = synthetic.hospital
    split = make_hospital_split(hospital)
    every = medication_cases(
        hospital, split.test.patients, profile_values(hospital, split.train.patients), True
    )
    with pytest.raises(LeakageError, match="not its patient's last visit"):
        check_hospital_split(replace(split, test=every))


def test_a_history_that_holds_the_answer_is_found(synthetic: SyntheticHospital) -> None:
    split = make_hospital_split(synthetic.hospital)
    test = split.test.take(np.flatnonzero(split.test.single)[:1])
    cheat = replace(
        test, past=synthetic.hospital.visits.take(test.visits), offsets=np.array([0, 1])
    )
    with pytest.raises(LeakageError, match="holds the visit that is asked for"):
        check_hospital_split(replace(split, test=cheat))


def test_the_history_of_another_is_found(synthetic: SyntheticHospital) -> None:
    split = make_hospital_split(synthetic.hospital)
    first, second = (split.test.take([n]) for n in np.flatnonzero(~split.test.single)[:2])
    mixed = replace(first, past=second.past, offsets=second.offsets)
    with pytest.raises(LeakageError, match="another patient"):
        check_hospital_split(replace(split, test=mixed))
