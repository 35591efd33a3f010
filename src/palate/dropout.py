"""Dropout whose random numbers do not cost more than the layer they regularise."""

from __future__ import annotations

import torch
import torch.nn.functional as F

_STEPS = 2**16


def dropout(x: torch.Tensor, p: float, training: bool) -> torch.Tensor:
    """As ``torch.nn.functional.dropout``, about four times as fast on a CPU.

    Torch draws one number of 53 bits for each element there; 16 bits do. The probability is *p*
    to the nearest 1/65,536, and the scale that of the probability used, so that the expectation
    is exact.
    """
    if not training:
        return x
    if x.device.type != "cpu":
        return F.dropout(x, p)
    factors = dropout_factors(x, p)
    return x if factors is None else x * factors


def dropout_factors(x: torch.Tensor, p: float) -> torch.Tensor | None:
    """What dropout multiplies *x* with on a CPU, of its shape and type; None is one everywhere."""
    dropped = round(p * _STEPS)
    if dropped == 0:
        return None
    if dropped == _STEPS:
        return torch.zeros_like(x)
    draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    least = dropped - _STEPS // 2  # of the draws that keep
    # Whole numbers all the way: torch converts truth values to floats one by one.
    kept = draws.view(torch.int16)[: x.numel()].view(x.shape).clamp_(least - 1, least)
    return kept.sub_(least - 1).to(x.dtype).mul_(_STEPS / (_STEPS - dropped))
