"""Years as people say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.conversation.years import FIRST, LAST, joined, merged, told, years

DECADES = {"sixties": 1960, "eighties": 1980, "nineties": 1990}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("from the nineties", [(1990, 1999)]),
        ("90s", [(1990, 1999)]),
        ("the '90s", [(1990, 1999)]),
        ("90's films", [(1990, 1999)]),
        ("1990s", [(1990, 1999)]),
        ("the 2000s", [(2000, 2009)]),
        ("00s", [(2000, 2009)]),
        ("the early nineties", [(1990, 1993)]),
        ("the mid-eighties", [(1984, 1986)]),
        ("late '80s", [(1987, 1989)]),
        ("before 1995", [(FIRST, 1994)]),
        ("pre-1970", [(FIRST, 1969)]),
        ("until 1995", [(FIRST, 1995)]),
        ("no later than 1980", [(FIRST, 1980)]),
        ("before the nineties", [(FIRST, 1989)]),
        ("after 1995", [(1996, LAST)]),
        ("after the 90s", [(2000, LAST)]),
        ("since 1990", [(1990, LAST)]),
        ("from 1990 on", [(1990, LAST)]),
        ("1990 or newer", [(1990, LAST)]),
        ("older than 1990", [(FIRST, 1989)]),
        ("newer than 1990", [(1991, LAST)]),
        ("between 1980 and 1990", [(1980, 1990)]),
        ("from 1980 to 1989", [(1980, 1989)]),
        ("1980–1985", [(1980, 1985)]),
        ("between the 70s and the 80s", [(1970, 1989)]),
        ("in 1994", [(1994, 1994)]),
        ("from 1994", [(1994, 1994)]),
        ("a 1994 comedy", [(1994, 1994)]),
        ("the eighties or nineties", [(1980, 1989), (1990, 1999)]),
        ("the eighties and nineties", [(1980, 1989), (1990, 1999)]),
        ("after 1980 and before 1990", [(1981, LAST), (FIRST, 1989)]),
        ("2 or 20 films, 100s of them, item 99999, 12345", []),
    ],
)
def test_what_is_meant(text: str, meant: list[tuple[int, int]]) -> None:
    assert [one.range for one in years(text)] == meant


@given(
    first=st.integers(1900, 2020), length=st.integers(0, 40), name=st.sampled_from(sorted(DECADES))
)
def test_a_range_is_found_wherever_it_stands(first: int, length: int, name: str) -> None:
    text = f"something between {first} and {first + length}, or from the {name}, please"
    assert [one.range for one in years(text)] == [
        (first, first + length),
        (DECADES[name], DECADES[name] + 9),
    ]
    for one in years(text):
        assert text[one.start : one.stop].startswith(("between", "from"))


def test_bounds_in_one_breath_hold_together() -> None:
    assert joined([(1981, LAST), (FIRST, 1989)]) == ((1981, 1989),)
    # Where none could hold both, each is enough.
    assert joined([(FIRST, 1969), (2001, LAST)]) == ((FIRST, 1969), (2001, LAST))
    assert joined([(1980, 1989), (1990, 1999)]) == ((1980, 1999),)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=6))
def test_merging_changes_no_year(parts: list[tuple[int, int]]) -> None:
    ranges = [(low, low + length) for low, length in parts]
    before = {year for low, high in ranges for year in range(low, high + 1)}
    after = [year for low, high in merged(ranges) for year in range(low, high + 1)]
    assert after == sorted(before)


def test_ranges_are_told_as_they_are_read() -> None:
    for one in [(1990, 1999), (FIRST, 1994), (1996, LAST), (1994, 1994)]:
        assert [found.range for found in years(told(one))] == [one]
