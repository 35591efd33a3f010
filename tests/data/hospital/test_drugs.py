"""From drugs to classes, and from pairs of classes to interactions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.hospital.interactions import interaction_matrix, read_pairs
from palate.data.hospital.visits import Hospital
from palate.errors import DataError


def medications(hospital: Hospital) -> list[list[str]]:
    keys = hospital.vocabularies["medications"].keys
    return [sorted(keys[c] for c in row) for row in hospital.visits.codes["medications"]]


def note(hospital: Hospital) -> str:
    return next(one.note for one in hospital.steps if one.name == "drugs")


def test_the_route_decides_between_classes(write, read) -> None:
    hospital = read(write())
    assert medications(hospital) == [["ATC:A07A"], ["ATC:C03C"], ["ATC:J01X"]]
    assert "2 rows of drugs with several classes: those that fit the route count" in note(hospital)
    assert "1 drugs without a class, most often heparin, flush (1)" in note(hospital)


@pytest.mark.parametrize(
    ("ambiguous", "visit"),
    [("all", ["ATC:A07A", "ATC:J01X", "ATC:S01A"]), ("first", ["ATC:A07A"])],
)
def test_drugs_of_several_classes(write, read, ambiguous: str, visit: list[str]) -> None:
    hospital = read(write(), ambiguous_drugs=ambiguous)
    assert medications(hospital)[0] == medications(hospital)[2] == visit


def test_drugs_of_several_classes_can_be_left_out(write, read) -> None:
    hospital = read(write(), ambiguous_drugs="drop")
    assert medications(hospital) == [["ATC:C03C"]]
    assert "2 rows of drugs with several classes: left out" in note(hospital)
    assert "vancomycin" not in note(hospital)  # it has classes, so it is not without one


def test_several_codes_of_one_class_are_one(write, read) -> None:
    drugs = "drug\tatc5_codes\nFurosemide\tC03CA01,C03CB01\nVancomycin\tJ01XA01\n"
    hospital = read(write(beside={"drug_to_atc.tsv": drugs}))
    assert "several classes" not in note(hospital)
    finer = read(write(beside={"drug_to_atc.tsv": drugs}), drug_level=4)
    assert medications(finer)[1] == ["ATC:C03CA", "ATC:C03CB"]


def test_names_as_codes(write, read) -> None:
    hospital = read(write(beside={"drug_to_atc.tsv": None}), drug_level="name")
    assert medications(hospital)[1] == ["DRUG:furosemide", "DRUG:heparin, flush"]
    assert hospital.vocabularies["medications"].names[0] == "vancomycin"
    assert not hospital.interactions.any()


def test_names_of_classes(write, read) -> None:
    names = "atc_code,atc_name\nC03C,HIGH-CEILING DIURETICS\n"
    hospital = read(write(beside={"atc_ddd.csv": names}))
    words = hospital.vocabularies["medications"]
    assert words.names[words.index["ATC:C03C"]] == "high-ceiling diuretics"
    assert words.names[words.index["ATC:J01X"]] == "ATC:J01X"


PRODUCTS = {
    "drug_to_atc.tsv": None,
    "ndc2RXCUI.txt": "{'00054829725': '4603', '00409653301': '11124', '00000000001': ''}",
    "RXCUI2atc4.csv": "YEAR,MONTH,NDC,RXCUI,ATC4\n2017,1,1,4603,C03CA\n2017,2,1,4603,C03CB\n"
    "2017,1,1,11124,J01XA\n",
}


def test_classes_by_product(write, read) -> None:
    hospital = read(write(beside=PRODUCTS))
    assert medications(hospital) == [["ATC:C03C"], ["ATC:J01X"]]
    assert hospital.visit_ids == ("205", "201")
    finer = read(write(beside=PRODUCTS), drug_level=4)
    assert medications(finer)[0] == ["ATC:C03CA"]  # the first row of an RXCUI


def test_an_empty_ndc_is_filled_as_released(write, read) -> None:
    hospital = read(write(beside=PRODUCTS), fill_ndc=True)
    # 9's vancomycin has none and takes that of the row above; the row with NDC 0 is no source.
    assert medications(hospital) == [["ATC:J01X"], ["ATC:C03C"], ["ATC:J01X"]]
    by_name = {step.name: step for step in hospital.steps}
    assert by_name["drugs"].dropped["medications"] == 1


@pytest.mark.parametrize("name", ["ndc2RXCUI.txt", "RXCUI2atc4.csv"])
def test_half_a_map_by_product(write, read, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PRODUCTS[name] or "")
    with pytest.raises(DataError, match=r"needs ndc2RXCUI.txt and RXCUI2atc4.csv"):
        read(write(), drug_map=tmp_path / name)
    with pytest.raises(DataError, match="no such file"):
        read(write(), drug_map=tmp_path / "gone" / name)


@pytest.mark.parametrize("text", ["__import__('os').getcwd()", "[1, 2]", "{'a': "])
def test_a_dictionary_is_data(write, read, text: str) -> None:
    with pytest.raises(DataError, match="not a dictionary of NDC to RXCUI"):
        read(write(beside=PRODUCTS | {"ndc2RXCUI.txt": text}))


CODES = ["A01A", "A01B", "B02C", "C03CA", "C03CB"]


@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)), max_size=12))
def test_interactions_are_symmetric(pairs: list[tuple[str, str]]) -> None:
    known = pl.DataFrame(pairs, schema={"i": pl.String, "j": pl.String}, orient="row")
    keys = [f"ATC:{code}" for code in CODES] + ["DRUG:x"]
    matrix = interaction_matrix(known, keys)
    assert (matrix == matrix.T).all()
    assert not matrix.diagonal().any()
    expected = {frozenset(pair) for pair in pairs if len(set(pair)) == 2}
    found = {frozenset((CODES[i], CODES[j])) for i, j in zip(*np.nonzero(matrix), strict=True)}
    assert found == expected


def test_pairs_of_one_level_serve_the_other() -> None:
    known = pl.DataFrame({"i": ["C03C", "J01XA01"], "j": ["J01X", "A02B"]})
    matrix = interaction_matrix(known, ["ATC:C03CA", "ATC:C03CB", "ATC:J01XA", "ATC:A02BC"])
    assert matrix.astype(int).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]]
    assert not interaction_matrix(None, ["ATC:A"]).any()


def test_interactions_beside_the_tables(write, read, tmp_path: Path) -> None:
    hospital = read(write())
    words = hospital.vocabularies["medications"]
    assert hospital.interactions.sum() == 2
    assert hospital.interactions[words.index["ATC:C03C"], words.index["ATC:J01X"]]
    told = hospital.interactions_note
    assert told == "ddi_pairs.tsv: 1 pairs, density 33.3%; 1 of 3 medications have none"
    (tmp_path / "mimic" / "ddi_pairs.tsv").unlink()
    assert "none are known" in read(tmp_path / "mimic").interactions_note


def test_side_effects_of_compounds(tmp_path: Path) -> None:
    rows = ["STITCH 1,STITCH 2,Polypharmacy Side Effect,Side Effect Name"]
    # 41 side effects: the frequent one has three rows and is the one too many.
    rows += [f"CID1,CID{n},C0000000,often" for n in (3, 3, 3)]
    rows += [f"CID1,CID2,C{n:07d},rare {n}" for n in range(1, 41)]
    (tmp_path / "drug-DDI.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "stitch_cid_to_atc.csv").write_text(
        "CID1,C03CA01\nCID2,J01XA01,A07AA09\nCID3,B01A\n"
    )
    pairs = read_pairs(tmp_path / "drug-DDI.csv")
    assert sorted(pairs.rows()) == [("C03CA01", "A07AA09"), ("C03CA01", "J01XA01")]


def test_side_effects_need_their_compounds(tmp_path: Path) -> None:
    (tmp_path / "drug-DDI.csv").write_text(
        "STITCH 1,STITCH 2,Polypharmacy Side Effect,Side Effect Name\nCID1,CID2,C1,rare\n"
    )
    with pytest.raises(DataError, match="stitch_cid_to_atc"):
        read_pairs(tmp_path / "drug-DDI.csv")


def test_files_in_hosp_are_beside_the_tables(write, read, tmp_path: Path) -> None:
    expected = read(write())
    for name in ("drug_to_atc.tsv", "icd_titles.tsv", "ddi_pairs.tsv"):
        (tmp_path / "mimic" / name).rename(tmp_path / "mimic" / "hosp" / name)
    assert read(tmp_path / "mimic").fingerprint == expected.fingerprint


def test_no_file_of_interactions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file of interactions"):
        read_pairs(tmp_path / "gone.tsv")
