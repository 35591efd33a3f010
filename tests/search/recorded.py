"""The small local model's replies, recorded: real ones, without the model.

``PALATE_RECORD=1 pytest tests/search`` asks the model and writes what is missing.
"""

from __future__ import annotations

from pathlib import Path

from tests.recorded_model import small_model

from palate.language.questions import ChatModel

FILE = Path(__file__).parent / "replies.jsonl"


def small() -> ChatModel:
    """SmolLM2-135M-Instruct, from the record."""
    return small_model(FILE)
