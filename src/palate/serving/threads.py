"""How many threads a model's arithmetic is spread over.

They are woken anew for each request, beside those that read requests and write answers: a small
net waits for them longer than it gains.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from palate.serving.engine import Engine

GAIN = 1.3  # times as fast that all threads together must be, at least, beside one
LARGE = 0.005  # seconds for one history, from which on batches are worth all threads


def choose(engines: Sequence[Engine], wanted: int | None = None) -> int:
    """Set, and give, the number of threads that answers one history soonest.

    Args:
        engines: that answer; where there are none, torch keeps its own number.
        wanted: this many; None tries one, and as many as torch would take.
    """
    most = wanted or torch.get_num_threads()
    torch.set_num_threads(most)
    together = _seconds(engines)
    if wanted is None and engines and most > 1 and together < LARGE:
        torch.set_num_threads(1)
        if GAIN * together < _seconds(engines):
            torch.set_num_threads(most)
            _seconds(engines)
    return torch.get_num_threads()


def _seconds(engines: Sequence[Engine]) -> float:
    """For one history, all engines one after another."""
    return sum(engine.measure() for engine in engines)
