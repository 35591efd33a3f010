"""The low-rank layer computes what peft's does, in fewer passes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft.tuners.lora import Linear

from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone
from palate.language.low_rank import low_rank


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    rows=st.integers(1, 5),
    into=st.integers(1, 6),
    out=st.integers(1, 6),
    rank=st.integers(1, 3),
    scale=st.floats(0.1, 4),
    biased=st.booleans(),
)
def test_it_is_the_layer_with_its_update_forwards_and_backwards(
    seed: int, rows: int, into: int, out: int, rank: int, scale: float, biased: bool
) -> None:
    """Against autograd through the plain formula."""
    draw = torch.Generator().manual_seed(seed)
    shapes = [(2, rows, into), (rank, into), (out, rank)]
    x, down, up = (
        torch.randn(shape, generator=draw, dtype=torch.float64, requires_grad=True)
        for shape in shapes
    )
    weight = torch.randn(out, into, generator=draw, dtype=torch.float64)
    bias = torch.randn(out, generator=draw, dtype=torch.float64) if biased else None
    asked = torch.randn(2, rows, out, generator=draw, dtype=torch.float64)

    plain = torch.nn.functional.linear(x, weight, bias) + scale * (x @ down.T @ up.T)
    expected = torch.autograd.grad(plain, (x, down, up), asked)
    found = low_rank(x, weight, bias, down, up, scale)
    gradients = torch.autograd.grad(found, (x, down, up), asked)

    torch.testing.assert_close(found, plain)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_dropout_falls_on_the_update_alone_and_its_gradients_agree() -> None:
    """What is dropped forwards is dropped backwards; the mean is that of no dropout."""
    torch.manual_seed(0)
    x = torch.randn(40, 30, dtype=torch.float64, requires_grad=True)
    weight = torch.zeros(30, 30, dtype=torch.float64)
    down = up = torch.eye(30, dtype=torch.float64, requires_grad=True)

    found = low_rank(x, weight, None, down, up, 1.0, p=0.5)
    (back,) = torch.autograd.grad(found.sum(), x)

    factors = (found / x).detach()
    assert set(factors.round(decimals=3).unique().tolist()) == {0.0, 2.0}
    torch.testing.assert_close(back, factors)
    means = torch.stack([low_rank(x, weight, None, down, up, 1.0, p=0.5) for _ in range(400)])
    assert (means.mean(0) / x).mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("half", [False, True])
def test_a_model_learns_as_with_peft_itself(
    tiny: Backbone, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and gradients of a whole model, its layers computed by peft and here."""
    tiny.adapters.add("one", AdapterConfig(dropout=0), seed=1)
    own = tiny.adapters.tensors("one")
    for number, tensor in enumerate(own.values()):
        torch.nn.init.normal_(tensor, std=0.05, generator=torch.Generator().manual_seed(number))
    tiny.model.train()
    ids = torch.arange(3, 15).view(2, 6)

    def learned() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = tiny.model(input_ids=ids, labels=ids).loss
        return loss.detach(), torch.autograd.grad(loss, list(own.values()))

    loss, gradients = learned()
    for layer in tiny.model.modules():
        if isinstance(layer, Linear):
            monkeypatch.delattr(layer, "forward")
    by_peft, expected = learned()

    near = 0.03 if half else 1e-5
    assert loss.item() == pytest.approx(by_peft.item(), rel=near)
    for one, other in zip(gradients, expected, strict=True):
        assert one.any()
        assert (one - other).norm() <= near * other.norm()
