"""Replies of the small local model to what search asks for the sake of language models.

A record of its own beside that of :mod:`tests.search.recorded`, and made in the same way:
``PALATE_RECORD=1 pytest tests/search/answers tests/search/corpus``.
"""

from __future__ import annotations

from pathlib import Path

from tests.recorded_model import small_model

from palate.language.questions import ChatModel

FILE = Path(__file__).parent / "replies_for_llm.jsonl"


def small() -> ChatModel:
    """SmolLM2-135M-Instruct, from the record."""
    return small_model(FILE)
