"""Dropout by cheap random numbers is dropout."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.dropout import dropout, dropout_factors


@settings(max_examples=30, deadline=None)
@given(
    p=st.floats(0.001, 0.99),
    rows=st.integers(1, 7),
    columns=st.integers(1, 9),
    half=st.booleans(),
)
def test_each_element_is_dropped_or_scaled(p: float, rows: int, columns: int, half: bool) -> None:
    x = torch.ones(rows, columns, dtype=torch.bfloat16 if half else torch.float32)
    found = dropout(x, p, training=True)
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    scale = torch.tensor(1 / (1 - round(p * 2**16) / 2**16)).to(x.dtype).item()
    assert set(found.unique().tolist()) <= {0.0, scale}
    assert dropout(x, p, training=False) is x


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_as_many_are_dropped_as_are_asked_for(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = dropout(torch.ones(500_003, dtype=dtype), p, training=True)
    assert (found == 0).float().mean().item() == pytest.approx(p, abs=0.003)
    assert found.float().mean().item() == pytest.approx(1, abs=0.02)


def test_the_ends_drop_nothing_and_all() -> None:
    x = torch.rand(3, 5)
    assert dropout(x, 0, training=True) is x
    assert not dropout(x, 1, training=True).any()


def test_the_seed_decides() -> None:
    x = torch.ones(100)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(dropout_factors(x, 0.5))
    assert torch.equal(draws[0], draws[1])  # type: ignore[arg-type]
    assert not torch.equal(draws[0], draws[2])  # type: ignore[arg-type]
