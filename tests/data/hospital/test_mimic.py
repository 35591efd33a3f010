"""MIMIC-III's and MIMIC-IV's layouts, and what is mended in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.load import load_hospital, split_hospital
from palate.data.hospital.tables import is_hospital_data
from palate.data.hospital.visits import KINDS, Hospital

ONE_PROCEDURE = "subject_id,hadm_id,seq_num,icd_code,icd_version\n10,205,1,0331,9\n"


def note(hospital: Hospital, step: str) -> str:
    return next(one.note for one in hospital.steps if one.name == step)


def described(hospital: Hospital, row: int) -> dict[str, list[str]]:
    """The codes of a visit."""
    words = hospital.vocabularies
    return {
        kind: sorted(words[kind].keys[code] for code in hospital.visits.codes[kind][row])
        for kind in KINDS
    }


def names(hospital: Hospital, kind: str) -> dict[str, str]:
    words = hospital.vocabularies[kind]  # type: ignore[index]
    return dict(zip(words.keys, words.names, strict=True))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".CSV"])
@pytest.mark.parametrize("below", ["hosp", "."])
def test_mimic_iv_in_any_folder_and_form(write, read, below: str, ending: str) -> None:
    folder = write(below=below, ending=ending)
    assert is_hospital_data(str(folder))
    hospital = read(folder)
    assert hospital.patient_ids == ("9", "10")  # as numbers, not as text
    assert hospital.visit_ids == ("203", "205", "201")  # by time, not by number
    assert hospital.visits.patients.tolist() == [0, 1, 1]
    assert hospital.visits.times.astype(str).tolist()[0] == "2140-01-01T10:00:00"
    assert described(hospital, 1) == {
        "diagnoses": ["ICD9:0088", "ICD9:4019"],
        "procedures": ["ICD9:0331"],
        "medications": ["ATC:C03C"],
    }
    assert not hospital.synthetic
    assert hospital.fingerprint == read(write()).fingerprint


def test_upper_case_headers(write, read) -> None:
    folder = write()
    for path in (folder / "hosp").iterdir():
        head, rest = path.read_text().split("\n", 1)
        path.write_text(f"\ufeff{head.upper()}\n{rest}", "utf-8")
    hospital = read(folder)
    (folder / "hosp").rename(folder / "upper")
    assert hospital.fingerprint == read(write()).fingerprint


def test_a_code_is_version_and_code(write, read) -> None:
    hospital = read(write())
    assert described(hospital, 0)["diagnoses"] == ["ICD9:E874"]
    assert described(hospital, 2)["diagnoses"] == ["ICD10:E874", "ICD10:I10"]
    merged = read(write(), merge_icd_versions=True)
    assert described(merged, 0)["diagnoses"] == ["ICD:E874"]
    assert "ICD:E874" in described(merged, 2)["diagnoses"]
    assert "diagnoses 3 in ICD-9 and 2 in ICD-10" in note(hospital, "read")


def test_titles_keep_leading_zeros(write, read) -> None:
    hospital = read(write())
    assert names(hospital, "procedures")["ICD9:0331"] == "Spinal tap"
    assert names(hospital, "diagnoses")["ICD9:0088"] == "Intestinal infection"
    assert names(hospital, "procedures")["ICD10:02HV33Z"] == "ICD10:02HV33Z"
    assert "1 of 2 procedures (ICD10:02HV33Z)" in note(hospital, "titles")


def test_profile_is_that_of_the_first_admission(write, read) -> None:
    hospital = read(write())
    fields = ("insurance", "language", "admission_type", "marital_status", "race")
    assert hospital.profile_fields == fields
    assert hospital.profiles.row(0) == ("Other", "?", "URGENT", "SINGLE", "unknown")
    assert hospital.profiles.row(1) == ("Medicare", "ENGLISH", "URGENT", "MARRIED", "WHITE")


def test_mimic_iii(write, read) -> None:
    drugs = "drug\tatc5_codes\nFurosemide\tC03CA01\nVancomycin\tJ01XA01\nInsulin\tA10AB01,A10AC01\n"
    folder = write("III", {"drug_to_atc.tsv": drugs, "icd_titles.tsv": None}, below=".")
    hospital = read(folder)
    assert hospital.profile_fields == (
        "insurance", "language", "religion", "marital_status", "ethnicity",
    )  # fmt: skip
    assert hospital.patient_ids == ("10006", "10011")
    assert hospital.visit_ids == ("142345", "142300", "105331")
    assert described(hospital, 0) == {
        "diagnoses": ["ICD9:99591"], "procedures": ["ICD9:0331"], "medications": ["ATC:C03C"],
    }  # fmt: skip
    assert described(hospital, 2)["medications"] == ["ATC:A10A"]
    assert names(hospital, "diagnoses")["ICD9:0389"] == "Unspecified septicemia"
    assert names(hospital, "procedures")["ICD9:0331"] == "Spinal tap"
    assert hospital.profiles.row(0)[1] == "unknown"
    assert "MIMIC-III" in note(hospital, "read")
    repairs = note(hospital, "repairs")
    assert "3 admissions with a year of two digits" in repairs
    assert "1 admissions without a discharge, kept" in repairs
    assert "1 prescriptions without an NDC" in repairs


def test_two_digit_years_keep_the_order_over_a_century(write, read) -> None:
    times = "10,205,12/30/98 10:00\n10,201,1/2/03 9:00\n9,203,5/5/05 1:00\n"
    admissions = f"subject_id,hadm_id,admittime\n{times}"
    hospital = read(write(admissions=admissions))
    assert hospital.visit_ids == ("203", "205", "201")
    years = hospital.visits.times.astype("M8[Y]").astype(int) + 1970
    assert years.tolist() == [2105, 2198, 2203]
    assert hospital.profile_fields == ()
    assert "no column insurance: the profile goes without it" in note(hospital, "repairs")


def test_repairs_are_counted(write, read) -> None:
    hospital = read(
        write(
            admissions="subject_id,hadm_id,admittime,dischtime,insurance\n"
            "10,205,2150-01-01 10:00:00,2150-01-03 10:00:00,A\n"
            "10,205,2155-01-01 10:00:00,2150-01-03 10:00:00,B\n"
            "10,201,2151-06-01 10:00:00,,A\n"
            ",299,2151-06-01 10:00:00,,A\n"
            "9,203,2140-01-01 10:00:00,2140-01-09 10:00:00,\n",
            diagnoses_icd="subject_id,hadm_id,seq_num,icd_code,icd_version\n"
            "10,205,1,0088,9\n10,205,2,0088,9\n10,201,1,I10,10\n9,203,1,E874,9\n"
            "9,203,2,,9\n10,777,1,I10,10\n9,205,1,I10,10\n9,,1,I10,10\n",
        )
    )
    repairs = note(hospital, "repairs")
    assert "1 duplicated admissions, the first row kept" in repairs
    assert "1 admissions without a patient's or an admission's id, left out" in repairs
    assert "1 admissions without a discharge, kept" in repairs
    assert "1 rows of diagnoses without a code, left out" in repairs
    assert "1 rows of diagnoses without an admission's id, left out" in repairs
    assert "2 rows of diagnoses of an admission that is not in the table" in repairs
    assert "3 prescriptions without an NDC" in repairs
    by_name = {step.name: step for step in hospital.steps}
    assert by_name["read"].rows["diagnoses"] == 8
    assert by_name["repairs"].dropped["diagnoses"] == 4
    assert by_name["codes"].dropped["diagnoses"] == 1  # twice in one visit
    assert hospital.visit_ids == ("203", "205", "201")
    for step in hospital.steps:
        words = step.note.replace("(", " ").replace(")", " ").replace(",", " ").split()
        assert not set(words) & {"205", "203", "777", "10:00:00"}


def test_what_a_visit_needs(write, read) -> None:
    without = ONE_PROCEDURE
    strict = read(write(procedures_icd=without))
    assert strict.visit_ids == ("205",)
    assert "2 without procedures" in note(strict, "visits")
    lax = read(write(procedures_icd=without), require_procedures=False)
    assert lax.visit_ids == ("203", "205", "201")
    assert lax.visits.codes["procedures"].lengths.tolist() == [0, 1, 0]
    assert len(strict.vocabularies["diagnoses"]) == 2  # codes of no usable visit are not known


def test_the_most_frequent_codes(write, read) -> None:
    hospital = read(write(), max_diagnoses=1, require_procedures=False)
    assert len(hospital.vocabularies["diagnoses"]) == 1
    assert "1 of 5 diagnoses" in note(hospital, "frequent")


def test_the_order_of_the_released_code(write, read) -> None:
    hospital = read(write(), visit_order="hadm_id")
    assert hospital.visit_ids == ("203", "201", "205")
    assert "times are places" in note(hospital, "order")


def test_min_visits(write, read) -> None:
    assert read(write(), min_visits=2).patient_ids == ("10",)
    without = ONE_PROCEDURE
    released = read(write(procedures_icd=without), min_visits=2, count_visits="prescriptions")
    assert released.visit_ids == ("205",)  # one usable visit, of two with prescriptions


def test_first_day_only(write, read) -> None:
    prescriptions = (
        "subject_id,hadm_id,starttime,drug,ndc,route\n"
        "10,205,2150-01-02 01:00:00,Vancomycin,,IV\n10,205,2150-01-01 23:00:00,Furosemide,,IV\n"
        "10,201,,Vancomycin,,IV\n9,203,2140-01-01 11:00:00,Vancomycin,,PO\n"
    )
    hospital = read(write(prescriptions=prescriptions), first_day_only=True)
    assert described(hospital, 1)["medications"] == ["ATC:C03C"]
    assert described(hospital, 2)["medications"] == ["ATC:J01X"]  # no date to leave it out by


# The open demo, and what its tables hold.


@pytest.fixture(scope="module")
def demo(shared_data: Path) -> Path:
    folder = shared_data / "mimic-iv-demo-2.2"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: the open demo of MIMIC-IV 2.2 is not here")
    return folder


def loaded(folder: Path, **settings: object) -> Hospital:
    return load_hospital(HospitalConfig(data=str(folder), **settings))  # type: ignore[arg-type]


def test_demo_rows(demo: Path) -> None:
    hospital = loaded(demo)
    read = hospital.steps[0]
    assert (read.patients, read.visits) == (100, 275)
    assert read.rows == {"diagnoses": 4506, "procedures": 722, "medications": 18087}
    assert "diagnoses 2,193 in ICD-9 and 2,313 in ICD-10" in read.note
    assert "procedures 401 in ICD-9 and 321 in ICD-10" in read.note
    assert "2,631 prescriptions without an NDC" in note(hospital, "repairs")  # 2,610 of 0, 21 empty
    frequent = note(hospital, "frequent")
    assert "all 1,474 diagnoses, all 352 procedures" in frequent


@pytest.mark.parametrize(
    ("procedures", "visits", "patients", "single", "most"),
    [(True, 186, 92, 54, 10), (False, 250, 100, 54, 17)],
)
def test_demo_visits(
    demo: Path, procedures: bool, visits: int, patients: int, single: int, most: int
) -> None:
    for level in (3, "name"):
        hospital = loaded(demo, require_procedures=procedures, drug_level=level)
        counts = Counter(np.bincount(hospital.visits.patients).tolist())
        assert len(hospital.visits) == visits
        assert len(hospital.patient_ids) == patients
        assert counts[1] == single
        assert max(counts) == most


def test_demo_order_by_number_is_wrong_for_most(demo: Path) -> None:
    table = pl.read_csv(demo / "hosp" / "admissions.csv", infer_schema=False)
    several = table.filter(pl.len().over("subject_id") > 1)
    numbered = pl.col("hadm_id").cast(pl.Int64)
    lists = several.group_by("subject_id").agg(
        by_time=pl.col("hadm_id").sort_by("admittime", numbered),
        by_number=pl.col("hadm_id").sort_by(numbered),
    )
    last = lists.select(pl.col("by_time").list.last() != pl.col("by_number").list.last())
    assert (len(lists), (lists["by_time"] != lists["by_number"]).sum()) == (48, 36)
    assert last.to_series().sum() == 34
    # And the loader follows the time.
    hospital = loaded(demo, require_procedures=False, drug_level="name")
    true = {row["subject_id"]: row["by_time"] for row in lists.iter_rows(named=True)}
    kept = set(hospital.visit_ids)
    for number, patient in enumerate(hospital.patient_ids):
        mine = np.flatnonzero(hospital.visits.patients == number)
        if patient in true:
            ordered = [one for one in true[patient] if one in kept]
            assert [hospital.visit_ids[row] for row in mine] == ordered


def test_demo_drugs_by_route(demo: Path) -> None:
    by_route, every = loaded(demo), loaded(demo, ambiguous_drugs="all")
    means = [h.visits.codes["medications"].lengths.mean() for h in (by_route, every)]
    assert means[0] < 0.75 * means[1]
    eyes = [
        h.visits.codes["medications"]
        .dense(len(h.vocabularies["medications"]))
        .mean(axis=0)[h.vocabularies["medications"].index["ATC:S01X"]]
        for h in (by_route, every)
    ]
    assert eyes[0] < 0.1
    assert eyes[1] > 0.8  # heparin is an eye drop, too
    assert "0.9% sodium chloride (810)" in note(by_route, "drugs")


def test_demo_interactions(demo: Path, shared_data: Path) -> None:
    pairs = shared_data / "ddi-atc" / "ddi_pairs.safedrug.tsv"
    if not pairs.is_file():
        pytest.skip(f"no {pairs}")
    hospital = loaded(demo, drug_interactions=pairs)
    known = hospital.interactions
    listed = pl.read_csv(pairs, separator="\t")
    keys = {key.removeprefix("ATC:") for key in hospital.vocabularies["medications"].keys}
    inside = listed.filter(pl.col("atc_i").is_in(keys) & pl.col("atc_j").is_in(keys))
    assert len(listed) == 337
    assert known.sum() // 2 == len(inside)
    split = split_hospital(hospital, HospitalConfig(data=str(demo)))
    assert len(split.train) + len(split.validation) + len(split.test) == 92


def test_demo_says_nothing_of_a_patient(demo: Path) -> None:
    hospital = loaded(demo)
    told = " ".join(step.note for step in hospital.steps) + hospital.interactions_note
    admissions = pl.read_csv(demo / "hosp" / "admissions.csv", infer_schema=False)
    for column in ("subject_id", "hadm_id", "admittime"):
        assert not any(value in told for value in admissions[column])
