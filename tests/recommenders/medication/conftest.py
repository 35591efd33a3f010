"""Methods of medication recommendation, small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from palate.recommenders import registry
from palate.recommenders.medication.base import MedicationRecommender, Terms
from palate.recommenders.medication.rules import rule_split
from palate.training.context import FitContext

NET: dict[str, Any] = {"width": 16, "epochs": 3, "batch_size": 16, "device": "cpu"}
LANGUAGE: dict[str, Any] = {
    "epochs": 1,
    "max_tokens": 400,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
    "samples": 32,
}
SMALL: dict[str, dict[str, Any]] = {
    "logistic": {"strengths": (1.0,)},
    "retain": NET,
    "gamenet": NET,
    "safedrug": NET,
    "leader": NET | {"hidden": 24, "heads": 2, "mediator": 12, "distillation": 0},
    "leader-teacher": LANGUAGE,
}

Build = Callable[..., MedicationRecommender]


def make(name: str, model: Path, **more: Any) -> MedicationRecommender:
    """A method of that name; one with a language model reads by *model*."""
    settings = SMALL.get(name, {}) | more
    if name == "leader-teacher":
        settings = {"model": str(model)} | settings
    config = registry.configure(name, settings, kind="medication")
    found: MedicationRecommender = registry.get(name, "medication")(config)
    return found


@pytest.fixture(scope="session")
def build(tiny_model: Path) -> Build:
    """Makes a method by its name and settings."""
    return lambda name, **more: make(name, tiny_model, **more)


@pytest.fixture(scope="session")
def teacher(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained teacher, as a run folder has it."""
    folder = tmp_path_factory.mktemp("teacher")
    split = rule_split()
    build("leader-teacher").fit(split, FitContext(seed=0)).save(folder)
    Terms.of(split).save(folder)
    return folder
