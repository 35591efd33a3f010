"""Replies of the small local model to what search asks for the sake of language models.

A record of its own beside that of :mod:`tests.search.recorded`, and made in the same way:
``PALATE_RECORD=1 pytest tests/search/answers tests/search/corpus``.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from palate.language.kept_replies import Recorded, Replayed
from palate.language.questions import ChatModel

FILE = Path(__file__).parent / "replies_for_llm.jsonl"


@cache
def small() -> ChatModel:
    """SmolLM2-135M-Instruct, from the record."""
    if not os.environ.get("PALATE_RECORD"):
        return Replayed(FILE)
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat

    loaded = Backbone.load("smollm2-135m", precision="fp32", device="cpu")
    return Recorded(LocalChat(loaded), FILE)
