"""Which number format a language model's weights have on which device."""

from __future__ import annotations

from typing import Literal

import torch

from palate.errors import ConfigError

Precision = Literal["auto", "fp32", "bf16"]


def choose_device(device: str) -> torch.device:
    """The device of that name; ``auto`` is the first GPU, else the CPU."""
    if device != "auto":
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The dtype of that name; ``auto`` is bf16 where *device* computes it in hardware."""
    if precision == "auto":
        return torch.bfloat16 if has_bf16(device) else torch.float32
    try:
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    except KeyError:
        raise ConfigError(f"precision '{precision}' is none of auto, fp32, bf16") from None


def has_bf16(device: torch.device) -> bool:
    """True where *device* computes bf16 in hardware rather than by emulation."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False
