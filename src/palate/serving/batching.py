"""Requests that come while the model is busy are answered together.

Who comes first scores at once, without waiting for company. Those who come meanwhile line up; when
the model is free again, the first in line scores for as many of them as fit in a batch. A lone
client loses nothing, and under load a language model reads many prompts in one pass.

Legend: n histories, d columns of what the model gives.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.data.cases import Histories
from palate.errors import PalateError

Rows = npt.NDArray[np.floating[Any]]


class DeadlineError(PalateError):
    """The time that a request had is over before the model came to it."""


class _Job:
    """Histories that somebody waits for."""

    __slots__ = ("histories", "leads", "result", "woken")

    def __init__(self, histories: Histories) -> None:
        self.histories = histories
        self.woken = threading.Event()
        self.leads = False  # it is this one's turn to score
        self.result: Rows | Exception | None = None


class Batched:
    """A function of histories that many threads call and one at a time runs."""

    def __init__(self, work: Callable[[Histories], Rows], most: int) -> None:
        """
        Args:
            work: [n] histories -> [n, d].
            most: histories in one batch.
        """
        self._work, self._most = work, max(1, most)
        self._lock = threading.Lock()
        self._line: deque[_Job] = deque()
        self._busy = False
        self.batches: Callable[[int], None] = lambda n: None
        """Told the size of each batch."""

    def __call__(self, histories: Histories, deadline: float | None = None) -> Rows:
        """[n, d] what the function gives for these histories.

        Args:
            deadline: of ``time.monotonic()``, when nobody waits any more; 0 waits for nobody.

        Raises:
            DeadlineError: the model was busy until then.
        """
        if len(histories) > self._most:
            starts = range(0, len(histories), self._most)
            parts = [_slice(histories, at, at + self._most) for at in starts]
            return np.concatenate([self(part, deadline) for part in parts])
        job = _Job(histories)
        with self._lock:
            leads, self._busy = not self._busy, True
            if not leads:
                self._line.append(job)
        if not leads and not self._wait(job, deadline):
            raise DeadlineError("the model is busy and the request ran out of time; try again")
        if leads or job.leads:
            self._lead(job)
        if isinstance(job.result, Exception):
            raise job.result
        assert job.result is not None
        return job.result

    def _wait(self, job: _Job, deadline: float | None) -> bool:
        """Until it is scored or leads; False where that came too late."""
        if job.woken.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
            return True
        with self._lock:
            if job in self._line:
                self._line.remove(job)
                return False
        return job.leads or job.result is not None  # it was just its turn

    def _lead(self, own: _Job) -> None:
        batch, rows = [own], len(own.histories)
        with self._lock:
            while self._line and rows + len(self._line[0].histories) <= self._most:
                batch.append(self._line.popleft())
                rows += len(batch[-1].histories)
        try:
            self._score(batch)
        finally:
            with self._lock:
                following = self._line.popleft() if self._line else None
                self._busy = following is not None
            if following is not None:
                following.leads = True
                following.woken.set()
            for job in batch[1:]:
                job.woken.set()

    def _score(self, batch: Sequence[_Job]) -> None:
        self.batches(sum(len(job.histories) for job in batch))
        try:
            whole = self._work(joined([job.histories for job in batch]))
            at = 0
            for job in batch:
                job.result = whole[at : at + len(job.histories)]
                at += len(job.histories)
        except Exception as error:
            if len(batch) == 1:
                batch[0].result = error
                return
            for job in batch:  # one that fails does not take the others with it
                self._score([job])


def joined(several: Sequence[Histories]) -> Histories:
    """All of them, one after another. Where some say what was liked, the others liked it all."""
    if len(several) == 1:
        return several[0]
    items = np.concatenate([one.items for one in several])
    lengths = np.concatenate([one.lengths for one in several])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    liked = None
    if any(one.liked is not None for one in several):
        flags = [np.ones(len(o.items), dtype=bool) if o.liked is None else o.liked for o in several]
        liked = np.concatenate(flags)
    return Histories(items, offsets, [], liked)


def _slice(histories: Histories, start: int, stop: int) -> Histories:
    return histories.take(np.arange(start, min(stop, len(histories))))
