"""Optimizer groups, and which tensors are kept."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from palate.training.fit import decay_groups, trained_tensors


def net() -> nn.Sequential:
    inner = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    return nn.Sequential(nn.Embedding(5, 3), inner, nn.Linear(4, 2))


def names(model: nn.Module, group: dict) -> set[str]:
    ids = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in model.named_parameters() if id(parameter) in ids}


def test_matrices_decay_and_vectors_do_not() -> None:
    model = net()
    groups = decay_groups(model, 0.1)
    found = {group["weight_decay"]: names(model, group) for group in groups}
    assert found == {
        0.1: {"0.weight", "1.0.weight", "2.weight"},
        0.0: {"1.0.bias", "1.1.weight", "1.1.bias", "2.bias"},
    }
    assert all("lr" not in group for group in groups)


def test_the_longest_part_sets_the_rate() -> None:
    model = net()
    groups = decay_groups(model, 0.1, {"1": 0.5, "1.1": 0.25, "2.bias": 2.0})
    found = {
        name: (group.get("lr"), group["weight_decay"])
        for group in groups
        for name in names(model, group)
    }
    assert found == {
        "0.weight": (None, 0.1),
        "1.0.weight": (0.5, 0.1),
        "1.0.bias": (0.5, 0.0),
        "1.1.weight": (0.25, 0.0),
        "1.1.bias": (0.25, 0.0),
        "2.weight": (None, 0.1),
        "2.bias": (2.0, 0.0),
    }
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    assert {group["lr"] for group in optimizer.param_groups} == {1e-3, 0.5, 0.25, 2.0}


def test_a_part_that_nothing_belongs_to_is_refused() -> None:
    model = net()
    model[2].requires_grad_(False)
    with pytest.raises(ValueError, match=r"no trainable parameter belongs to \['2'\]"):
        decay_groups(model, 0.1, {"2": 0.5})
    with pytest.raises(ValueError, match=r"\['weigh'\]"):  # names are not cut in the middle
        decay_groups(model, 0.1, {"weigh": 0.5})


def test_frozen_parameters_are_not_kept_and_statistics_are() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert set(trained_tensors(model)) == {
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
        "2.weight",
        "2.bias",
    }
