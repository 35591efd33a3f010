"""Numbers as people read them."""

from __future__ import annotations


def seconds(value: float) -> str:
    """``0.03 s``, ``12 s``, ``4 min 10 s``, ``2 h 5 min``."""
    if value < 0.01:
        return "< 0.01 s"
    if value < 9.95:
        return f"{value:.2g} s"
    if value < 119.5:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def milliseconds(value: float) -> str:
    """``0.08 ms``, ``13 ms``, ``1.2 s``."""
    if value >= 1000:
        return seconds(value / 1000)
    return f"{value:.2g} ms" if value < 9.95 else f"{value:.0f} ms"


def size(value: float) -> str:
    """``345 MB``, ``1.2 GB`` (a MB is a million bytes)."""
    if value < 1e9:
        return f"{value / 1e6:.0f} MB"
    return f"{value / 1e9:.2g} GB" if value < 9.95e9 else f"{value / 1e9:.0f} GB"


def count(value: float) -> str:
    """``943``, ``1,682``, ``161 k``, ``2.8 M``."""
    for unit, one in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 10 * one or (value >= one and unit != "k"):
            return f"{value / one:.3g} {unit}"
    return f"{value:,.0f}"


def probability(p: float) -> str:
    """``0.031``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def score(value: float) -> str:
    """A metric between 0 and 1."""
    return f"{value:.4f}"


def interval(ends: tuple[float, float]) -> str:
    """``0.0602–0.0853``."""
    return f"{ends[0]:.4f}–{ends[1]:.4f}"


def difference(value: float) -> str:
    """``+0.0123``, ``−0.0123``."""
    return f"{'−' if value < 0 else '+'}{abs(value):.4f}"


def share(value: float) -> str:
    """``20.3 %``."""
    return f"{100 * value:.1f} %"
