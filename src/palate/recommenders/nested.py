"""Recommenders inside recommenders: trained on the same split, kept in the same file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from palate.data.cases import Split
from palate.data.catalogue import Catalogue
from palate.recommenders.base import FitContext, Recommender
from palate.recommenders.registry import configure, get


def fit_nested(
    method: str, settings: Mapping[str, Any], split: Split, context: FitContext
) -> Recommender:
    """A recommender of that name, trained.

    Its training leaves no checkpoints: they would stand where those of the outer one go.

    Raises:
        ConfigError: no method has that name, or a setting is wrong.
    """
    inner = get(method)(configure(method, settings))
    return inner.fit(split, FitContext(seed=context.seed, progress=context.progress))


def nested_state(inner: Recommender, prefix: str) -> dict[str, torch.Tensor]:
    """What it learned, under names that begin with *prefix* and a dot."""
    return {f"{prefix}.{name}": value for name, value in inner.state().items()}


def load_nested(
    method: str,
    settings: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    prefix: str,
    catalogue: Catalogue,
) -> Recommender:
    """Take back what :func:`nested_state` gave."""
    inner = get(method)(configure(method, settings))
    start = f"{prefix}."
    inner.load_state(
        {name.removeprefix(start): v for name, v in state.items() if name.startswith(start)},
        catalogue,
    )
    return inner
