"""Axes of a picture: where a value stands, and which round numbers stand beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Frame:
    """The axes of a picture: pixels, ranges, and how values become positions."""

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool = False
    left: int = 46
    right: int = 16
    top: int = 26
    bottom: int = 44

    def px(self, x: float) -> float:
        """Horizontal position of a value."""
        low, high = self.x
        if self.log_x:
            x, low, high = math.log10(x), math.log10(low), math.log10(high)
        share = (x - low) / (high - low) if high > low else 0.5
        return round(self.left + share * (self.width - self.left - self.right), 1)

    def py(self, y: float) -> float:
        """Vertical position of a value."""
        low, high = self.y
        share = (y - low) / (high - low) if high > low else 0.5
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 1)


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> Markup:
    """Words at a place, in a class of the page's style."""
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, round(x, 1), round(y, 1), anchor, words
    )


def y_axis(frame: Frame, title: str) -> Markup:
    """Round numbers on the left with a line across, and the title above."""
    parts = []
    for value in ticks(*frame.y):
        y = frame.py(value)
        parts.append(
            Markup('<path class="grid" d="M{} {}H{}"/>').format(
                frame.left, y, frame.width - frame.right
            )
        )
        parts.append(text(frame.left - 8, y + 4, f"{value:g}", "tick", "end"))
    return Markup("").join([*parts, text(0, 11, title, "axis")])


def linear_axis(frame: Frame, title: str) -> Markup:
    """Round numbers below, and the title."""
    parts = [
        text(frame.px(value), frame.height - frame.bottom + 18, f"{value:g}", "tick", "middle")
        for value in ticks(*frame.x)
    ]
    return Markup("").join([*parts, title_below(frame, title)])


def log_axis(frame: Frame, title: str, name: Callable[[float], str]) -> Markup:
    """Steps of 1, 2, 5 or powers of ten below, with lines up, and the title."""
    parts = []
    bottom = frame.height - frame.bottom
    for value in log_ticks(*frame.x):
        x = frame.px(value)
        parts.append(Markup('<path class="grid" d="M{} {}V{}"/>').format(x, frame.top, bottom))
        parts.append(text(x, bottom + 18, name(value), "tick", "middle"))
    return Markup("").join([*parts, title_below(frame, title)])


def title_below(frame: Frame, title: str) -> Markup:
    """The title of the axis at the bottom."""
    middle = (frame.left + frame.width - frame.right) / 2
    return text(middle, frame.height - 6, title, "axis", "middle")


def _steps(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20 … from the one at or below *low* to the one at or above *high*."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = [m * 10.0**power for power in range(first, last + 1) for m in (1, 2, 5)]
    above = [step for step in steps if step >= high * 0.999]
    below = [step for step in steps if step <= low * 1.001]
    return [step for step in steps if below[-1] <= step <= above[0]]


def around(values: Sequence[float]) -> tuple[float, float]:
    """A range for a logarithmic axis, with air around the values."""
    steps = _steps(min(values) / 1.4, max(values) * 1.4)
    return steps[0], steps[-1]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Every step of 1, 2, 5 where they are few, else powers of ten, or some of them."""
    steps = _steps(low, high)
    if len(steps) <= most:
        return steps
    powers = [step for step in steps if math.log10(step) % 1 < 1e-9]
    return powers[:: math.ceil(len(powers) / most)]


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About *wanted* round numbers between *low* and *high*."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
