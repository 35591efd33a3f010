"""The bug report's attachment."""

from __future__ import annotations

import json
from importlib.metadata import version

import torch

from palate.recommenders import registry


def test_doctor_tells_versions_machine_and_methods(palate) -> None:
    answer = palate("doctor", "--json")
    told = json.loads(answer.out)
    assert answer.code == (1 if told["broken"] else 0)
    assert told["packages"]["torch"] == version("torch")
    assert told["torch"]["threads"] == torch.get_num_threads()
    assert set(told["methods"]) == {method.name for method in registry.methods()}
    assert told["methods"]["ease"] == "ok"
    assert told["cache"]["folder"]


def test_doctor_for_people(palate) -> None:
    told = palate("doctor").out
    for word in ("bf16", "memory", "cache", "sasrec", "python"):
        assert word in told
