"""What training changes in a module: which tensors, and at which learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from palate.errors import RunError


def trained_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """What training changes, by name, on the CPU: trainable parameters and running statistics.

    Frozen parameters are left out: they come back from where the model took them. So are the
    buffers of modules that keep theirs out of ``state_dict``.
    """
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    trained |= _statistics(model)
    return {
        name: value.detach().cpu().contiguous().clone()
        for name, value in model.state_dict(keep_vars=True).items()
        if name in trained
    }


def _statistics(model: nn.Module) -> set[str]:
    """Names of the buffers that training writes to, such as those of batch normalisation."""
    return {
        f"{prefix}.{name}".lstrip(".")
        for prefix, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._NormBase)
        for name, _ in module.named_buffers(recurse=False)
    }


def restore(model: nn.Module, file: Path) -> None:
    """Put back what :func:`trained_tensors` gave and *file* kept.

    Raises:
        RunError: the file is of a model with other parts or sizes.
    """
    tensors = load_file(file)
    expected = {name: tuple(value.shape) for name, value in trained_tensors(model).items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    differing = sorted(n for n in expected | found if expected.get(n) != found.get(n))
    if differing:
        name = differing[0]
        raise RunError(
            f"{file}: of another model: '{name}' has shape {found.get(name, 'none')} there and "
            f"{expected.get(name, 'none')} here; resume with the settings it was started with"
        )
    model.load_state_dict(tensors, strict=False)


def decay_groups(
    model: nn.Module, weight_decay: float, rates: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Trainable parameters in optimizer groups: matrices decay, vectors (biases, norms) do not.

    Args:
        rates: learning rate of each part of the model, by the start of its parameters' names
            (``{"backbone": 1e-4}``); the longest that fits counts, and what none fits learns at
            the rate of the config.

    Raises:
        ValueError: a part of *rates* has no trainable parameter.
    """
    rates = rates or {}
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = max((p for p in rates if _within(name, p)), key=len, default="")
            groups.setdefault((part, parameter.ndim > 1), []).append(parameter)
    unused = set(rates) - {part for part, _ in groups}
    if unused:
        raise ValueError(f"no trainable parameter belongs to {sorted(unused)}")
    return [
        {"params": parameters, "weight_decay": weight_decay if matrices else 0.0}
        | ({"lr": rates[part]} if part else {})
        for (part, matrices), parameters in groups.items()
    ]


def _within(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")
