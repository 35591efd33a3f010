"""The parts of an engine, each by itself: batches, filters, diversity, search, people, rates."""

from __future__ import annotations

import threading
import time
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.attributes import Attributes, Wanted
from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError, DataError
from palate.serving.batching import Batched, DeadlineError, joined
from palate.serving.diversity import cosine, jaccard, mmr
from palate.serving.finding import Finder
from palate.serving.index import Index
from palate.serving.limits import Rate
from palate.serving.people import People
from palate.serving.store.events import Since

CATALOGUE = Catalogue(
    pl.DataFrame(
        {
            "item": ["a", "b", "c", "d"],
            "title": ["Amélie (2001)", "The Big Heat (1953)", "Heat (1995)", "Heat Wave (1990)"],
            "genres": [["Comedy"], ["Crime", "Drama"], ["Crime"], None],
            "year": ["2001", "1953", "1995", None],
            "stars": [4, 3, 5, 1],
            "tags": ["x|y", "y", None, "z"],
        }
    )
)


def sums(histories: Histories) -> np.ndarray:
    """[n, 2] sum and length of each history: who got whose answer shows."""
    return np.array([[one.sum(), len(one)] for one in histories], dtype=np.float64)


@given(
    st.lists(st.lists(st.integers(0, 50), max_size=5), min_size=1, max_size=30), st.integers(1, 8)
)
def test_batches_are_the_same_as_one_at_a_time(lists: list[list[int]], most: int) -> None:
    found = Batched(sums, most)(Histories.of(lists))
    assert found.tolist() == [[sum(one), len(one)] for one in lists]


def test_those_who_come_meanwhile_are_answered_together() -> None:
    sizes: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(histories: Histories) -> np.ndarray:
        begun.set()
        assert go_on.wait(10)
        return sums(histories)

    batched = Batched(slow, 8)
    batched.batches = sizes.append
    answers: dict[int, list[float]] = {}

    def ask(number: int) -> None:
        answers[number] = batched(Histories.of([[number] * number]))[0].tolist()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(21)]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(batched._line) < 20:
        time.sleep(0.001)
    go_on.set()
    for thread in threads:
        thread.join()
    assert sizes == [1, 8, 8, 4]
    assert answers == {n: [n * n, n] for n in range(21)}


def test_one_that_fails_does_not_take_others_with_it() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def picky(histories: Histories) -> np.ndarray:
        begun.set()
        go_on.wait(10)
        if 13 in histories.items:
            raise DataError("13 is not liked here")
        return sums(histories)

    batched, told = Batched(picky, 8), []

    def ask(number: int) -> None:
        try:
            batched(Histories.of([[number]]))
            told.append("fine")
        except DataError:
            told.append("refused")

    threads = [threading.Thread(target=ask, args=(n,)) for n in (1, 12, 13, 14)]
    for thread in threads:
        thread.start()
        assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert Counter(told) == {"fine": 3, "refused": 1}


def test_who_waits_too_long_is_told_and_others_go_on() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(histories: Histories) -> np.ndarray:
        begun.set()
        go_on.wait(10)
        return sums(histories)

    batched = Batched(slow, 8)
    first = threading.Thread(target=batched, args=(Histories.of([[1]]),))
    first.start()
    assert begun.wait(10)
    with pytest.raises(DeadlineError, match="busy"):
        batched(Histories.of([[2]]), time.monotonic() + 0.05)
    go_on.set()
    first.join()
    assert batched(Histories.of([[3]]))[0].tolist() == [3, 1]


def test_joined_histories_are_those_that_went_in() -> None:
    rated = Histories.of([[1, 2]], (), [[True, False]])
    whole = joined([Histories.of([[], [3]]), rated])
    assert [one.tolist() for one in whole] == [[], [3], [1, 2]]
    assert whole.liked is not None
    assert whole.liked.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, "abcd"),
        ({"genres": Wanted(any=("CRIME",))}, "bc"),
        ({"genres": Wanted(none=("crime",))}, "ad"),
        ({"genres": Wanted(any=("Crime", "Comedy"), none=("Drama",))}, "ac"),
        ({"tags": Wanted(any=("y",))}, "ab"),
        ({"year": Wanted(least=1990, most=1999)}, "c"),
        ({"stars": Wanted(least=3)}, "abc"),
        ({"stars": Wanted(any=("5",))}, "c"),
        ({"stars": Wanted(least=3), "genres": Wanted(any=("Drama",))}, "b"),
        ({"genres": Wanted(any=("none such",))}, ""),
    ],
)
def test_filters_leave_what_is_wanted(filters: dict[str, Wanted], left: str) -> None:
    mask = Attributes(CATALOGUE).mask(filters)
    assert "".join(item for item, kept in zip(CATALOGUE.items, mask, strict=True) if kept) == left


def test_filters_that_cannot_be_say_the_mend() -> None:
    with pytest.raises(ConfigError, match="did you mean genres"):
        Attributes(CATALOGUE).mask({"genre": Wanted(any=("x",))})
    with pytest.raises(ConfigError, match="any or none"):
        Attributes(CATALOGUE).mask({"tags": Wanted(least=1)})


def test_facets_count_values() -> None:
    found = {one.name: one for one in Attributes(CATALOGUE).facets()}
    assert found["genres"].values == (("Crime", 2), ("Comedy", 1), ("Drama", 1))
    assert (found["year"].least, found["year"].most) == (1953, 2001)
    assert "title" not in found


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12), st.integers(1, 12))
def test_without_diversity_the_best_come_in_order(scores: list[int], k: int) -> None:
    values = np.array(scores, dtype=np.float64)
    chosen = mmr(values, np.eye(len(values)), 0.0, k)
    assert values[chosen].tolist() == sorted(scores, reverse=True)[:k]


@given(st.integers(2, 12), st.floats(0, 1), st.integers(0, 100))
def test_diversity_chooses_each_once_and_the_best_first(
    n: int, diversity: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    scores, vectors = random.normal(size=n), random.normal(size=(n, 3))
    chosen = mmr(scores, cosine(vectors), diversity, n)
    assert sorted(chosen) == list(range(n))
    assert chosen[0] == scores.argmax()


def test_with_diversity_a_twin_waits() -> None:
    scores = np.array([1.0, 0.99, 0.5])
    alike = jaccard([frozenset("ab"), frozenset("ab"), frozenset("c")])
    assert alike.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert mmr(scores, alike, 0.0, 2) == [0, 1]
    assert mmr(scores, alike, 0.6, 2) == [0, 2]


def finder() -> Finder:
    return Finder(CATALOGUE, np.array([1, 2, 3, 9]))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("heat", "dcb"),  # the two that begin so, the popular one first; then a word in it
        ("heat (1995)", "c"),
        ("AMELIE", "a"),
        ("big he", "b"),
        ("c", "c"),
        ("nothing such", ""),
        ("   ", ""),
        ("(.*[", ""),
    ],
)
def test_search_finds_titles_as_they_are_typed(text: str, found: str) -> None:
    places = finder().search(text, 10)
    assert "".join(CATALOGUE.items[place] for place in places)[: len(found) or 9] == found


def test_a_title_is_found_in_any_case_and_a_near_one_is_offered() -> None:
    assert finder().find("amelie (2001)") == 0
    assert finder().find("c") == 2
    with pytest.raises(DataError, match="did you mean: Heat Wave"):
        finder().find("heat w")
    with pytest.raises(DataError, match="did you mean: Heat"):
        finder().find("Haet (1995)")


def people(reads_likes: bool = False) -> People:
    histories = Histories.of([[0, 1], [2]], ["ann", "bob"], [[True, False], [True]])
    return People(histories, CATALOGUE, 4.0, reads_likes)


INDEX = {item: place for place, item in enumerate(CATALOGUE.items)}


def since(*told: tuple[str, str] | tuple[str, str, float]) -> list[Since]:
    rows = [(*one, None)[:3] for one in told]
    return [Since(n, item, kind, rating) for n, (item, kind, rating) in enumerate(rows, 1)]


@pytest.mark.parametrize(
    ("told", "history", "gone"),
    [
        ([], [0, 1], {0, 1}),
        ([("c", "like")], [0, 1, 2], {0, 1, 2}),
        ([("c", "dislike")], [0, 1], {0, 1, 2}),
        ([("c", "skip")], [0, 1], {0, 1, 2}),
        ([("a", "dislike")], [1], {0, 1}),
        ([("a", "dislike"), ("a", "like")], [1, 0], {0, 1}),
        ([("c", "rate", 5)], [0, 1, 2], {0, 1, 2}),
        ([("c", "rate", 2)], [0, 1], {0, 1, 2}),
        ([("elsewhere", "like")], [0, 1], {0, 1}),
    ],
)
def test_what_is_known_of_someone(
    told: list[tuple[str, str]], history: list[int], gone: set[int]
) -> None:
    known = people().known("ann", since(*told), INDEX)
    assert (list(known.items), set(known.gone)) == (history, gone)
    assert known.later == sum(item == "elsewhere" for item, *_ in told)


def test_what_the_run_has_learned_is_not_counted_twice() -> None:
    told = since(("b", "like"), ("c", "skip"), ("d", "like"))
    known = people().known("ann", told, INDEX, learned=2)
    assert known.items == (0, 1, 3)
    assert known.gone == {0, 1, 2, 3}


def test_a_recommender_that_reads_dislikes_is_told_of_them() -> None:
    known = people(True).known("ann", since(("c", "dislike")), INDEX)
    assert known.items == (0, 1, 2)
    assert known.liked == (True, False, False)
    assert people().known("ann", [], INDEX).liked is None


def test_of_who_is_forgotten_the_run_tells_nothing() -> None:
    known = people().known("ann", since(("d", "like")), INDEX, learned=9, forgotten=True)
    assert (known.items, known.gone) == ((3,), {3})


def test_a_rate_lets_so_many_through_and_tells_when_to_come_again() -> None:
    rate = Rate(2.0)
    assert [rate.wait("ann", 0.0) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert rate.wait("bob", 0.0) == 0
    assert rate.wait("ann", 0.5) == 0
    assert rate.wait("ann", 0.5) == 1
    assert Rate(0.1).wait("ann", 0.0) == 0
    slow = Rate(0.1)
    assert [slow.wait("ann", 0.0), slow.wait("ann", 0.0)] == [0, 10]
    assert not any(Rate(0).wait("ann") for _ in range(1000))


def test_an_index_finds_what_a_product_finds() -> None:
    random = np.random.default_rng(0)
    items = random.normal(size=(3000, 16)).astype(np.float32)
    probes = random.normal(size=(50, 16)).astype(np.float32)
    index = Index(items, probes)
    assert index.recall is not None
    assert index.recall > 0.9
    found, scores = index.search(probes[:5], 10)
    assert found.shape == (5, 10)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert scores[0, 0] == pytest.approx(float(items[found[0, 0]] @ probes[0]), rel=1e-4)
