"""Items as somebody describes them, brought into the columns and types of a catalogue."""

from __future__ import annotations

from typing import Any

import polars as pl

from palate.serving.store.items import Described


def fitting(described: Described, frame: pl.DataFrame) -> dict[str, Any]:
    """The attributes that the catalogue has columns for, in the types of these."""
    found: dict[str, Any] = {}
    for name, dtype in frame.schema.items():
        if name in ("item", "title"):
            continue
        value = described.attributes.get(name)
        if isinstance(value, list) and dtype == pl.String:
            value = ", ".join(map(str, value))
        elif value is not None and isinstance(dtype, pl.List) and not isinstance(value, list):
            value = [value]
        try:
            found[name] = pl.Series([value]).cast(dtype, strict=False)[0]
        except pl.exceptions.PolarsError:
            found[name] = None
    return found


def described_anew(frame: pl.DataFrame, anew: dict[str, Described]) -> pl.DataFrame:
    """The frame with other titles and attributes of some items; what is not told stays."""
    rows = []
    for one in anew.values():
        told = {name: value for name, value in fitting(one, frame).items() if value is not None}
        rows.append({"item": one.item, "title": one.title, **told})
    changes = pl.DataFrame(rows, schema=frame.schema)
    return frame.update(changes, on="item", maintain_order="left")
