"""The small local model's replies, recorded: real ones, without the model.

``PALATE_RECORD=1 pytest tests/search`` asks the model and writes what is missing.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from palate.language.kept_replies import Recorded, Replayed
from palate.language.questions import ChatModel

FILE = Path(__file__).parent / "replies.jsonl"


@cache
def small() -> ChatModel:
    """SmolLM2-135M-Instruct, from the record."""
    if not os.environ.get("PALATE_RECORD"):
        return Replayed(FILE)
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat

    loaded = Backbone.load("smollm2-135m", precision="fp32", device="cpu")
    return Recorded(LocalChat(loaded), FILE)
