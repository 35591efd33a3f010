"""Folders of tables as a hospital exports them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.load import load_hospital
from palate.data.hospital.synthetic import SyntheticHospital, synthetic_hospital
from palate.data.hospital.visits import Hospital

# MIMIC-IV: two patients; the admission with the lower number is the later one of the first.
TABLES_IV = {
    "admissions": "subject_id,hadm_id,admittime,dischtime,admission_type,insurance,language,"
    "marital_status,race\n"
    "10,205,2150-01-01 10:00:00,2150-01-03 10:00:00,URGENT,Medicare,ENGLISH,MARRIED,WHITE\n"
    "10,201,2151-06-01 10:00:00,2151-06-03 10:00:00,ELECTIVE,Medicaid,ENGLISH,,WHITE\n"
    "9,203,2140-01-01 10:00:00,2140-01-09 10:00:00,URGENT,Other,?,SINGLE,\n",
    "diagnoses_icd": "subject_id,hadm_id,seq_num,icd_code,icd_version\n"
    "10,205,1,0088,9\n10,205,2,4019 ,9\n10,201,1,I10,10\n10,201,2,E874,10\n9,203,1,E874,9\n",
    "procedures_icd": "subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version\n"
    "10,205,1,2150-01-01,0331,9\n10,201,1,2151-06-01,02HV33Z,10\n9,203,1,2140-01-01,0331,9\n",
    "prescriptions": "subject_id,hadm_id,starttime,drug_type,drug,ndc,route\n"
    "10,205,2150-01-01 11:00:00,MAIN,Furosemide,00054829725,IV\n"
    "10,205,2150-01-02 11:00:00,MAIN,furosemide,0,PO\n"
    '10,205,2150-01-02 12:00:00,MAIN,"Heparin, Flush",,IV\n'
    "10,201,2151-06-01 11:00:00,MAIN,Vancomycin,00409653301,IV\n"
    "9,203,2140-01-01 11:00:00,MAIN,Vancomycin,,PO\n",
    "d_icd_procedures": "icd_code,icd_version,long_title\n0331,9,Spinal tap\n",
}
BESIDE: dict[str, str | None] = {
    "drug_to_atc.tsv": "drug\tatc5_codes\nFurosemide\tC03CA01\n"
    '"Heparin" plain\t\nVancomycin\tA07AA09,J01XA01,S01AA28\n',
    "icd_titles.tsv": "icd_code\ticd_version\ttitle\nI10\t10\tEssential hypertension\n"
    "0088\t9\tIntestinal infection\n",
    "ddi_pairs.tsv": "atc_i\tatc_j\nC03C\tJ01X\nA01A\tC03C\n",
}

# MIMIC-III's layout: other names of columns, one version, a profile of its own.
TABLES_III = {
    "ADMISSIONS": "ROW_ID,SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,DEATHTIME,ADMISSION_TYPE,"
    "ADMISSION_LOCATION,DISCHARGE_LOCATION,INSURANCE,LANGUAGE,RELIGION,MARITAL_STATUS,ETHNICITY,"
    "EDREGTIME,EDOUTTIME,DIAGNOSIS,HOSPITAL_EXPIRE_FLAG,HAS_CHARTEVENTS_DATA\n"
    "1,10006,142345,10/23/64 21:09,11/1/64 17:15,,EMERGENCY,ER,HOME,Medicare,,CATHOLIC,SEPARATED,"
    "BLACK,,,SEPSIS,0,1\n"
    "2,10006,142300,1/5/65 1:00,1/7/65 17:15,,EMERGENCY,ER,HOME,Medicare,,CATHOLIC,SEPARATED,"
    "BLACK,,,SEPSIS,0,1\n"
    "3,10011,105331,8/14/26 22:32,,,EMERGENCY,ER,DEAD,Private,,CATHOLIC,SINGLE,WHITE,,,FEVER,1,1\n",
    "DIAGNOSES_ICD": "ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE\n"
    "1,10006,142345,1,99591\n2,10006,142300,1,0389\n3,10011,105331,1,0389\n",
    "PROCEDURES_ICD": "ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE\n"
    "1,10006,142345,1,0331\n2,10006,142300,1,9749\n3,10011,105331,1,0331\n",
    "PRESCRIPTIONS": "ROW_ID,SUBJECT_ID,HADM_ID,ICUSTAY_ID,STARTDATE,ENDDATE,DRUG_TYPE,DRUG,"
    "DRUG_NAME_POE,DRUG_NAME_GENERIC,FORMULARY_DRUG_CD,GSN,NDC,PROD_STRENGTH,DOSE_VAL_RX,"
    "DOSE_UNIT_RX,FORM_VAL_DISP,FORM_UNIT_DISP,ROUTE\n"
    "1,10006,142345,,10/23/64 0:00,,MAIN,Furosemide,,,,,00002140701,,,,,,IV\n"
    "2,10006,142300,,1/5/65 0:00,,MAIN,Vancomycin,,,,,0,,,,,,IV\n"
    "3,10011,105331,,8/14/26 0:00,,MAIN,Insulin,,,,,00002821501,,,,,,SC\n",
    "D_ICD_DIAGNOSES": "ROW_ID,ICD9_CODE,SHORT_TITLE,LONG_TITLE\n1,0389,Septicemia NOS,"
    "Unspecified septicemia\n",
    "D_ICD_PROCEDURES": "ROW_ID,ICD9_CODE,SHORT_TITLE,LONG_TITLE\n1,0331,Spinal tap,Spinal tap\n",
}

NOTHING: Mapping[str, str | None] = {}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write tables and files beside them as a folder, changed as a test wants it."""

    def folder(
        layout: str = "IV",
        beside: Mapping[str, str | None] = NOTHING,
        below: str = "hosp",
        ending: str = ".csv",
        **changed: str | None,
    ) -> Path:
        place = tmp_path / "mimic"
        (place / below).mkdir(parents=True, exist_ok=True)
        tables = TABLES_IV if layout == "IV" else TABLES_III
        for name, text in (tables | changed).items():
            path = place / below / f"{name}{ending}"
            raw = (text or "").encode()
            if text is not None:
                path.write_bytes(gzip.compress(raw) if ending.endswith(".gz") else raw)
        for name, text in (BESIDE | beside).items():
            if text is not None:
                (place / name).write_text(text)
        return place

    return folder


@pytest.fixture
def read() -> Callable[..., Hospital]:
    """Load a folder with settings."""

    def load(folder: Path, **settings: object) -> Hospital:
        return load_hospital(HospitalConfig(data=str(folder), **settings))  # type: ignore[arg-type]

    return load


@pytest.fixture(scope="session")
def synthetic() -> SyntheticHospital:
    """A synthetic hospital."""
    return synthetic_hospital(3000, seed=5)
