"""How much anyone may ask for: a token bucket for each caller."""

from __future__ import annotations

import math
import threading
import time

CALLERS = 10_000  # that are remembered at once


class Rate:
    """So many requests a second for each caller, and twice as many at once after a pause."""

    def __init__(self, per_second: float) -> None:
        """
        Args:
            per_second: 0 does not limit.
        """
        self._rate = per_second
        self._burst = max(1.0, 2 * per_second)
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted
        self._lock = threading.Lock()

    def wait(self, caller: str, now: float | None = None) -> int:
        """Seconds after which the caller may come again; 0 lets the request through."""
        if not self._rate:
            return 0
        now = time.monotonic() if now is None else now
        with self._lock:
            left, then = self._left.pop(caller, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._rate)
            allowed = left >= 1
            self._left[caller] = (left - 1 if allowed else left, now)
            while len(self._left) > CALLERS:  # who came longest ago has a full bucket anyway
                del self._left[next(iter(self._left))]
        return 0 if allowed else max(1, math.ceil((1 - left) / self._rate))
