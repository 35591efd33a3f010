"""The base of every typed config."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Settings of something. Unknown keys are errors; each field's docstring is its help."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)
