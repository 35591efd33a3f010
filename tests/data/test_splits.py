"""Laws of splits: nothing leaks, every event is accounted for, equal seeds give equal splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.leakage import check_leakage
from palate.data.split_names import FORMS, UPDATE, parse_split
from palate.data.splits import SPLITS, date, make_split
from palate.errors import ConfigError, DataError, LeakageError


def dataset_of(rows: list[tuple[int, int, int]]) -> Dataset:
    """A data set of (user, item, time) rows."""
    frame = pl.DataFrame(
        {
            "user": [f"u{user}" for user, _, _ in rows],
            "item": [f"i{item}" for _, item, _ in rows],
            "time": [time for _, _, time in rows],
        },
        schema={"user": pl.String, "item": pl.String, "time": pl.Int64},
    )
    items = frame["item"].unique().sort()
    domain = pl.when(pl.col("item") < "i3").then(pl.lit("books")).otherwise(pl.lit("films"))
    catalogue = pl.DataFrame({"item": items, "title": items}).with_columns(domain=domain)
    return Dataset("drawn", Catalogue(catalogue), frame)


NAMES = [
    "leave-one-out",
    "user-holdout",
    "temporal",
    "few-shot:2",
    "cross-domain:books>films",
    "cold-items:0.2",
    "cold-users:2",
]


def rows_of(raw: bytes) -> list[tuple[int, int, int]]:
    """Three bytes an event; few users, items and times, so that equal ones are common."""
    triples = zip(raw[::3], raw[1::3], raw[2::3], strict=False)
    return [(user % 6, item % 10, time % 41 - 20) for user, item, time in triples]


# Bytes, because lists of tuples take Hypothesis longer to draw than the splits take to test.
datasets = st.binary(min_size=12, max_size=180).map(lambda raw: dataset_of(rows_of(raw)))
# Enough of them that a date can nearly always cut 8:1:1; the prefix spreads users and times.
SPREAD = bytes(value for n in range(24) for value in (n, 3 * n, 7 * n % 41))
spread_datasets = st.binary(max_size=150).map(lambda raw: dataset_of(rows_of(SPREAD + raw)))


def split_or_reject(dataset: Dataset, how: str, seed: int = 0) -> Split:
    """A split, or no example where the data are too few for one."""
    try:
        return make_split(dataset, how, seed)
    except DataError:
        assume(False)
        raise


def true_sequence(dataset: Dataset, user: str) -> list[int]:
    """Items of a user by time, written as plainly as possible."""
    rows = [(time, u, item) for u, item, time in dataset.interactions.rows() if u == user]
    index = {item: number for number, item in enumerate(dataset.catalogue.items)}
    return [index[item] for _, _, item in sorted(rows, key=lambda row: row[0])]


def per_user(cases: Cases) -> dict[str, tuple[list[int], int]]:
    """User to history and target."""
    return {
        user: (history.tolist(), int(target))
        for user, history, target in zip(
            cases.histories.users, cases.histories, cases.targets, strict=True
        )
    }


@given(datasets)
def test_sequences_are_by_time_and_equal_times_keep_file_order(dataset: Dataset) -> None:
    for user, sequence in zip(dataset.users, dataset.sequences, strict=True):
        assert sequence.tolist() == true_sequence(dataset, user)
    assert sorted(dataset.order.tolist()) == list(range(len(dataset.interactions)))


@given(datasets)
def test_leave_one_out(dataset: Dataset) -> None:
    split = split_or_reject(dataset, "leave-one-out")
    train, validation, test = map(per_user, (split.train, split.validation, split.test))
    for user in dataset.users:
        true = true_sequence(dataset, user)
        if len(true) < 3:
            assert train[user] == (true[:-1], true[-1])
            assert user not in validation
            assert user not in test
            continue
        assert test[user] == (true[:-1], true[-1])
        assert validation[user] == (true[:-2], true[-2])
        assert train[user] == (true[:-3], true[-3])
    events = len(split.train.sequences().items) + len(split.validation) + len(split.test)
    assert events == len(dataset.interactions)


@given(spread_datasets, st.integers(0, 3))
def test_user_holdout(dataset: Dataset, seed: int) -> None:
    split = split_or_reject(dataset, "user-holdout", seed)
    parts = [per_user(part) for part in (split.train, split.validation, split.test)]
    users = [user for part in parts for user in part]
    assert sorted(users) == sorted(dataset.users)  # each in exactly one part
    for part in parts:
        for user, (history, target) in part.items():
            assert [*history, target] == true_sequence(dataset, user)
    able = sum(len(sequence) >= 2 for sequence in dataset.sequences)
    assert len(split.test) == len(split.validation) == max(1, round(able / 10))
    assert all(history for part in parts[1:] for history, _ in part.values())
    again = make_split(dataset, "user-holdout", seed)
    assert again.test.histories.users == split.test.histories.users


@given(spread_datasets)
def test_temporal(dataset: Dataset) -> None:
    split = split_or_reject(dataset, "temporal")
    rows = dataset.interactions.rows()
    times = {u: sorted(t for v, _, t in rows if v == u) for u in dataset.users}
    parts = [per_user(part) for part in (split.train, split.validation, split.test)]
    trained = [times[user][len(history)] for user, (history, _) in parts[0].items()]
    validated = [times[user][len(history)] for user, (history, _) in parts[1].items()]
    tested = [times[user][len(history)] for user, (history, _) in parts[2].items()]
    assert max(trained) < min(validated)
    assert max(validated) < min(tested)
    reached = dict.fromkeys(dataset.users, 0)
    for part in parts:
        for user, (history, target) in part.items():
            reached[user] = max(reached[user], len(history) + 1)
            assert [*history, target] == true_sequence(dataset, user)[: len(history) + 1]
    left = len(dataset.interactions) - sum(reached.values())
    told = [note for note in split.notes if note.startswith(f"{left} events are")]
    assert bool(told) == (left > 0)  # what no part uses is said, with its number


@given(spread_datasets, st.sampled_from(NAMES))
def test_train_times_belong_to_the_training_events(dataset: Dataset, how: str) -> None:
    split = split_or_reject(dataset, how)
    sequences = split.train.sequences()
    assert split.train_times is not None
    for user, row in zip(sequences.users, range(len(sequences)), strict=True):
        found = split.train_times[sequences.offsets[row] : sequences.offsets[row + 1]].tolist()
        held = user in {*split.validation.histories.users, *split.test.histories.users}
        items = [split.catalogue.items[item] for item in sequences[row]]
        true = [
            t
            for _, item, t in sorted(
                (row for row in dataset.interactions.rows() if row[0] == user),
                key=lambda row: row[2],
            )
            if not (how.startswith("cross-domain") and held and item >= "i3")
            and not (split.cold is not None and int(split.catalogue.index_of(item)) in split.cold)
        ]
        assert found == true[: len(found)]
        events = dataset.interactions.filter(user=user).rows()
        assert all((user, i, t) in events for i, t in zip(items, found, strict=True))


@given(spread_datasets, st.sampled_from(NAMES), st.data())
def test_a_training_sequence_that_reaches_a_target_is_caught(
    dataset: Dataset, how: str, data: st.DataObject
) -> None:
    split = split_or_reject(dataset, how)
    case = data.draw(st.integers(0, len(split.test) - 1))
    taken = split.test.take(np.array([case]))
    user = taken.histories.users[0]
    trained = split.train.histories.users
    rest = split.train.take(np.array([i for i, u in enumerate(trained) if u != user], dtype=int))
    joined = Cases(
        Histories(
            np.concatenate([rest.histories.items, taken.histories.items]),
            np.concatenate(
                [rest.histories.offsets, taken.histories.offsets[1:] + len(rest.histories.items)]
            ),
            [*rest.histories.users, user],
        ),
        np.concatenate([rest.targets, taken.targets]),
    )
    with pytest.raises(LeakageError):
        check_leakage(replace(split, train=joined), dataset)


def tiny() -> Dataset:
    return dataset_of([(u, (u + t) % 5, 10 * t + u) for u in range(12) for t in range(5)])


def test_validation_that_knows_the_test_target_is_caught() -> None:
    dataset = tiny()
    split = make_split(dataset, "leave-one-out")
    with pytest.raises(LeakageError, match=r"leave-one-out: validation holds the test target"):
        check_leakage(replace(split, validation=split.test), dataset)


def test_a_history_that_is_not_the_users_is_caught() -> None:
    dataset = tiny()
    split = make_split(dataset, "leave-one-out")
    items = split.test.histories.items.copy()
    items[7] = (items[7] + 1) % split.n_items
    histories = replace(split.test.histories, items=items)
    with pytest.raises(LeakageError, match=r"leave-one-out test: the events of 'u1' are not how"):
        check_leakage(replace(split, test=Cases(histories, split.test.targets)), dataset)


def test_two_cases_of_one_user_are_caught() -> None:
    dataset = tiny()
    split = make_split(dataset, "leave-one-out")
    twice = split.test.take(np.array([0, 0]))
    with pytest.raises(LeakageError, match=r"a user has two test cases"):
        check_leakage(replace(split, test=twice), dataset)


def test_a_held_out_user_in_training_is_caught() -> None:
    dataset = tiny()
    split = make_split(dataset, "user-holdout")
    whole = make_split(dataset, "leave-one-out").train
    with pytest.raises(LeakageError, match=r"user-holdout: user 'u\d+' is in both train and"):
        check_leakage(replace(split, train=whole), dataset)


def test_training_events_after_the_cut_are_caught() -> None:
    dataset = tiny()
    split = make_split(dataset, "temporal")
    first = split.test.take(np.arange(1))
    whole = make_split(dataset, "leave-one-out").test
    others = [i for i, u in enumerate(whole.histories.users) if u not in first.histories.users]
    leaking = replace(
        split,
        train=whole.take(np.array(others)),  # other users' events of the tested period
        validation=first.take(np.array([], dtype=int)),
        test=first,
    )
    with pytest.raises(LeakageError, match=r"temporal: train has an event at \d+, test a target"):
        check_leakage(leaking, dataset)


def test_every_split_says_what_it_is() -> None:
    dataset = tiny()
    assert {parse_split(how).kind for how in NAMES} == set(SPLITS) - {UPDATE} == set(FORMS)
    notes = {how: " ".join(make_split(dataset, how).notes) for how in NAMES}
    assert all("leak" in notes[how] for how in NAMES if how != "temporal")
    assert "Global temporal split: training ends before" in notes["temporal"]
    assert all(make_split(dataset, how).name == how for how in NAMES)


def test_seeds_draw_other_users() -> None:
    dataset = dataset_of([(u, t, t) for u in range(50) for t in range(3)])
    drawn = [make_split(dataset, "user-holdout", seed).test.histories.users for seed in range(5)]
    assert len(set(map(tuple, drawn))) == 5


def test_fewer_users_may_be_tested_and_it_is_said() -> None:
    dataset = dataset_of([(u, t, t) for u in range(50) for t in range(3)])
    whole = make_split(dataset, "leave-one-out", 1)
    few = make_split(dataset, "leave-one-out", 1, test_users=9)
    assert len(few.test) == 9
    assert per_user(few.test).items() <= per_user(whole.test).items()
    assert (
        few.test.histories.users == make_split(dataset, "leave-one-out", 1, 9).test.histories.users
    )
    assert (
        few.test.histories.users != make_split(dataset, "leave-one-out", 2, 9).test.histories.users
    )
    assert len(few.train) == len(whole.train)
    assert few.notes[-1] == "9 of 50 users are tested, drawn at random (seed 1)."
    assert make_split(dataset, "leave-one-out", 1, test_users=99).notes == whole.notes


def test_unknown_split_and_data_without_times() -> None:
    with pytest.raises(ConfigError, match=r"no split 'random'; there are: leave-one-out"):
        make_split(tiny(), "random")
    with pytest.raises(DataError, match=r"an order but no times.*use --split leave-one-out"):
        make_split(replace(tiny(), has_clock=False), "temporal")
    frozen = dataset_of([(u, t, 5) for u in range(9) for t in range(4)])
    with pytest.raises(DataError, match=r"pile up so that they cannot be cut"):
        make_split(frozen, "temporal")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (881250949, "1997-12-04 15:55 UTC"),
        (881250949_000, "1997-12-04 15:55 UTC"),
        (881250949_000_000, "1997-12-04 15:55 UTC"),
        (17, "17"),
    ],
)
def test_times_as_people_read_them(time: int, expected: str) -> None:
    assert date(time) == expected
