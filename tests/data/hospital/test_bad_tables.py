"""Tables that cannot be used: the error names file, row, column and the mend, and no patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.load import load_hospital
from palate.data.hospital.tables import is_hospital_data
from palate.errors import DataError


def refusal(folder: Path, **settings: object) -> str:
    with pytest.raises(DataError) as caught:
        load_hospital(HospitalConfig(data=str(folder), **settings))  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    for secret in ("2150-01", "2151-06", "205", "203"):
        assert secret not in message
    return message


def test_a_missing_table(write) -> None:
    folder = write(prescriptions=None)
    assert is_hospital_data(str(folder))
    message = refusal(folder)
    assert "no prescriptions.csv[.gz] there or in hosp/" in message
    assert "admissions, diagnoses_icd, procedures_icd, prescriptions" in message


def test_a_pickle_in_place_of_tables(write, tmp_path: Path) -> None:
    pickled = tmp_path / "records_final.pkl"
    pickled.write_bytes(b"\x80\x04.")
    assert is_hospital_data(str(pickled))
    assert "never loaded" in refusal(pickled)
    assert is_hospital_data(str(tmp_path))
    message = refusal(tmp_path)
    assert "records_final.pkl is a pickle" in message
    assert "no admissions.csv[.gz]" in message


def test_no_such_folder(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere")


def test_another_separator(write) -> None:
    folder = write()
    path = folder / "hosp" / "diagnoses_icd.csv"
    path.write_text(path.read_text().replace(",", ";"))
    message = refusal(folder)
    assert "diagnoses_icd.csv: row 1: its columns are separated by ';', not by ','" in message


def test_a_missing_column_and_the_nearest(write) -> None:
    folder = write()
    path = folder / "hosp" / "admissions.csv"
    path.write_text(path.read_text().replace("admittime", "admit_time"))
    message = refusal(folder)
    assert "admissions.csv: row 1: no column 'admittime'; did you mean admit_time" in message


def test_two_columns_of_one_name(write) -> None:
    folder = write()
    path = folder / "hosp" / "admissions.csv"
    path.write_text(path.read_text().replace("dischtime", "ADMITTIME"))
    assert "two columns are called 'admittime'" in refusal(folder)


def test_a_time_that_is_none(write) -> None:
    folder = write()
    path = folder / "hosp" / "admissions.csv"
    path.write_text(path.read_text().replace("2151-06-01 10:00:00", "in June"))
    message = refusal(folder)
    assert "admissions.csv: row 3, column 'admittime': not a date (1 such rows)" in message
    assert "YYYY-MM-DD HH:MM:SS" in message


def test_times_of_two_forms(write) -> None:
    folder = write()
    path = folder / "hosp" / "admissions.csv"
    path.write_text(path.read_text().replace("2151-06-01 10:00:00", "6/1/51 10:00"))
    assert "row 3, column 'admittime'" in refusal(folder)


def test_a_version_that_is_none(write) -> None:
    folder = write()
    path = folder / "hosp" / "diagnoses_icd.csv"
    path.write_text(path.read_text().replace("I10,10", "I10,11"))
    message = refusal(folder)
    assert "diagnoses_icd.csv: row 4, column 'icd_version': neither 9 nor 10" in message


@pytest.mark.parametrize("content", ["", "subject_id,hadm_id,admittime\n"])
def test_an_empty_table(write, content: str) -> None:
    folder = write(admissions=content)
    assert "admissions.csv" in refusal(folder)


def test_a_broken_gzip(write) -> None:
    folder = write(ending=".csv.gz")
    path = folder / "hosp" / "diagnoses_icd.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert "diagnoses_icd.csv.gz: the gzip breaks off" in refusal(folder)


def test_a_drug_with_a_comma(write) -> None:
    folder = write()
    path = folder / "hosp" / "prescriptions.csv"
    path.write_text(path.read_text().replace('"Heparin, Flush"', "Heparin, Flush"))
    message = refusal(folder)
    assert "prescriptions.csv: row 4: 8 columns where row 1 has 7; put the value" in message


def test_a_quote_that_stays_open(write) -> None:
    folder = write()
    path = folder / "hosp" / "prescriptions.csv"
    path.write_text(path.read_text().replace('Heparin, Flush"', "Heparin, Flush"))
    assert "prescriptions.csv: row 4: a double quote opens and does not close" in refusal(folder)


def test_utf16(write) -> None:
    folder = write()
    path = folder / "hosp" / "admissions.csv"
    path.write_bytes(path.read_text().encode("utf-16"))
    assert "UTF-16" in refusal(folder)


def test_no_map_of_drugs(write) -> None:
    message = refusal(write(beside={"drug_to_atc.tsv": None}))
    assert "--drug-map" in message
    assert "--drug-level name" in message


def test_no_visit_is_left(write) -> None:
    message = refusal(write(), min_visits=9)
    assert "no visit is left of 3 admissions" in message
    assert "9 or more usable visits" in message


def test_several_files_of_interactions(write) -> None:
    folder = write(beside={"ddi_pairs.other.tsv": "atc_i\tatc_j\n"})
    assert "choose one with --drug-interactions" in refusal(folder)
