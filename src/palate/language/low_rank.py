"""A linear layer with a low-rank update, in as few passes over memory as it takes.

An update of rank 8 costs little arithmetic. On a CPU, its time goes to memory: dropout, both
products, the scaling and the sum each read and write a tensor as large as what enters or leaves
the layer, forwards and backwards. Here the products add to what is there already.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from palate.dropout import dropout_factors


def low_rank(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    down: torch.Tensor,
    up: torch.Tensor,
    scale: float,
    p: float = 0.0,
) -> torch.Tensor:
    """A frozen linear layer and its update (LoRA, arXiv:2106.09685, equation 3), on a CPU.

    Args:
        x: [..., i].
        weight: [o, i], frozen.
        bias: [o], frozen.
        down: [r, i].
        up: [o, r].
        scale: of the update.
        p: dropout before the update.

    Returns:
        [..., o] ``weight x + bias + scale up down dropout(x)``, computed in the type of *x*.
    """
    found: torch.Tensor = _LowRank.apply(x, weight, bias, down, up, scale, p)
    return found


class _LowRank(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
        p: float,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low, high = down.to(x.dtype), (up * scale).to(x.dtype)
        factors = dropout_factors(rows, p)
        inner = (rows if factors is None else rows * factors) @ low.T
        ctx.save_for_backward(rows, weight, low, high, factors, inner)
        ctx.scale, ctx.types = scale, (down.dtype, up.dtype)
        out = F.linear(rows, weight, bias).addmm_(inner, high.T)
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, low, high, factors, inner = ctx.saved_tensors
        outer = grad.reshape(-1, grad.shape[-1])
        up = (outer.T @ inner).to(ctx.types[1]).mul_(ctx.scale)
        within = outer @ high
        down = (within.T @ (rows if factors is None else rows * factors)).to(ctx.types[0])
        back = None
        if ctx.needs_input_grad[0]:
            back = outer @ weight
            if factors is None:
                back.addmm_(within, low)
            else:
                back.addcmul_(within @ low, factors)
            back = back.view(*grad.shape[:-1], -1)
        return back, None, None, down, up, None, None
