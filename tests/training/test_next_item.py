"""Windows, their collation, and losses against the plainest way to write them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from palate.data.cases import Histories
from palate.training import softmax
from palate.training.next_item import (
    IGNORED,
    Windows,
    all_positions,
    dot_product_loss,
    one_negative_loss,
    softmax_loss,
)

PAD = 1000


@st.composite
def numbered(draw: st.DrawFn) -> Histories:
    """Sequences in which every event has a number of its own."""
    sizes = draw(st.lists(st.integers(0, 17), min_size=1, max_size=8))
    ends = np.cumsum(sizes)
    return Histories.of([list(range(e - n, e)) for n, e in zip(sizes, ends, strict=True)])


@given(numbered(), st.integers(1, 6))
def test_every_event_but_the_first_is_a_label_once(sequences: Histories, length: int) -> None:
    windows = Windows(sequences, length)
    labels = [event for window in windows for event in window[1:].tolist()]
    assert sorted(labels) == [event for one in sequences for event in one[1:].tolist()]


@given(numbered(), st.integers(1, 6))
def test_a_window_is_a_piece_of_one_sequence(sequences: Histories, length: int) -> None:
    windows = Windows(sequences, length)
    owner = sequences.rows()
    for window in windows:
        assert len(set(owner[window].tolist())) == 1
        assert np.all(np.diff(window) == 1)
        assert 2 <= len(window) <= length + 1
    assert windows.lengths.tolist() == [len(window) - 1 for window in windows]


@given(numbered(), st.integers(1, 6))
def test_the_newest_events_share_a_window(sequences: Histories, length: int) -> None:
    windows = [window.tolist() for window in Windows(sequences, length)]
    for one in sequences:
        if len(one) > 1:
            assert one[-length - 1 :].tolist() in windows


@given(st.lists(st.lists(st.integers(0, 99), min_size=2, max_size=9), min_size=1, max_size=7))
def test_collation_is_as_long_as_the_longest_window_and_aligned(lists: list[list[int]]) -> None:
    batch = all_positions(PAD)([np.array(window) for window in lists])
    length = max(map(len, lists)) - 1
    for window, items, labels in zip(lists, batch["items"], batch["labels"], strict=True):
        padding = length - (len(window) - 1)
        assert items.tolist() == [PAD] * padding + window[:-1]
        assert labels.tolist() == [IGNORED] * padding + window[1:]


def naive(states: torch.Tensor, labels: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """The loss one position at a time."""
    terms = []
    for state, label in zip(states.flatten(0, 1), labels.flatten(), strict=True):
        if label != IGNORED:
            scores = torch.stack([(state * item).sum() for item in items])
            terms.append(scores.exp().sum().log() - scores[label])
    return torch.stack(terms).mean()


def with_gradients(
    loss: object, states: torch.Tensor, labels: torch.Tensor, items: torch.Tensor
) -> list[torch.Tensor]:
    states, items = states.clone().requires_grad_(), items.clone().requires_grad_()
    value = loss(states, labels, items)  # type: ignore[operator]
    (3 * value).backward()
    assert states.grad is not None
    assert items.grad is not None
    return [value.detach(), states.grad, items.grad]


def through_a_head(states: torch.Tensor, labels: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    return softmax_loss(states, labels, lambda state: state @ items.T)


@pytest.mark.parametrize("scores_held", [1, softmax.CPU_SCORES])  # many blocks, and one
@pytest.mark.parametrize("loss", [through_a_head, dot_product_loss])
def test_full_softmax_losses_are_the_naive_one(
    monkeypatch: pytest.MonkeyPatch, loss: object, scores_held: int
) -> None:
    monkeypatch.setattr(softmax, "CPU_SCORES", scores_held)
    random = torch.Generator().manual_seed(0)
    states = torch.randn(5, 9, 4, generator=random)
    items = torch.randn(7, 4, generator=random)
    labels = torch.randint(7, (5, 9), generator=random)
    labels[0, :6] = labels[3] = IGNORED
    expected = with_gradients(naive, states.double(), labels, items.double())
    found = with_gradients(loss, states, labels, items)
    for mine, reference in zip(found, expected, strict=True):
        assert_close(mine.double(), reference, rtol=1e-5, atol=1e-6)


def test_full_softmax_survives_scores_beyond_exp() -> None:
    states = torch.full((1, 1, 2), 40.0)
    items = torch.tensor([[40.0, 40.0], [-40.0, -40.0]])
    for label, expected in ((0, 0.0), (1, 6400.0)):
        found = with_gradients(dot_product_loss, states, torch.tensor([[label]]), items)
        assert found[0].item() == expected
        assert all(torch.isfinite(value).all() for value in found)


def test_the_loss_alone_needs_no_gradients() -> None:
    states, items = torch.ones(1, 3, 2), torch.eye(4, 2)
    labels = torch.tensor([[IGNORED, 1, 3]])
    with torch.no_grad():
        found = dot_product_loss(states, labels, items)
    assert_close(found, naive(states, labels, items))


def test_one_negative_is_any_item_but_the_positive() -> None:
    torch.manual_seed(0)
    drawn = set()
    for _ in range(200):
        items = torch.zeros(5, 3, requires_grad=True)
        one_negative_loss(torch.ones(1, 1, 3), torch.tensor([[2]]), items).backward()
        assert items.grad is not None
        # Down the gradient, the positive's score rises and the negative's falls.
        assert items.grad[2, 0] == -0.5
        (negative,) = (items.grad[:, 0] == 0.5).nonzero().flatten().tolist()
        drawn.add(negative)
    assert drawn == {0, 1, 3, 4}


def test_one_negative_loss_of_a_catalogue_of_two() -> None:
    states = torch.tensor([[[1.0, 2.0], [9.0, 9.0], [0.5, -1.0]]])
    labels = torch.tensor([[0, IGNORED, 1]])
    items = torch.tensor([[0.1, 0.2], [0.3, -0.4]])
    ups, downs = torch.tensor([0.5, 0.55]), torch.tensor([-0.5, -0.15])
    expected = -ups.sigmoid().log().mean() - (-downs).sigmoid().log().mean()
    assert_close(one_negative_loss(states, labels, items), expected)
