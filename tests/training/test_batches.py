"""Laws of the order and the sharing of training examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.training.batches import SharedBatches


@dataclass(frozen=True)
class Case:
    """What makes an order."""

    n: int
    batch_size: int
    seed: int
    processes: int
    lengths: np.ndarray | None

    def batches(self, process: int, epoch: int = 0) -> SharedBatches:
        shared = SharedBatches(
            self.n, self.batch_size, self.seed, process, self.processes, self.lengths
        )
        shared.epoch = epoch
        return shared

    def whole(self, epoch: int = 0) -> list[list[list[int]]]:
        """Of every batch, the share of every process."""
        shares = [list(self.batches(process, epoch)) for process in range(self.processes)]
        return [list(batch) for batch in zip(*shares, strict=True)]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    processes = draw(st.integers(1, 4))
    n = draw(st.integers(processes, 60))
    batch_size, seed = draw(st.integers(1, 9)), draw(st.integers(0, 5))
    sizes = st.lists(st.integers(1, 7), min_size=n, max_size=n)
    lengths = draw(st.none() | sizes.map(np.array))
    return Case(n, batch_size, seed, processes, lengths)


@given(cases(), st.integers(0, 3))
def test_every_example_once_an_epoch(case: Case, epoch: int) -> None:
    seen = [example for batch in case.whole(epoch) for share in batch for example in share]
    assert sorted(seen) == list(range(case.n))


@given(cases(), st.integers(0, 3))
def test_every_process_has_something_of_every_batch(case: Case, epoch: int) -> None:
    batches = case.whole(epoch)
    assert all(len(case.batches(process)) == len(batches) for process in range(case.processes))
    for batch in batches:
        sizes = [len(share) for share in batch]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= max(case.batch_size, 2)


@given(cases())
def test_an_order_is_of_seed_and_epoch_alone(case: Case) -> None:
    walked = case.batches(0)
    for epoch in range(3):  # one that has lived through the epochs, and one new to each
        walked.epoch = epoch
        assert list(walked) == list(case.batches(0, epoch))


@given(cases())
def test_processes_share_what_one_would_see(case: Case) -> None:
    if case.n % (case.batch_size * case.processes) not in range(1, case.processes):
        alone = Case(case.n, case.batch_size * case.processes, case.seed, 1, case.lengths)
        together = [
            sorted(example for share in batch for example in share) for batch in case.whole()
        ]
        assert together == [sorted(batch) for (batch,) in alone.whole()]


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = {
        str(Case(50, 8, seed, 1, lengths).whole(epoch))
        for seed in range(3)
        for epoch in range(3)
        for lengths in (None, np.arange(50) % 4)
    }
    assert len(orders) == 18


def test_like_lengths_share_a_batch() -> None:
    lengths = np.random.default_rng(0).permutation(np.repeat([3, 10, 50], 16))
    batches = Case(48, 8, 0, 1, lengths).whole()
    found = [set(lengths[batch].tolist()) for (batch,) in batches]
    assert all(len(one) == 1 for one in found)
    assert [min(one) for one in found] != sorted(min(one) for one in found)  # not short to long


def test_fewer_examples_than_processes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 training examples are too few for 4 processes"):
        SharedBatches(3, 8, 0, 0, 4)
