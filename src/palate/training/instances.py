"""Training examples for models that read a history as a whole: one for each event.

Where a causal model learns from all positions of a sequence in one pass, these have a pass for
each event. Legend: b batch, l length, i catalogue size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from palate.data.cases import Histories, Indices


class Instance(NamedTuple):
    """One event, and what came before it.

    Attributes:
        history: the items of the last events before it, oldest first; at least one.
        positive: the item of the event.
        event: position of the event among all events of the sequences.
    """

    history: Indices
    positive: int
    event: int


class Instances(Dataset[Instance]):
    """Every event of the training sequences that follows another of the same user.

    It has no ``lengths``: batches of like length would pad less, but an example would always
    meet the same kind of others, and some losses compare the examples of a batch.

    Attributes:
        events: [n] positions of the events in ``sequences.items``, in order.
        length: events of a history at most, the newest.
        pad: index that fills up short histories; the size of the catalogue.
    """

    def __init__(self, sequences: Histories, length: int, pad: int) -> None:
        self.sequences, self.length, self.pad = sequences, length, pad
        self.events = sequences.places()
        begin = np.repeat(sequences.offsets[:-1], sequences.lengths)
        self._starts = np.maximum(begin[self.events], self.events - length)

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, index: int) -> Instance:
        event = int(self.events[index])
        items = self.sequences.items
        return Instance(items[self._starts[index] : event], int(items[event]), event)

    def collate(self, instances: list[Instance]) -> dict[str, torch.Tensor]:
        """A batch: ``items`` [b, l] padded on the left, ``positives`` [b] and ``events`` [b].

        As long as the longest history of the batch, l may be less than *length*.
        """
        histories, positives, events = zip(*instances, strict=True)
        lengths = [len(history) for history in histories]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        ragged = Histories(np.concatenate(histories), offsets)
        return {
            "items": torch.from_numpy(ragged.padded(max(lengths), self.pad)),
            "positives": torch.tensor(positives),
            "events": torch.tensor(events),
        }


def distinct(items: torch.Tensor, pad: int) -> torch.Tensor:
    """[b, l] each row as a set: in ascending order, repetitions replaced by *pad*, the largest."""
    items = items.sort(1).values
    again = items[:, 1:] == items[:, :-1]
    return torch.cat([items[:, :1], items[:, 1:].masked_fill(again, pad)], 1)


def negatives(positives: torch.Tensor, n_items: int, number: int) -> torch.Tensor:
    """[b, number] items drawn uniformly from those other than the positive [b] of the row."""
    shape = (len(positives), number)
    shift = torch.randint(1, n_items, shape, device=positives.device)
    return (positives[:, None] + shift) % n_items
