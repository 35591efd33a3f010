"""Which examples make a batch: the same for one process as for several."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler


class SharedBatches(Sampler[list[int]]):
    """Shuffled batches of ``batch_size x processes`` examples, shared out over the processes.

    The order depends on seed and epoch alone, so a resumed training sees what an uninterrupted
    one would have seen, and no example is repeated to fill a batch. Every process gets at least
    one example of every batch: where too few are left, the last batch borrows from the one
    before, or joins it where that has none to spare.

    Where the examples' lengths are known, those of like length share a batch, so that little is
    padded; which of them, and which batch comes first, is chance. Batches whose gradients are
    accumulated stay together: their examples are those of one batch of their joint size. What is
    left for less than a whole step comes last, because the Trainer counts batches off into steps.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        seed: int,
        process: int = 0,
        processes: int = 1,
        lengths: np.ndarray | None = None,
        accumulate: int = 1,
    ) -> None:
        if n < processes:
            raise ValueError(f"{n} training examples are too few for {processes} processes")
        self.n, self.seed, self.lengths = n, seed, lengths
        self.process, self.processes = process, processes
        self.step = batch_size * processes * accumulate
        self.accumulate = accumulate
        self.starts = list(range(0, n, batch_size * processes))
        if n - self.starts[-1] < processes:
            if batch_size > 1:
                self.starts[-1] = n - processes
            else:
                del self.starts[-1]
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[list[int]]:
        # Far apart, so that epoch 1 of seed 0 is not epoch 0 of seed 1.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.n, generator=generator)
        if self.lengths is not None:
            order = order[torch.from_numpy(self.lengths)[order].argsort(stable=True)]
        batches = list(zip(self.starts, [*self.starts[1:], self.n], strict=True))
        steps = [batches[i : i + self.accumulate] for i in range(0, len(batches), self.accumulate)]
        if self.lengths is not None:
            rest = [steps.pop()] if self.n % self.step else []
            steps = [steps[i] for i in torch.randperm(len(steps), generator=generator)] + rest
        for start, stop in chain.from_iterable(steps):
            yield order[start:stop][self.process :: self.processes].tolist()


class EpochLoader(DataLoader):
    """A DataLoader over :class:`SharedBatches` that is told the epoch."""

    batch_sampler: SharedBatches

    def set_epoch(self, epoch: int) -> None:
        """Take the order of that epoch from now on."""
        self.batch_sampler.epoch = epoch
