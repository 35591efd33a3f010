"""Histories and cases against plain lists."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories

# Bytes are cheap to draw: each run of them is one history of items.
lists = st.lists(st.binary(max_size=6), max_size=8).map(lambda runs: [list(run) for run in runs])


@given(lists)
def test_histories_are_the_lists_they_were_made_of(given_lists: list[list[int]]) -> None:
    histories = Histories.of(given_lists, [str(i) for i in range(len(given_lists))])
    assert [one.tolist() for one in histories] == given_lists
    assert histories.lengths.tolist() == [len(one) for one in given_lists]
    rows = [row for row, one in enumerate(given_lists) for _ in one]
    assert histories.rows().tolist() == rows


@given(lists, st.data())
def test_take_picks_in_order_and_may_repeat(
    given_lists: list[list[int]], data: st.DataObject
) -> None:
    users = [str(i) for i in range(len(given_lists))]
    histories = Histories.of(given_lists, users)
    positions = range(len(given_lists))
    which = data.draw(
        st.lists(st.sampled_from(positions), max_size=10) if positions else st.just([])
    )
    taken = histories.take(np.array(which, dtype=np.int64))
    assert [one.tolist() for one in taken] == [given_lists[i] for i in which]
    assert taken.users == [users[i] for i in which]


@given(lists, st.data())
def test_spans_are_slices(given_lists: list[list[int]], data: st.DataObject) -> None:
    stops = [data.draw(st.integers(0, len(one))) for one in given_lists]
    starts = [data.draw(st.integers(0, stop)) for stop in stops]
    histories = Histories.of(given_lists)
    found = histories.spans(
        np.arange(len(given_lists)),
        np.array(starts, dtype=np.int64),
        np.array(stops, dtype=np.int64),
    )
    expected = [one[a:b] for one, a, b in zip(given_lists, starts, stops, strict=True)]
    assert [one.tolist() for one in found] == expected


@given(lists, st.integers(1, 5))
def test_newest_are_the_last(given_lists: list[list[int]], most: int) -> None:
    found = Histories.of(given_lists).newest(most)
    assert [one.tolist() for one in found] == [one[-most:] for one in given_lists]


@given(lists, st.integers(1, 5))
def test_padded_keeps_the_newest_on_the_right(given_lists: list[list[int]], length: int) -> None:
    matrix = Histories.of(given_lists).padded(length, pad=300)
    for row, one in zip(matrix.tolist(), given_lists, strict=True):
        assert row == ([300] * length + one)[-length:]


@given(lists)
def test_sequences_append_the_target(given_lists: list[list[int]]) -> None:
    targets = np.arange(len(given_lists)) + 500
    cases = Cases(Histories.of(given_lists), targets)
    found = [one.tolist() for one in cases.sequences()]
    assert found == [[*one, 500 + i] for i, one in enumerate(given_lists)]
