"""Seconds, memory, latency and operations, on work whose cost is known."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from palate.evaluation.cost import Meter, flops, latency

MEGABYTE = 2**20


def test_meter_sees_memory_that_is_gone_at_the_end() -> None:
    with Meter() as meter:
        block = np.ones(200 * MEGABYTE // 8)
        time.sleep(0.1)
        del block
    assert meter.seconds >= 0.1
    assert meter.peak_bytes >= 150 * MEGABYTE
    assert meter.peak_bytes_absolute == meter.peak_bytes + meter.baseline_bytes
    assert meter.baseline_bytes > 10 * MEGABYTE


def test_meter_subtracts_what_was_there_before() -> None:
    kept = np.ones(200 * MEGABYTE // 8)
    with Meter() as meter:
        time.sleep(0.05)
    assert len(kept)
    assert 0 <= meter.peak_bytes < 100 * MEGABYTE
    assert meter.peak_bytes_absolute > 200 * MEGABYTE


def test_meter_ends_its_thread_when_the_work_fails() -> None:
    meter = Meter()
    with pytest.raises(RuntimeError, match="no luck"), meter:
        raise RuntimeError("no luck")
    assert meter.seconds >= 0
    assert not [t for t in threading.enumerate() if t.name == "palate-meter"]


def test_meter_reads_the_gpu_where_there_is_one() -> None:
    with Meter() as meter:
        if torch.cuda.is_available():
            torch.ones(32 * MEGABYTE, dtype=torch.uint8, device="cuda")
    if torch.cuda.is_available():
        assert meter.cuda_peak_bytes >= 32 * MEGABYTE
    else:
        assert meter.cuda_peak_bytes is None


def test_latency_leaves_out_the_warm_up() -> None:
    pauses = iter([0.2] * 3 + [0.002] * 20)
    timed = latency(lambda: time.sleep(next(pauses)), n=20, warm_up=3)
    assert 2 <= timed.p50_ms <= timed.p99_ms
    assert timed.p50_ms < 100
    assert timed.calls == 20
    assert next(pauses, None) is None
    with pytest.raises(ValueError, match="at least one call"):
        latency(lambda: None, n=0)


def test_latency_ends_when_it_has_lasted_long_enough() -> None:
    calls = []
    timed = latency(lambda: calls.append(time.sleep(0.03)), n=1000, warm_up=1000, limit=0.1)
    assert 1 <= timed.calls < 6
    assert len(calls) < 12
    assert latency(lambda: None, n=7, limit=60).calls == 7
    assert latency(lambda: time.sleep(0.01), n=7, limit=0).calls == 1


def test_flops_of_products() -> None:
    layer = torch.nn.Linear(7, 5)
    batch = torch.ones(3, 7)
    forward = 2 * 3 * 7 * 5
    assert flops(lambda: layer(batch)) == forward
    assert flops(lambda: layer(batch).sum().backward()) == 2 * forward  # the inputs need none
    assert flops(lambda: batch + batch) == 0


@pytest.mark.parametrize("learns", [False, True])
def test_flops_of_attention_on_any_device(learns: bool) -> None:
    heads, length, width = 4, 16, 8
    q, k, v = (torch.randn(2, heads, length, width, requires_grad=learns) for _ in range(3))
    forward = 2 * (2 * 2 * heads * length * length * width)
    call = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)  # noqa: E731
    assert flops(call) == forward
    if learns:  # five products backward, one of them the scores once more
        assert flops(lambda: call().sum().backward()) == forward + forward * 5 // 2
