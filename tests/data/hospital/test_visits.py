"""Sets of codes, visits and cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.hospital.ragged import Ragged
from palate.data.hospital.splits import medication_cases, profile_values
from palate.data.hospital.synthetic import SyntheticHospital
from palate.data.hospital.visits import KINDS, Hospital, Visits, Vocabulary
from palate.errors import DataError

LISTS = st.lists(st.lists(st.integers(0, 6), max_size=5), max_size=8)


@st.composite
def hospitals(draw: st.DrawFn, least: int = 1) -> Hospital:
    """Hospitals of a few patients, each with a visit or more."""
    counts = draw(st.lists(st.integers(1, 4), min_size=least, max_size=12))
    visits, size = sum(counts), 5
    codes = {
        kind: Ragged.of(
            draw(
                st.lists(
                    st.lists(st.integers(0, size - 1), min_size=1, max_size=4),
                    min_size=visits,
                    max_size=visits,
                )
            )
        )
        for kind in KINDS
    }
    gaps = draw(st.lists(st.integers(0, 9), min_size=visits, max_size=visits))
    vocabulary = Vocabulary(tuple("abcde"), tuple("ABCDE"))
    values = st.sampled_from(["x", "y", "z", "unknown"])
    profile = draw(st.lists(values, min_size=len(counts), max_size=len(counts)))
    return Hospital(
        name="drawn",
        licence=None,
        citation=None,
        synthetic=True,
        visits=Visits(
            np.repeat(np.arange(len(counts)), counts),
            np.datetime64("2150-01-01", "s") + np.cumsum(gaps).astype("m8[s]"),
            codes,
        ),
        patient_ids=tuple(str(n) for n in range(len(counts))),
        visit_ids=tuple(str(n) for n in range(visits)),
        profiles=pl.DataFrame({"insurance": profile}, schema={"insurance": pl.String}),
        vocabularies=dict.fromkeys(KINDS, vocabulary),
        interactions=np.zeros((size, size), dtype=bool),
        interactions_note="none",
        steps=(),
        fingerprint="drawn",
    )


@given(LISTS)
def test_a_ragged_row_is_the_sorted_set_of_its_codes(lists: list[list[int]]) -> None:
    ragged = Ragged.of(lists)
    assert [row.tolist() for row in ragged] == [sorted(set(one)) for one in lists]
    assert ragged.offsets[0] == 0
    assert ragged.offsets[-1] == len(ragged.codes)
    assert ragged.lengths.tolist() == [len(set(one)) for one in lists]
    held = ragged.dense(7)
    assert [np.flatnonzero(row).tolist() for row in held] == [sorted(set(o)) for o in lists]


@given(LISTS.filter(len), st.data())
def test_taking_rows_is_taking_lists(lists: list[list[int]], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=9))
    taken = Ragged.of(lists).take(rows)
    assert [row.tolist() for row in taken] == [sorted(set(lists[row])) for row in rows]


@given(hospitals(), st.booleans())
def test_a_case_knows_the_visits_before_its_own(hospital: Hospital, every: bool) -> None:
    everyone = range(len(hospital.patient_ids))
    values = profile_values(hospital, everyone)
    cases = medication_cases(hospital, everyone, values, every_visit=every)
    visits = hospital.visits
    for n in range(len(cases)):
        own = np.flatnonzero(visits.patients == cases.patients[n])
        place = own.tolist().index(cases.visits[n])
        if not every:
            assert place == len(own) - 1
        past = slice(cases.offsets[n], cases.offsets[n + 1])
        for kind in KINDS:
            known = list(cases.past.codes[kind].take(range(past.start, past.stop)))
            true = [visits.codes[kind][row] for row in own[:place]]
            assert [k.tolist() for k in known] == [t.tolist() for t in true]
        assert cases.diagnoses[n].tolist() == visits.codes["diagnoses"][cases.visits[n]].tolist()
        given_now = visits.codes["medications"][cases.visits[n]]
        assert np.flatnonzero(cases.target[n]).tolist() == given_now.tolist()
        assert cases.single[n] == (place == 0)
    expected = len(visits) if every else len(hospital.patient_ids)
    assert len(cases) == expected


@given(hospitals(), st.data())
def test_taking_cases_keeps_each_one_whole(hospital: Hospital, data: st.DataObject) -> None:
    everyone = range(len(hospital.patient_ids))
    cases = medication_cases(hospital, everyone, profile_values(hospital, everyone))
    rows = data.draw(st.lists(st.integers(0, len(cases) - 1), max_size=9))
    some = cases.take(rows)
    for n, row in enumerate(rows):
        one, same = some.take([n]), cases.take([row])
        assert inputs(one) == inputs(same)
        assert (one.target == same.target).all()
    assert some.without_targets().target is None


def inputs(cases: object) -> bytes:
    """All that a model may see, as bytes."""
    c = cases.without_targets()  # type: ignore[attr-defined]
    parts = [c.patients, c.visits, c.offsets, c.profiles, c.past.patients, c.past.times]
    for ragged in (c.diagnoses, c.procedures, *c.past.codes.values()):
        parts += [ragged.offsets, ragged.codes]
    return b"|".join(np.ascontiguousarray(part).tobytes() for part in parts)


@given(hospitals(), st.integers(0, 99))
def test_inputs_do_not_change_with_the_medications_asked_for(h: Hospital, seed: int) -> None:
    everyone = range(len(h.patient_ids))
    values = profile_values(h, everyone)
    cases = medication_cases(h, everyone, values)
    rng = np.random.default_rng(seed)
    lists = [row.tolist() for row in h.visits.codes["medications"]]
    for row in cases.visits:
        lists[row] = rng.choice(5, rng.integers(1, 5), replace=False).tolist()
    codes = dict(h.visits.codes) | {"medications": Ragged.of(lists)}
    other = replace(h, visits=replace(h.visits, codes=codes))
    assert inputs(medication_cases(other, everyone, values)) == inputs(cases)


def one_visit_each() -> Hospital:
    """The smallest hospital of three patients."""
    codes = {kind: Ragged.of([[0], [1], [2]]) for kind in KINDS}
    times = np.array(["2150-01-01"] * 3, dtype="datetime64[s]")
    return Hospital(
        "little", None, None, False, Visits(np.arange(3), times, codes), tuple("123"),
        tuple("456"), pl.DataFrame({"race": ["a", "b", "unknown"]}),
        dict.fromkeys(KINDS, Vocabulary(tuple("abc"), tuple("abc"))), np.zeros((3, 3), bool),
        "none", (), "",
    )  # fmt: skip


@pytest.mark.parametrize("place", [(0, 0), (0, 1)])
def test_interactions_are_symmetric_and_of_two(place: tuple[int, int]) -> None:
    known = np.zeros((3, 3), dtype=bool)
    known[place] = True
    with pytest.raises(DataError, match="symmetric"):
        replace(one_visit_each(), interactions=known)


def test_visits_are_in_order() -> None:
    hospital = one_visit_each()
    swapped = hospital.visits.take([1, 0, 2])
    with pytest.raises(DataError, match="ordered by patient"):
        replace(hospital, visits=swapped)


def test_an_unknown_patient_is_not_repeated() -> None:
    with pytest.raises(DataError) as caught:
        one_visit_each().patient("4711")
    assert "4711" not in str(caught.value)
    assert one_visit_each().patient("2") == 1


def test_a_code_has_one_number() -> None:
    with pytest.raises(DataError, match="stands twice"):
        Vocabulary(("a", "a"), ("x", "y"))


def test_what_every_result_ends_with() -> None:
    hospital = one_visit_each()
    assert "not for treatment" in hospital.caution
    assert "ynthetic" not in hospital.caution
    assert "no patient is real" in replace(hospital, synthetic=True).caution


def test_a_hospital_in_a_log_names_nobody(synthetic: SyntheticHospital) -> None:
    told = repr(synthetic.hospital)
    assert synthetic.hospital.patient_ids[0] not in told
    assert synthetic.hospital.visit_ids[0] not in told
    assert "synthetic-3000" in told
