"""Pre-training's losses, held against sums written out by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from palate.training.multi_domain import MultiDomainNet, Views, sequence_item_contrast
from palate.training.next_item import IGNORED

PAD, WIDTH, TEMPERATURE = 9, 4, 0.5


class Table(nn.Module):
    """Items' directions; a state is that of the last item read."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(F.normalize(torch.randn(PAD + 1, WIDTH), dim=-1))

    def vectors(self, items: torch.Tensor) -> torch.Tensor:
        return self.table[items]


def by_hand(table: torch.Tensor, windows: list[list[int]]) -> float:
    """Each label against the labels of other windows that its own window does not hold."""
    labels = {item for window in windows for item in window[1:]}
    terms = []
    for window in windows:
        for last, label in pairwise(window):
            others = [item for item in labels - {label} if item not in window]
            score = {i: torch.exp(table[last] @ table[i] / TEMPERATURE) for i in [label, *others]}
            terms.append(-torch.log(score[label] / torch.stack(list(score.values())).sum()))
    return float(torch.stack(terms).mean().detach())


@given(st.lists(st.lists(st.integers(0, PAD - 1), min_size=2, max_size=5), min_size=1, max_size=5))
def test_what_is_no_negative_is_not_in_the_denominator(windows: list[list[int]]) -> None:
    table = Table()
    batch = Views(PAD, 0.2)([np.array(window) for window in windows])
    loss = sequence_item_contrast(
        table.vectors(batch["items"]),
        batch["items"],
        batch["labels"],
        table.vectors,
        TEMPERATURE,
        PAD,
    )
    assert float(loss.detach()) == pytest.approx(by_hand(table.table, windows), abs=1e-5)


def test_a_batch_without_any_negative_teaches_nothing() -> None:
    table = Table()
    batch = Views(PAD, 0.2)([np.array([1, 2, 3]), np.array([2, 3, 1])])
    loss = sequence_item_contrast(
        table.vectors(batch["items"]), batch["items"], batch["labels"], table.vectors, 0.07, PAD
    )
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)


@given(
    st.lists(st.lists(st.integers(0, PAD - 1), min_size=2, max_size=9), min_size=1, max_size=6),
    st.floats(0, 0.99),
)
def test_a_view_is_a_part_of_the_sequence_in_its_order(
    windows: list[list[int]], drop: float
) -> None:
    batch = Views(PAD, drop)([np.array(window) for window in windows])
    for window, row in zip(windows, batch["view"].tolist(), strict=True):
        kept = [item for item in row if item != PAD]
        assert row == [PAD] * (len(row) - len(kept)) + kept
        assert kept
        rest = iter(window[:-1])
        assert all(item in rest for item in kept)  # each found after the one before


def test_about_the_share_that_is_asked_for_is_dropped() -> None:
    torch.manual_seed(1)
    batch = Views(PAD, 0.2)([np.arange(40) % PAD for _ in range(200)])
    share = float((batch["view"] == PAD).float().mean())
    assert share == pytest.approx(0.2, abs=0.02)
    whole = Views(PAD, 0.0)([np.arange(40) % PAD])
    assert torch.equal(whole["view"], whole["items"])


def test_sequences_that_the_same_item_follows_are_no_negatives_of_each_other() -> None:
    table = Table()
    net = MultiDomainNet(table, table.vectors, table.vectors, PAD, TEMPERATURE, 1.0)
    items = torch.tensor([[0], [1], [2]])
    view = torch.tensor([[3], [4], [5]])
    same = net(items=items, labels=torch.tensor([[7], [7], [8]]), view=view)
    logits = table.table[[0, 1, 2]] @ table.table[[3, 4, 5]].T / TEMPERATURE
    logits[0, 1] = logits[1, 0] = -torch.inf
    assert_close(same["sequence_sequence"], F.cross_entropy(logits, torch.arange(3)))
    assert_close(same["loss"], same["sequence_item"] + same["sequence_sequence"])
    same["loss"].backward()
    assert table.table.grad is not None
    assert torch.isfinite(table.table.grad).all()


def test_padding_is_no_label() -> None:
    table = Table()
    items, labels = torch.tensor([[PAD, 0], [1, 2]]), torch.tensor([[IGNORED, 3], [4, 5]])
    states = table.vectors(items)
    other = states.clone()
    other[0, 0] += 1
    losses = [
        sequence_item_contrast(s, items, labels, table.vectors, 0.1, PAD) for s in (states, other)
    ]
    assert_close(losses[0], losses[1])
