"""Several domains as one split: nothing is lost, nothing is mixed up."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories
from palate.data.catalogue import Catalogue
from palate.data.joined import joined
from palate.errors import ConfigError
from palate.recommenders.conformance import split_of, taste_split


@given(sizes=st.lists(st.integers(3, 12), min_size=1, max_size=4))
def test_each_domain_comes_out_as_it_went_in(sizes: list[int]) -> None:
    splits = {
        f"d{n}": split_of([[(u + s) % size for s in range(5)] for u in range(n + 1)], size, "cycle")
        for n, size in enumerate(sizes)
    }
    whole = joined(splits)
    shift = 0
    for domain, split in splits.items():
        items = whole.catalogue.frame[shift : shift + split.n_items]
        assert items["item"].to_list() == [f"{domain}:{item}" for item in split.catalogue.items]
        assert items["title"].to_list() == split.catalogue.titles
        assert set(items["domain"]) == {domain}
        for part in ("train", "validation", "test"):
            own, all_ = getattr(split, part), getattr(whole, part)
            users = [f"{domain}:{user}" for user in own.histories.users]
            rows = np.array([all_.histories.users.index(user) for user in users])
            taken = all_.take(rows)
            assert (taken.histories.items == own.histories.items + shift).all()
            assert (taken.histories.lengths == own.histories.lengths).all()
            assert (taken.targets == own.targets + shift).all()
        shift += split.n_items
    assert whole.n_items == shift
    assert len(whole.train) == sum(len(split.train) for split in splits.values())


def test_columns_that_differ_become_text() -> None:
    def with_column(name: str, values: list[object]) -> object:
        split = split_of([[0, 1, 2, 0]], 3, "few")
        frame = split.catalogue.frame.with_columns(pl.Series(name, values))
        return dataclasses.replace(split, catalogue=Catalogue(frame))

    whole = joined(
        {
            "a": with_column("genres", [["Drama", "War"], None, ["Film"]]),
            "b": with_column("genres", ["x|y", "", None]),
            "c": with_column("year", [1990, 1991, None]),
        }
    )
    frame = whole.catalogue.frame
    assert frame["genres"].to_list()[:6] == ["Drama, War", None, "Film", "x|y", "", None]
    assert frame["year"].to_list() == [None] * 6 + ["1990", "1991", None]
    assert whole.catalogue.texts(None)[0] == "Film 0 (1950); genres: Drama, War"


def test_no_domain_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no domain"):
        joined({})


def test_some_cases_are_drawn_in_their_order() -> None:
    cases = Cases(Histories.of([[i] for i in range(50)]), np.arange(50))
    some = cases.some(7, seed=3)
    assert len(some) == 7
    assert (np.diff(some.targets) > 0).all()
    assert (some.histories.items == some.targets).all()
    assert (some.targets == cases.some(7, seed=3).targets).all()
    assert cases.some(None, 0) is cases
    assert cases.some(50, 0) is cases
    assert len(taste_split().validation.some(3, 0)) == 3
