"""The base of every typed config."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Settings of something. Unknown keys are errors; each field's docstring is its help.

    A field that a subclass gives another default keeps its meaning without repeating it.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        for parent in cls.__mro__[1:]:
            if issubclass(parent, BaseModel):
                for key, inherited in parent.model_fields.items():
                    field = cls.model_fields[key]
                    field.description = field.description or inherited.description
