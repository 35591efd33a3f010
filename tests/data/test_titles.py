"""Titles as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.titles import TitleForm, formed


@pytest.mark.parametrize(
    ("listed", "natural", "short"),
    [
        ("Godfather, The (1972)", "The Godfather (1972)", "The Godfather"),
        ("Postino, Il (1994)", "Il Postino (1994)", "Il Postino"),
        ("Avventura, L' (1960)", "L'Avventura (1960)", "L'Avventura"),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children (Cité des enfants perdus, La)",
        ),
        ("Me, Myself & Irene (2000)", "Me, Myself & Irene (2000)", "Me, Myself & Irene"),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey (1968)", "2001: A Space Odyssey"),
        ("1984 (1984)", "1984 (1984)", "1984"),
        ("(1984)", "(1984)", "(1984)"),
        ("FIFA (2019 edition)", "FIFA (2019 edition)", "FIFA (2019 edition)"),
    ],
)
def test_forms(listed: str, natural: str, short: str) -> None:
    assert formed([listed], "listed") == [listed]
    assert formed([listed], "natural") == [natural]
    assert formed([listed], "short") == [short]


def test_years_stay_where_they_tell_titles_apart() -> None:
    titles = ["Sabrina (1954)", "Sabrina (1995)", "Heat (1995)", "Fargo (1996)", "FARGO"]
    assert formed(titles) == ["Sabrina (1954)", "Sabrina (1995)", "Heat", "Fargo (1996)", "FARGO"]


words = st.sampled_from(["Heat", "heat", "Sabrina", "The"])
tails = st.sampled_from(
    ["", ", The", ", A", " (1995)", ", The (1995)", " (1954)", " (1995) (1954)"]
)


@given(
    st.lists(st.builds(str.__add__, words, tails), max_size=12),
    st.sampled_from(["short", "natural", "listed"]),
)
def test_what_differs_goes_on_differing(titles: list[str], form: TitleForm) -> None:
    found = formed(titles, form)
    assert len(found) == len(titles)
    for one, new in zip(titles, found, strict=True):
        for other, new_other in zip(titles, found, strict=True):
            assert (one == other) == (new == new_other)
