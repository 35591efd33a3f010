"""The small local model's replies, recorded: real ones, without the model."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from palate.language.kept_replies import Recorded, Replayed
from palate.language.questions import ChatModel


@cache
def small_model(record: Path) -> ChatModel:
    """SmolLM2-135M-Instruct, from the record; with ``PALATE_RECORD=1`` it is asked, and what is
    missing is written there."""
    if not os.environ.get("PALATE_RECORD"):
        return Replayed(record)
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat

    loaded = Backbone.load("smollm2-135m", precision="fp32", device="cpu")
    return Recorded(LocalChat(loaded), record)
