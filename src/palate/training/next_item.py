"""Next-item training data and losses, for every model that reads a sequence of items.

Legend: b batch, l length, d width, i catalogue size. Sequences are padded on the left with index i.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from palate.data.cases import Histories, Indices
from palate.training.softmax import CatalogueCrossEntropy

IGNORED = -100


class Windows(Dataset):
    """Training sequences cut into windows of ``length`` inputs and as many next-item labels.

    Windows are cut from the end of each sequence backwards, so that every event but the first
    is a label exactly once, and the newest events share one window.
    """

    def __init__(self, sequences: Histories, length: int, stride: int | None = None) -> None:
        self.length = length
        self.sequences = sequences
        stride = stride or length
        self.spans: list[tuple[int, int]] = []
        for start, stop in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True):
            end = int(stop)
            while end - start >= 2:
                self.spans.append((max(int(start), end - length - 1), end))
                end -= stride

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def lengths(self) -> np.ndarray:
        """[windows] labels of each window."""
        return np.array([end - start - 1 for start, end in self.spans])

    def __getitem__(self, index: int) -> np.ndarray:
        start, end = self.spans[index]
        return self.sequences.items[start:end]


def all_positions(pad: int) -> Callable[[list[np.ndarray]], dict[str, torch.Tensor]]:
    """Collation for causal models: inputs [b, l] and labels [b, l], every position a target.

    As long as the longest window of the batch, l may be less than the model reads.
    """

    def collate(windows: list[np.ndarray]) -> dict[str, torch.Tensor]:
        length = max(len(window) for window in windows) - 1
        inputs = np.full((len(windows), length), pad, dtype=np.int64)
        labels = np.full((len(windows), length), IGNORED, dtype=np.int64)
        events = np.concatenate(windows)
        sizes = np.array([len(window) for window in windows])
        ends = np.cumsum(sizes)
        rows = np.repeat(np.arange(len(windows)), sizes)
        columns = length - np.repeat(ends, sizes) + np.arange(len(events))  # -1: no label before
        is_label = np.ones(len(events), dtype=bool)
        is_label[ends - sizes] = False
        labels[rows[is_label], columns[is_label]] = events[is_label]
        is_input = np.ones(len(events), dtype=bool)
        is_input[ends - 1] = False
        inputs[rows[is_input], columns[is_input] + 1] = events[is_input]
        return {"items": torch.from_numpy(inputs), "labels": torch.from_numpy(labels)}

    return collate


class AskedWindows(Dataset):
    """Windows of ``length`` inputs in which some events only are labels, each exactly once.

    For training on a period: what happened before it is known, and not learned again.

    Attributes:
        lengths: [windows] labels of each window.
    """

    def __init__(self, sequences: Histories, places: Indices, length: int) -> None:
        """
        Args:
            places: [n] positions in ``sequences.items`` of the events to learn; first events of
                a sequence, which follow nothing, are left out.
        """
        self.length = length
        self.sequences = sequences
        asked = np.unique(places)
        rows = sequences.rows()[asked]
        self.spans: list[tuple[int, int]] = []
        self.asked: list[np.ndarray] = []
        for row in np.unique(rows):
            start, mine = int(sequences.offsets[row]), asked[rows == row]
            while len(mine := mine[mine > start]):
                end = int(mine[-1]) + 1
                begin = max(start, end - length - 1)
                self.spans.append((begin, end))
                self.asked.append(mine[mine > begin] - begin)
                mine = mine[mine <= begin]
        self.lengths = np.array([len(one) for one in self.asked])

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The events of a window, and the positions in it that are labels."""
        start, end = self.spans[index]
        return self.sequences.items[start:end], self.asked[index]


def asked_positions(
    pad: int,
) -> Callable[[list[tuple[np.ndarray, np.ndarray]]], dict[str, torch.Tensor]]:
    """Collation as :func:`all_positions`, with labels where events are asked for."""
    every = all_positions(pad)

    def collate(examples: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, torch.Tensor]:
        batch = every([window for window, _ in examples])
        kept = torch.zeros_like(batch["labels"], dtype=torch.bool)
        for row, (window, asked) in enumerate(examples):
            kept[row, torch.from_numpy(kept.shape[1] - len(window) + asked)] = True
        batch["labels"][~kept] = IGNORED
        return batch

    return collate


def softmax_loss(
    states: torch.Tensor, labels: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Cross-entropy over the whole catalogue, averaged over the labelled positions.

    Args:
        states: [b, l, d] hidden states.
        labels: [b, l] next item, ``IGNORED`` where there is none.
        head: [n, d] -> [n, i] scores; called on labelled positions only.
    """
    known = labels != IGNORED
    return F.cross_entropy(head(states[known]).float(), labels[known])


def dot_product_loss(
    states: torch.Tensor, labels: torch.Tensor, items: torch.Tensor
) -> torch.Tensor:
    """:func:`softmax_loss` where a score is the product of a state and an item vector: faster.

    Args:
        states: [b, l, d] hidden states.
        labels: [b, l] next item, ``IGNORED`` where there is none.
        items: [i, d] item vectors.
    """
    if torch.is_autocast_enabled(states.device.type) or items.dtype != torch.float32:
        return softmax_loss(states, labels, lambda state: state @ items.T)
    known = labels != IGNORED
    loss: torch.Tensor = CatalogueCrossEntropy.apply(states[known].float(), items, labels[known])
    return loss


def one_negative_loss(
    states: torch.Tensor, labels: torch.Tensor, items: torch.Tensor
) -> torch.Tensor:
    """Binary cross-entropy with one uniform negative per position (SASRec, eq. 8).

    Args:
        states: [b, l, d] hidden states.
        labels: [b, l] next item, ``IGNORED`` where there is none.
        items: [i, d] item vectors.
    """
    known = labels != IGNORED
    state, positive = states[known], labels[known]
    # A shift by 1..i-1 is uniform over the items other than the positive.
    shift = torch.randint(1, len(items), positive.shape, device=positive.device)
    negative = (positive + shift) % len(items)
    up = (state * items[positive]).sum(-1)
    down = (state * items[negative]).sum(-1)
    return F.softplus(-up).mean() + F.softplus(down).mean()
