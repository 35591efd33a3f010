"""Recommenders that can be taught: their training, opened up so that teachers can be heard.

Legend: b batch, l length, m instances, c candidates, d width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from palate.data.cases import Histories, Indices, Split
from palate.recommenders.base import FitContext
from palate.training.instances import Instances
from palate.training.next_item import IGNORED, Windows, all_positions

if TYPE_CHECKING:
    from palate.recommenders.instance import InstanceNet
    from palate.recommenders.sequential import SequenceNet


WHO = "sasrec, gru4rec, caser, fm, deepfm, lightgcn, slit and slist"
"""The methods of the house that can be taught, for messages."""


@dataclass(frozen=True)
class Attempt:
    """What a student makes of a batch.

    Attributes:
        loss: its own.
        events: [m] which training event each instance is.
        positives: [m] the item of the event.
        score: rows [r] among the instances and candidates [c] -> [r, c] scores, with gradients.
        states: [m, d] of the histories, where the student has such.
    """

    loss: torch.Tensor
    events: torch.Tensor
    positives: torch.Tensor
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    states: torch.Tensor | None = None


class PupilNet(nn.Module, ABC):
    """A student's net in training."""

    width: int | None = None
    """Of the states, where there are such."""

    @abstractmethod
    def attempt(self, batch: dict[str, torch.Tensor]) -> Attempt:
        """What the net makes of a batch."""


@dataclass(frozen=True)
class Pupil:
    """A student that is to be trained.

    Attributes:
        net: around the recommender's own, untrained.
        data: the training examples; *collate* makes batches of them.
        lengths: [n] events of each example; popularity: [n] mean logarithm of how often its items
            occur in training.
    """

    net: PupilNet
    data: Dataset
    collate: Callable[[list[Any]], dict[str, torch.Tensor]]
    lengths: np.ndarray
    popularity: np.ndarray
    groups: list[dict[str, Any]] | None = None


@runtime_checkable
class Distils(Protocol):
    """A recommender that other recommenders can teach."""

    config: Any

    def pupil(self, split: Split, context: FitContext) -> Pupil:
        """Begin untrained, and give what :func:`~palate.recommenders.distil.taught` trains."""
        ...

    def score(self, histories: Histories) -> np.ndarray:
        """[users, items], of the weights as they are."""
        ...


@runtime_checkable
class LearnsTargets(Protocol):
    """A recommender in closed form, to which other recommenders can say what comes next."""

    config: Any

    def fit_to(self, split: Split, targets: Callable[[Indices], Any]) -> Self:
        """Learn from all training events that others came before.

        Args:
            targets: places of events [m] -> [m, i] what each item is to be foretold with; an
                array, or a sparse one.
        """
        ...


class SequencePupil(PupilNet):
    """A net that learns from all positions of its windows at once."""

    def __init__(self, net: SequenceNet) -> None:
        super().__init__()
        self.net = net
        self.width = net.item_vectors().shape[1]

    def attempt(self, batch: dict[str, torch.Tensor]) -> Attempt:
        states = self.net.states(batch["items"])
        known = batch["labels"] != IGNORED
        mine = states[known]
        return Attempt(
            self.net.loss(states, batch["labels"]),
            batch["events"][known],
            batch["labels"][known],
            lambda rows, candidates: self.net.head(mine[rows])[:, candidates],
            mine,
        )


class InstancePupil(PupilNet):
    """A net that learns from one event at a time."""

    def __init__(self, net: InstanceNet) -> None:
        super().__init__()
        self.net = net

    def attempt(self, batch: dict[str, torch.Tensor]) -> Attempt:
        items = batch["items"]
        return Attempt(
            self.net(**batch)["loss"],
            batch["events"],
            batch["positives"],
            lambda rows, candidates: self.net.logits({"items": items[rows]}, candidates),
        )


class PlacedWindows(Windows):
    """Windows that know which events they hold."""

    def __getitem__(self, index: int) -> np.ndarray:
        """[2, w] items of a window, and their places among all events."""
        start, end = self.spans[index]
        return np.stack([self.sequences.items[start:end], np.arange(start, end)])


def placed_positions(
    pad: int,
) -> Callable[[list[np.ndarray]], dict[str, torch.Tensor]]:
    """Collation as ``all_positions``, with ``events`` [b, l]: the place of each label."""
    every = all_positions(pad)

    def collate(windows: list[np.ndarray]) -> dict[str, torch.Tensor]:
        batch = every([window[0] for window in windows])
        return batch | {"events": every([window[1] for window in windows])["labels"]}

    return collate


def sequence_pupil(
    net: SequenceNet, sequences: Histories, length: int, groups: list[dict[str, Any]] | None
) -> Pupil:
    """A student of windows."""
    data = PlacedWindows(sequences, length)
    spans = np.array(data.spans, dtype=np.int64).reshape(-1, 2)
    sums = np.concatenate([[0.0], np.cumsum(_log_counts(sequences))])
    lengths = spans[:, 1] - spans[:, 0]
    popularity = (sums[spans[:, 1]] - sums[spans[:, 0]]) / lengths
    pad = len(net.item_vectors())
    return Pupil(SequencePupil(net), data, placed_positions(pad), lengths, popularity, groups)


def instance_pupil(net: InstanceNet, data: Instances) -> Pupil:
    """A student of single events."""
    sums = np.concatenate([[0.0], np.cumsum(_log_counts(data.sequences))])
    rows = data.sequences.rows()[data.events]
    starts = data.sequences.offsets[rows]
    lengths = data.events - starts
    popularity = (sums[data.events] - sums[starts]) / lengths
    return Pupil(InstancePupil(net), data, data.collate, lengths, popularity)


def _log_counts(sequences: Histories) -> np.ndarray:
    """[e] for each event the logarithm of how often its item occurs."""
    counts = np.bincount(sequences.items)
    logs: np.ndarray = np.log(counts[sequences.items])
    return logs
