"""Items by what is written and by what is liked, on a shop of forty films."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.catalogue import Catalogue
from palate.search.items.documents import index_of
from palate.search.items.search import ItemSearch, ItemSearchConfig

COUNT = 40
CRIMES = [n for n in range(COUNT) if n % 4 == 0]


@pytest.fixture(scope="module")
def films() -> Catalogue:
    rows = {
        "item": [f"i{n}" for n in range(COUNT)],
        "title": [f"Film {n}" if n else "The" for n in range(COUNT)],
        "genres": ["Crime" if n in CRIMES else "Comedy" for n in range(COUNT)],
        "text": ["a heist" if n == 4 else "" for n in range(COUNT)],
    }
    return Catalogue(pl.DataFrame(rows))


@pytest.fixture(scope="module")
def search(films: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> ItemSearch:
    index = index_of(films, tmp_path_factory.mktemp("shop") / "search")
    unknown = np.arange(COUNT) == 12
    return ItemSearch(films, index, ItemSearchConfig(pipeline="bm25"), unknown)


def items(found: object) -> list[int]:
    return [one.item for one in found.items]  # type: ignore[attr-defined]


def test_taste_orders_what_is_found_and_finds_nothing_itself(search: ItemSearch) -> None:
    taste = np.arange(COUNT, dtype=np.float32)
    plain = search.search("crime", k=COUNT)
    assert sorted(items(plain)) == CRIMES
    assert plain.weight == 0
    assert {one.taste for one in plain.items} == {None}
    liked = search.search("crime", taste, k=3)
    assert items(liked) == [36, 32, 28]
    assert liked.found == len(CRIMES)
    first = liked.items[0]
    assert (first.taste, first.by_taste) == (1.0, 1)
    assert first.score == pytest.approx(0.6 * first.relevance + 0.4 * first.taste)
    assert plain.items[0].relevance == 1


def test_relevance_and_taste_pull_by_their_weights(search: ItemSearch) -> None:
    taste = np.arange(COUNT, dtype=np.float32)
    assert items(search.search("crime heist", taste, k=1, weight=0))[0] == 4
    assert items(search.search("crime heist", taste, k=1, weight=0.3))[0] == 4
    assert items(search.search("crime heist", taste, k=1, weight=1))[0] == 36


def test_who_types_a_title_gets_it_whatever_they_like(search: ItemSearch) -> None:
    taste = -np.arange(COUNT, dtype=np.float32)
    found = search.search("film 39", taste)
    assert found.items[0].item == 39
    assert found.items[0].named
    assert found.weight == 0
    assert not search.search("film", taste).items[0].named
    # A title of words that no search counts.
    assert items(search.search("the", taste, k=1)) == [0]
    assert items(search.search("the", allowed=np.arange(COUNT) > 0, k=1)) == []


def test_cold_items_are_found_by_their_text_and_neither_raised_nor_lowered(
    search: ItemSearch,
) -> None:
    for taste in (np.arange(COUNT, dtype=float), -np.arange(COUNT, dtype=float)):
        found = search.search("crime", taste, k=COUNT)
        cold = next(one for one in found.items if one.item == 12)
        assert cold.taste is None
        assert cold.score == pytest.approx(0.6 * cold.relevance + 0.2)
        assert 0 < items(found).index(12) < len(CRIMES) - 1


def test_what_was_had_is_marked_and_what_is_not_allowed_is_left_out(search: ItemSearch) -> None:
    taste = np.arange(COUNT, dtype=float)
    found = search.search("crime", taste, k=COUNT, seen={36, 3})
    assert [one.item for one in found.items if one.seen] == [36]
    allowed = np.arange(COUNT) < 20
    assert sorted(items(search.search("crime", taste, k=COUNT, allowed=allowed))) == [
        n for n in CRIMES if n < 20
    ]
    assert items(search.search("crime", taste, allowed=allowed & False)) == []
    assert items(search.search("zeppelin", taste)) == []


def test_filters_look_beyond_the_first_that_are_found(films: Catalogue, search: ItemSearch) -> None:
    small = ItemSearch(films, search.index, ItemSearchConfig(pipeline="bm25", pool=2))
    last = search.search("comedy", k=COUNT).items[-1].item
    assert items(small.search("comedy", k=1, allowed=np.arange(COUNT) == last)) == [last]


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=COUNT, max_size=COUNT), st.floats(0, 1))
def test_a_list_has_no_item_twice_and_is_in_the_order_of_its_scores(
    search: ItemSearch, taste: list[float], weight: float
) -> None:
    found = search.search("comedy", np.array(taste), k=COUNT, weight=weight)
    assert len(set(items(found))) == len(found.items) == COUNT - len(CRIMES)
    scores = [one.score for one in found.items]
    assert scores == sorted(scores, reverse=True)


def test_relevance_of_the_whole_catalogue(search: ItemSearch) -> None:
    told = search.relevance("heist")
    assert told.tolist() == [float(n == 4) for n in range(COUNT)]
    assert not search.by_meaning
    assert not search.relevance("zeppelin").any()
