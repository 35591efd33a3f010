"""The catalogue's columns that say what an item is like."""

from __future__ import annotations

import polars as pl
import pytest

from palate.data.catalogue import Catalogue


@pytest.mark.parametrize("sign", ["|", " | ", ",", ", ", ";"])
def test_labels_stand_between_any_of_the_usual_signs(sign: str) -> None:
    cells = [sign.join(["Action", "Sci-Fi"]), None, "Drama"]
    frame = pl.DataFrame({"item": ["1", "2", "3"], "title": ["a", "b", "c"], "genres": cells})
    assert Catalogue(frame).labels("genres").to_list() == [["Action", "Sci-Fi"], [], ["Drama"]]


def test_labels_may_be_lists() -> None:
    cells = [["Action", None, "Sci-Fi"], None, []]
    frame = pl.DataFrame({"item": ["1", "2", "3"], "title": ["a", "b", "c"], "genres": cells})
    assert Catalogue(frame).labels("genres").to_list() == [["Action", "Sci-Fi"], [], []]
