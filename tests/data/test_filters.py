"""Filters: what stays is what the rule says, and nothing goes without being counted."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from palate.data.filters import Events

Row = tuple[str, str, int, float | None]


def rows_of(raw: bytes) -> list[Row]:
    """Three bytes an event; few values each, so that equal ones are common."""
    ratings = (None, 1.0, 2.5, 4.0)
    return [
        ("abcdef"[user % 6], "uvwxyz"[item % 6], time % 6, ratings[time // 6 % 4])
        for user, item, time in zip(raw[::3], raw[1::3], raw[2::3], strict=False)
    ]


rows = st.binary(min_size=3, max_size=180).map(rows_of)


def events_of(given_rows: list[Row]) -> Events:
    schema = {"user": pl.String, "item": pl.String, "time": pl.Int64, "rating": pl.Float64}
    return Events(pl.DataFrame(given_rows, schema=schema, orient="row"))


@given(rows, st.integers(1, 4))
def test_k_core_is_the_largest_table_that_holds_the_rule(given_rows: list[Row], k: int) -> None:
    expected = list(given_rows)
    while True:
        users, items = Counter(r[0] for r in expected), Counter(r[1] for r in expected)
        left = [r for r in expected if users[r[0]] >= k and items[r[1]] >= k]
        if len(left) == len(expected):
            break
        expected = left
    events = events_of(given_rows)
    events.keep(events.k_core(k), "k-core", "")
    assert events.table.rows() == expected


@given(rows)
def test_last_of_pairs_keeps_one_event_per_pair_the_newest(given_rows: list[Row]) -> None:
    newest: dict[tuple[str, str], int] = {}
    for position, (user, item, time, _) in enumerate(given_rows):
        best = newest.get((user, item))
        if best is None or time >= given_rows[best][2]:  # of equal times the later row
            newest[user, item] = position
    events = events_of(given_rows)
    events.keep(events.last_of_pairs(), "duplicates", "")
    assert events.table.rows() == [given_rows[i] for i in sorted(newest.values())]


@given(rows, st.sampled_from([0.0, 2.5, 5.0]))
def test_rated_drops_low_and_missing_ratings(given_rows: list[Row], least: float) -> None:
    events = events_of(given_rows)
    events.keep(events.rated(least), "min rating", "")
    expected = [r for r in given_rows if r[3] is not None and r[3] >= least]
    assert events.table.rows() == expected


@given(rows, st.integers(1, 7), st.integers(0, 3))
def test_some_users_keep_all_of_their_events(given_rows: list[Row], n: int, seed: int) -> None:
    events = events_of(given_rows)
    events.keep(events.of_some_users(n, seed), "users", "")
    drawn = {row[0] for row in events.table.rows()}
    assert len(drawn) == min(n, len({row[0] for row in given_rows}))
    assert events.table.rows() == [row for row in given_rows if row[0] in drawn]
    again = events_of(given_rows)
    assert again.of_some_users(n, seed).sum() == len(events)


@given(rows, st.integers(2, 3))
def test_steps_add_up(given_rows: list[Row], k: int) -> None:
    events = events_of(given_rows)
    events.record("read", "")
    events.keep(events.rated(2.0), "min rating", "")
    events.keep(events.last_of_pairs(), "duplicates", "")
    events.keep(events.k_core(k), "k-core", "")
    for before, after in zip(events.steps, events.steps[1:], strict=False):
        assert before.events - after.dropped_events == after.events
    last = events.steps[-1]
    assert last.events == len(events)
    assert last.users == events.table["user"].n_unique()
    assert last.items == events.table["item"].n_unique() == len(events.items)
