"""Training data for models that read what was touched and liked, and are asked about items.

Legend: b batch, l length, q questions of a batch. Sequences are padded on the left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from palate.data.questions import Questions
from palate.training.next_item import AskedWindows


@dataclass(frozen=True)
class LikedWindow:
    """A window of events, and questions at some of them.

    Attributes:
        items: [w] events; the last is no input, only asked about.
        liked: [w] whether they were liked.
        asked_at: [q] position in the window of the event that is, or would be, next.
        asked: [q] items asked about.
        answers: [q] whether they were liked.
    """

    items: np.ndarray
    liked: np.ndarray
    asked_at: np.ndarray
    asked: np.ndarray
    answers: np.ndarray


class LikedWindows(Dataset):
    """Questions grouped into windows of ``length`` inputs, each question once."""

    def __init__(self, questions: Questions, length: int) -> None:
        self.windows = AskedWindows(questions.sequences, questions.places, length)
        self.questions = questions.take(np.argsort(questions.places, kind="stable"))
        spans = np.array(self.windows.spans, dtype=np.int64).reshape(-1, 2)
        # Of a window, all events but the first can be asked about.
        self._first = np.searchsorted(self.questions.places, spans[:, 0] + 1)
        self._last = np.searchsorted(self.questions.places, spans[:, 1])
        self.lengths = self._last - self._first

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> LikedWindow:
        start, end = self.windows.spans[index]
        mine = slice(self._first[index], self._last[index])
        sequences, questions = self.questions.sequences, self.questions
        items = sequences.items[start:end]
        flags = sequences.liked
        return LikedWindow(
            items,
            np.ones(len(items), dtype=bool) if flags is None else flags[start:end],
            questions.places[mine] - start,
            questions.items[mine],
            questions.liked[mine],
        )


def liked_windows(pad: int) -> Callable[[list[LikedWindow]], dict[str, torch.Tensor]]:
    """Collation: ``items`` and ``liked`` [b, l]; ``where`` [q] positions in them, flattened;
    ``asked`` [q] items; ``labels`` [q] 1 where liked."""

    def collate(windows: list[LikedWindow]) -> dict[str, torch.Tensor]:
        length = max(len(window.items) for window in windows) - 1
        items = np.full((len(windows), length), pad, dtype=np.int64)
        liked = np.zeros((len(windows), length), dtype=np.int64)
        where = []
        for row, window in enumerate(windows):
            n = len(window.items) - 1
            items[row, length - n :] = window.items[:-1]
            liked[row, length - n :] = window.liked[:-1]
            # What is asked about an event is answered after the one before it.
            where.append(row * length + length - n + window.asked_at - 1)
        several = {
            "where": np.concatenate(where),
            "asked": np.concatenate([window.asked for window in windows]),
            "labels": np.concatenate([window.answers for window in windows]).astype(np.int64),
        }
        return {
            name: torch.from_numpy(value)
            for name, value in {"items": items, "liked": liked, **several}.items()
        }

    return collate
