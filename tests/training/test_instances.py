"""One example for each event, and what is drawn against it."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from palate.data.cases import Histories
from palate.training.instances import Instances, distinct, negatives

PAD = 100
ragged = st.lists(st.lists(st.integers(0, 99), max_size=9), min_size=1, max_size=8)


@given(ragged, st.integers(1, 6))
def test_every_event_but_a_users_first_is_an_example(lists: list[list[int]], length: int) -> None:
    sequences = Histories.of(lists)
    found = [
        (instance.history.tolist(), instance.positive, instance.event)
        for instance in Instances(sequences, length, PAD)
    ]
    expected = [
        (one[max(0, place - length) : place], one[place], int(start) + place)
        for one, start in zip(lists, sequences.offsets[:-1], strict=True)
        for place in range(1, len(one))
    ]
    assert found == expected


@given(ragged.filter(lambda lists: max(map(len, lists)) > 1), st.integers(1, 6))
def test_a_batch_is_as_long_as_its_longest_history(lists: list[list[int]], length: int) -> None:
    data = Instances(Histories.of(lists), length, PAD)
    examples = list(data)
    batch = data.collate(examples)
    longest = max(len(example.history) for example in examples)
    for row, (history, _, _) in zip(batch["items"].tolist(), examples, strict=True):
        assert row == [PAD] * (longest - len(history)) + history.tolist()
    assert batch["positives"].tolist() == [example.positive for example in examples]
    assert batch["events"].tolist() == data.events.tolist()
    assert {value.dtype for value in batch.values()} == {torch.int64}


@given(ragged.filter(lambda lists: any(map(len, lists))))
def test_a_row_becomes_a_set(lists: list[list[int]]) -> None:
    histories = Histories.of(lists)
    items = torch.from_numpy(histories.padded(max(map(len, lists)), PAD))
    for row, history in zip(distinct(items, PAD).tolist(), lists, strict=True):
        assert sorted(item for item in row if item != PAD) == sorted(set(history))


def test_negatives_are_all_items_but_the_positive() -> None:
    torch.manual_seed(0)
    drawn = negatives(torch.tensor([2, 0]), 5, 4000)
    counts = [np.bincount(row, minlength=5) for row in drawn.numpy()]
    assert counts[0][2] == counts[1][0] == 0
    assert min(counts[0][[0, 1, 3, 4]].min(), counts[1][1:].min()) > 900
