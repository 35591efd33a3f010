"""Laws of the splits where little is known: few-shot, cold users, cold items, another domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories, Indices, Split
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.leakage import check_leakage
from palate.data.splits import make_split
from palate.errors import DataError, LeakageError

ITEMS = 12
FILMS = ITEMS // 2  # items from here on are films, the others books
SPREAD = bytes(value for n in range(40) for value in (n, 5 * n, 7 * n % 41))


def dataset_of(rows: Sequence[tuple[int, int, int]], has_clock: bool = True) -> Dataset:
    """A data set of (user, item, time) rows; the index of an item is its number."""
    frame = pl.DataFrame(
        {
            "user": [f"u{user}" for user, _, _ in rows],
            "item": [f"i{item}" for _, item, _ in rows],
            "time": [time for _, _, time in rows],
        },
        schema={"user": pl.String, "item": pl.String, "time": pl.Int64},
    )
    if not has_clock:
        frame = frame.with_columns(time=pl.int_range(len(frame), dtype=pl.Int64))
    names = [f"i{item}" for item in range(ITEMS)]
    domains = ["books"] * FILMS + ["films"] * (ITEMS - FILMS)
    catalogue = pl.DataFrame({"item": names, "title": names, "domain": domains})
    return Dataset("drawn", Catalogue(catalogue), frame, has_clock=has_clock)


def rows_of(raw: bytes) -> list[tuple[int, int, int]]:
    triples = zip(raw[::3], raw[1::3], raw[2::3], strict=False)
    return [(user % 9, item % ITEMS, time % 41 - 20) for user, item, time in triples]


datasets = st.builds(
    lambda raw, has_clock: dataset_of(rows_of(SPREAD + raw), has_clock),
    st.binary(max_size=150),
    st.booleans(),
)


def split_or_reject(dataset: Dataset, how: str, seed: int = 0) -> Split:
    try:
        return make_split(dataset, how, seed)
    except DataError:
        assume(False)
        raise


def true_events(dataset: Dataset, user: str) -> list[tuple[int, int]]:
    """(time, item) of a user by time, written as plainly as possible."""
    rows = [(time, int(item[1:])) for u, item, time in dataset.interactions.rows() if u == user]
    return sorted(rows, key=lambda row: row[0])


def of_users(cases: Cases) -> dict[str, tuple[list[int], int]]:
    rows = zip(cases.histories.users, cases.histories, cases.targets, strict=True)
    return {user: (history.tolist(), int(target)) for user, history, target in rows}


def trained(split: Split) -> dict[str, list[int]]:
    sequences = split.train.sequences()
    rows = zip(sequences.users, sequences, strict=True)
    return {user: sequence.tolist() for user, sequence in rows}


@given(datasets, st.integers(1, 9), st.integers(0, 3))
def test_few_shot_trains_so_many_and_tests_all(dataset: Dataset, n: int, seed: int) -> None:
    split = split_or_reject(dataset, f"few-shot:{n}", seed)
    whole = make_split(dataset, "leave-one-out", seed)
    assert len(split.train) == n
    assert trained(split).items() <= trained(whole).items()
    assert all(len(sequence) >= 2 for sequence in trained(split).values())
    assert of_users(split.validation) == of_users(whole.validation)
    assert of_users(split.test) == of_users(whole.test)
    assert split.notes[0].startswith(f"Few-shot: {n} of ")


@given(datasets, st.integers(1, 6), st.integers(0, 3))
def test_cold_users_show_their_first_events_only(dataset: Dataset, k: int, seed: int) -> None:
    split = split_or_reject(dataset, f"cold-users:{k}", seed)
    parts = [trained(split), of_users(split.validation), of_users(split.test)]
    assert sorted(user for part in parts for user in part) == sorted(dataset.users)
    for part in parts[1:]:
        for user, (history, target) in part.items():
            assert [*history, target] == [i for _, i in true_events(dataset, user)][: k + 1]
            assert len(history) == k
    for user, sequence in parts[0].items():
        assert sequence == [item for _, item in true_events(dataset, user)]
    able = sum(len(sequence) > k for sequence in dataset.sequences)
    assert len(split.test) == len(split.validation) == max(1, round(able / 10))


@given(datasets, st.sampled_from([0.05, 0.1, 0.25, 0.4]), st.integers(0, 3))
def test_no_cold_item_leaks(dataset: Dataset, share: float, seed: int) -> None:
    split = split_or_reject(dataset, f"cold-items:{share}", seed)
    first: dict[int, int] = {}
    for _, name, time in dataset.interactions.rows():
        item = int(name[1:])
        first[item] = min(time, first.get(item, time))
    assert split.cold is not None
    cold = set(split.cold.tolist())
    warm = set(first) - cold
    assert len(cold) == 2 * max(1, round(share * len(first)))
    held = [split.train.sequences(), split.validation.histories, split.test.histories]
    assert all(set(histories.items.tolist()) <= warm for histories in held)
    validating, testing = (set(part.targets.tolist()) for part in (split.validation, split.test))
    assert validating | testing <= cold
    assert not validating & testing
    if dataset.has_clock:
        assert max(first[item] for item in warm) <= min(first[item] for item in cold)
        assert max(first[item] for item in validating) <= min(first[item] for item in testing)
    for part in (split.validation, split.test):
        for user, (history, target) in of_users(part).items():
            assert history
            items = [item for _, item in true_events(dataset, user)]
            last = len(items) - 1 - items[::-1].index(target)
            known = [item for item in items[:last] if item in warm]
            assert known[: len(history)] == history  # of a repeated target an earlier one may count
            sequence = trained(split)[user]
            assert sequence == known[: len(sequence)]
            if part is split.test:
                assert history == known


@given(datasets, st.sampled_from(["books>films", "films>books"]), st.integers(0, 3))
def test_held_out_users_show_one_domain_only(dataset: Dataset, how: str, seed: int) -> None:
    split = split_or_reject(dataset, f"cross-domain:{how}", seed)
    source = {"books", "films"}.difference([how.partition(">")[2]]).pop()

    def inside(item: int) -> bool:
        return (item < FILMS) == (source == "books")

    tested, validated = of_users(split.test), of_users(split.validation)
    assert not tested.keys() & validated.keys()
    able = 0
    for user in dataset.users:
        events = true_events(dataset, user)
        places = [place for place, (_, item) in enumerate(events) if not inside(item)]
        if dataset.has_clock:
            places = [p for p in places if any(inside(item) for _, item in events[:p])]
        elif not any(inside(item) for _, item in events):
            places = []
        able += bool(places)
        if user not in tested | validated:
            assert trained(split)[user] == [item for _, item in events]
            continue
        history, target = (tested | validated)[user]
        before = events[: places[0]] if dataset.has_clock else events
        assert history == [item for _, item in before if inside(item)]
        assert target == events[places[0]][1]
        assert trained(split)[user] == history
    assert len(tested) == len(validated) == max(1, round(able / 10))


def world(has_clock: bool = True) -> Dataset:
    """Twenty users with eight events each, in both domains."""
    rows = [(u, (3 * u + 5 * t) % ITEMS, 10 * t + u % 10) for u in range(20) for t in range(8)]
    return dataset_of(rows, has_clock)


def with_training(split: Split, user: str, sequence: list[int]) -> Split:
    """The split with another training sequence of a user."""
    sequences = trained(split) | {user: sequence}
    lists = [each[:-1] for each in sequences.values()]
    targets = np.array([each[-1] for each in sequences.values()], dtype=np.int64)
    return replace(split, train=Cases(Histories.of(lists, list(sequences)), targets))


def changed(cases: Cases, items: Indices) -> Cases:
    return Cases(replace(cases.histories, items=items), cases.targets)


def test_one_user_more_in_few_shot_is_caught() -> None:
    dataset = world()
    split = make_split(dataset, "few-shot:4")
    whole = trained(make_split(dataset, "leave-one-out"))
    user = next(user for user in whole if user not in trained(split))
    with pytest.raises(LeakageError, match=r"few-shot:4: 5 users train"):
        check_leakage(with_training(split, user, whole[user]), dataset)


@pytest.mark.parametrize("has_clock", [True, False])
def test_an_event_of_a_held_out_user_in_the_target_domain_is_caught(has_clock: bool) -> None:
    dataset = world(has_clock)
    split = make_split(dataset, "cross-domain:books>films")
    user = split.test.histories.users[0]
    whole = [item for _, item in true_events(dataset, user)]
    says = f"cross-domain:books>films: training holds an event in 'films' of '{user}', who is held"
    with pytest.raises(LeakageError, match=says):
        check_leakage(with_training(split, user, whole), dataset)


def test_a_history_in_the_target_domain_and_a_target_in_the_source_are_caught() -> None:
    dataset = world()
    split = make_split(dataset, "cross-domain:books>films")
    back = make_split(dataset, "cross-domain:films>books")
    with pytest.raises(LeakageError, match=r"a test history holds more than 'books'"):
        check_leakage(replace(split, test=back.test), dataset)
    targets = split.test.targets % FILMS
    with pytest.raises(LeakageError, match=r"a test target is not in 'films'"):
        check_leakage(replace(split, test=Cases(split.test.histories, targets)), dataset)


def test_a_user_who_validates_and_tests_is_caught() -> None:
    dataset = world()
    split = make_split(dataset, "cross-domain:books>films")
    with pytest.raises(LeakageError, match=r"user 'u\d+' is in both validation and test"):
        check_leakage(replace(split, validation=split.test), dataset)


def test_source_events_after_the_target_are_caught() -> None:
    dataset = world()
    split = make_split(dataset, "cross-domain:books>films")
    user = split.test.histories.users[0]
    books = [item for _, item in true_events(dataset, user) if item < FILMS]
    assert len(books) > len(of_users(split.test)[user][0])
    with pytest.raises(LeakageError, match=f"train holds the test target of '{user}'"):
        check_leakage(with_training(split, user, books), dataset)


@pytest.mark.parametrize("has_clock", [True, False])
def test_a_cold_item_in_training_or_in_a_history_is_caught(has_clock: bool) -> None:
    dataset = world(has_clock)
    split = make_split(dataset, "cold-items:0.2")
    user, (history, target) = next(iter(of_users(split.test).items()))
    says = rf"cold-items:0.2: cold item 'i{target}' is in training"
    with pytest.raises(LeakageError, match=says):
        check_leakage(with_training(split, user, [*history, target]), dataset)
    items = split.test.histories.items.copy()
    items[0] = target
    with pytest.raises(LeakageError, match=rf"cold item 'i{target}' is in a test history"):
        check_leakage(replace(split, test=changed(split.test, items)), dataset)


def test_a_warm_target_and_a_set_that_hides_less_are_caught() -> None:
    dataset = world()
    split = make_split(dataset, "cold-items:0.2")
    assert split.cold is not None
    warm = np.setdiff1d(np.arange(ITEMS), split.cold)
    targets = np.full_like(split.test.targets, warm[0])
    with pytest.raises(LeakageError, match=rf"the test target 'i{warm[0]}' is not a cold item"):
        check_leakage(replace(split, test=Cases(split.test.histories, targets)), dataset)
    with pytest.raises(LeakageError, match=r"is not a cold item"):
        check_leakage(replace(split, cold=None), dataset)
    with pytest.raises(LeakageError, match=r"target of both validation and test"):
        check_leakage(replace(split, validation=split.test), dataset)


def test_cold_items_that_are_not_the_newest_are_caught() -> None:
    dataset = world()
    ordered = make_split(replace(dataset, has_clock=False), "cold-items:0.2", seed=1)
    with pytest.raises(LeakageError, match=r"a warm item first appears at \d+, a cold one at \d+"):
        check_leakage(ordered, dataset)


def test_a_cold_user_with_another_history_is_caught() -> None:
    dataset = world()
    split = make_split(dataset, "cold-users:3")
    longer = make_split(dataset, "cold-users:4")
    with pytest.raises(LeakageError, match=r"the test history of 'u\d+' has 4 events"):
        check_leakage(replace(split, test=longer.test), dataset)
    user = split.test.histories.users[0]
    leaking = with_training(split, user, [item for _, item in true_events(dataset, user)])
    with pytest.raises(LeakageError, match=f"user '{user}' is in both train and test"):
        check_leakage(leaking, dataset)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("few-shot:21", r"20 users have two training events.*use --split few-shot:20 or less"),
        ("cold-users:8", r"0 users have 9 events, cold-users:8 needs at least 3"),
        ("cross-domain:books>film", r"no domain 'film'; there are: books, films; did you mean 'fi"),
    ],
)
def test_too_little_data_says_what_is_missing(how: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        make_split(world(), how)


def test_data_without_domains_or_with_few_items() -> None:
    dataset = world()
    bare = replace(dataset, catalogue=Catalogue(dataset.catalogue.frame.drop("domain")))
    with pytest.raises(DataError, match=r"no domain 'books'; its items have no column 'domain'"):
        make_split(bare, "cross-domain:books>films")
    apart = dataset_of([(u, u % 2 * FILMS, t) for u in range(9) for t in range(4)])
    with pytest.raises(DataError, match=r"0 users have an event in 'films' after one in 'books'"):
        make_split(apart, "cross-domain:books>films")
    with pytest.raises(DataError, match=r"of 2 items with events, 1 cannot test and 1 validate"):
        make_split(apart, "cold-items")


def test_fewer_may_be_tested_in_every_split() -> None:
    for how in ("few-shot:5", "cross-domain:books>films", "cold-items:0.2", "cold-users"):
        whole, few = make_split(world(), how), make_split(world(), how, test_users=1)
        assert len(few.test) == 1
        assert of_users(few.test).items() <= of_users(whole.test).items()
        assert trained(few) == trained(whole)
