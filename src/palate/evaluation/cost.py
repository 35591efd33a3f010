"""What a result costs: seconds, memory, latency, floating-point operations."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

INTERVAL = 0.01  # seconds between two looks at the memory


class Meter:
    """Measures what happens inside a ``with`` block.

    Memory is the resident set of this process, looked at a hundred times a second by a thread;
    a peak of a few milliseconds can escape it. Child processes are not counted. What libraries
    hold back from earlier work and use again is in the baseline, and so missing from
    :attr:`peak_bytes`: where two methods run in one process, compare
    :attr:`peak_bytes_absolute` too.

    Attributes:
        seconds: wall-clock time.
        baseline_bytes: resident memory on entry.
        peak_bytes_absolute: highest resident memory.
        cuda_peak_bytes: highest memory allocated on the current GPU, or None without one. Blocks
            must not be nested for this one: each starts the count anew.
    """

    seconds: float
    baseline_bytes: int
    peak_bytes_absolute: int
    cuda_peak_bytes: int | None

    @property
    def peak_bytes(self) -> int:
        """Highest resident memory above that on entry."""
        return self.peak_bytes_absolute - self.baseline_bytes

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._done = threading.Event()
        self._cuda = torch.cuda.is_available()
        if self._cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self.baseline_bytes = self.peak_bytes_absolute = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, name="palate-meter", daemon=True)
        self._thread.start()
        self._start = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._cuda:
            torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self._start
        self._done.set()
        self._thread.join()
        self._look()
        self.cuda_peak_bytes = torch.cuda.max_memory_allocated() if self._cuda else None

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL):
            self._look()

    def _look(self) -> None:
        self.peak_bytes_absolute = max(self.peak_bytes_absolute, self._process.memory_info().rss)


@dataclass(frozen=True)
class Latency:
    """Milliseconds of single calls.

    Attributes:
        p50_ms: half of the calls took at most this.
        p99_ms: 99 in 100 took at most this.
        calls: how many were timed.
    """

    p50_ms: float
    p99_ms: float
    calls: int


def latency(
    call: Callable[[], Any], n: int = 200, warm_up: int = 10, limit: float | None = None
) -> Latency:
    """Time *n* calls one by one, after *warm_up* calls that are not counted.

    Args:
        limit: seconds after which it is enough, warming up or timing; one call each is made in
            any case.
    """
    if n < 1:
        raise ValueError(f"at least one call must be timed, not {n}")
    _repeat(call, warm_up, limit)
    seconds = _repeat(call, n, limit)
    p50, p99 = np.quantile(np.array(seconds) * 1000, [0.5, 0.99], method="inverted_cdf")
    return Latency(float(p50), float(p99), len(seconds))


def _repeat(call: Callable[[], Any], n: int, limit: float | None) -> list[float]:
    """Seconds of each of at most *n* calls."""
    seconds: list[float] = []
    while len(seconds) < n and not (seconds and limit is not None and sum(seconds) >= limit):
        _synchronize()
        start = time.perf_counter()
        call()
        _synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def flops(call: Callable[[], Any]) -> int:
    """Floating-point operations of the matrix products, convolutions and attention of a call.

    An addition and a multiplication count as two. Element-wise operations are not counted, and
    causal attention counts in full, half of it masked, as is the custom of the field.
    """
    with FlopCounterMode(display=False, custom_mapping=_cpu_attention()) as counter:
        call()
    return int(counter.get_total_flops())


def _cpu_attention() -> dict[Any, Any]:
    """Torch counts the attention kernels of GPUs only, and would call that of CPUs free."""
    aten = torch.ops.aten
    return {
        aten._scaled_dot_product_flash_attention_for_cpu: _forward,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward,
    }


def _forward(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)
