"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def date(time: int) -> str:
    """A time as a person reads it, its unit told from its size."""
    scale = next((s for s in (1, 1_000, 1_000_000) if abs(time) < 1e11 * s), None)
    if scale is None or time < 1e8:
        return str(time)
    return f"{datetime.fromtimestamp(time / scale, UTC):%Y-%m-%d %H:%M} UTC"
