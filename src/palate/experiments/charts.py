"""Pictures as inline SVG: no script, no file beside it, light and dark by the page's colours.

Everything drawn has a tooltip with its numbers, and all text is escaped. Colours are the
page's: class ``s0`` to ``s7`` is the colour of the first to the eighth method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

from markupsafe import Markup

from palate.experiments import axes

COLOURS = 8
CHARACTER = 7.4  # pixels, about, of a character of a label


@dataclass(frozen=True)
class Point:
    """A mark in a picture.

    Attributes:
        x: where; for a picture over categories, the number of the category.
        y: how high.
        low: lower end of the whisker, if any.
        high: upper end.
        tip: what the tooltip says.
        strong: drawn larger.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    tip: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Series:
    """Points that belong together, in one colour."""

    label: str
    colour: int
    points: Sequence[Point] = field(default_factory=list)


def scatter(
    series: Sequence[Series],
    x_title: str,
    y_title: str,
    x_name: Callable[[float], str],
    width: int = 360,
    height: int = 290,
) -> Markup:
    """One labelled point per series; *x* on a logarithmic axis, whiskers along *y*."""
    points = [point for one in series for point in one.points]
    frame = axes.Frame(
        width, height, axes.around([p.x for p in points]), _span(points, zero=False), log_x=True
    )
    body = [axes.y_axis(frame, y_title), axes.log_axis(frame, x_title, x_name)]
    placed = [_box(frame, point) for point in points]
    labels = []
    for one in sorted(series, key=lambda one: -one.points[0].y):
        point = one.points[0]
        body.append(_mark(frame, point, one.colour))
        labels.append(_label(frame, point, one.label, placed))
    return _svg(frame, [*body, *labels], f"{y_title} against {x_title}")


def lines(
    series: Sequence[Series],
    x_title: str,
    y_title: str,
    width: int = 520,
    height: int = 280,
    zero: bool = False,
) -> Markup:
    """Curves over a number, such as epochs; *strong* points are marked."""
    points = [point for one in series for point in one.points]
    xs = [point.x for point in points]
    end = max(xs) if max(xs) > min(xs) else min(xs) + 1
    frame = axes.Frame(width, height, (min(xs), end), _span(points, zero))
    body = [axes.y_axis(frame, y_title), axes.linear_axis(frame, x_title)]
    for one in series:
        body.append(_path(frame, one))
        body += [_mark(frame, point, one.colour) for point in one.points if point.strong]
    return _svg(frame, body, f"{y_title} over {x_title}")


def categories(
    series: Sequence[Series],
    names: Sequence[Sequence[str]],
    x_title: str,
    y_title: str,
    width: int = 520,
    height: int = 300,
) -> Markup:
    """Points with whiskers over ordered categories, those of one series joined by a line.

    Args:
        names: of each category the lines under it.
    """
    points = [point for one in series for point in one.points]
    frame = axes.Frame(width, height, (-0.5, len(names) - 0.5), _span(points, zero=True), bottom=60)
    body = [axes.y_axis(frame, y_title), axes.title_below(frame, x_title)]
    for place, lines_of_name in enumerate(names):
        for number, line in enumerate(lines_of_name):
            kind, y = "tick faint" if number else "tick", frame.height - 42 + 15 * number
            body.append(axes.text(frame.px(place), y, line, kind, "middle"))
    step = min(0.5 / max(len(series), 1), 0.12)
    for number, one in enumerate(series):
        shift = (number - (len(series) - 1) / 2) * step  # side by side, so that none is hidden
        moved = [Point(p.x + shift, p.y, p.low, p.high, p.tip, p.strong) for p in one.points]
        body.append(_path(frame, Series(one.label, one.colour, moved)))
        body += [_mark(frame, point, one.colour, radius=4) for point in moved]
    return _svg(frame, body, f"{y_title} by {x_title}")


def interval_bar(
    value: float, interval: tuple[float, float], most: float, colour: int, tip: str
) -> Markup:
    """A small bar for a table's cell: the value, and its interval as a whisker."""
    width, height = 96, 14
    scale = (width - 2) / most if most > 0 else 0.0
    low, high = (round(end * scale, 1) for end in interval)
    return Markup(
        '<svg class="bar" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img">'
        '<title>{tip}</title><rect class="s{c}" x="0" y="3" width="{x}" height="8" rx="2"/>'
        '<path class="whisker" d="M{low} 7H{high}M{low} 4V10M{high} 4V10"/></svg>'
    ).format(
        w=width,
        h=height,
        tip=tip,
        c=colour % COLOURS,
        x=round(value * scale, 1),
        low=low,
        high=high,
    )


def _svg(frame: axes.Frame, body: Sequence[Markup], title: str) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(frame.width, frame.height, title, Markup("").join(body))


def _mark(frame: axes.Frame, point: Point, colour: int, radius: int = 6) -> Markup:
    """A dot with a ring in the page's colour, its whisker under it."""
    x, y = frame.px(point.x), frame.py(point.y)
    whisker = Markup("")
    if point.low is not None and point.high is not None:
        low, high = frame.py(point.low), frame.py(point.high)
        whisker = Markup('<path class="stem s{}" d="M{} {}V{}"/>').format(colour, x, low, high)
    # A wide, invisible disc under the pointer makes small marks easy to ask about.
    return Markup(
        '<g class="mark"><title>{}</title>{}<circle class="reach" cx="{}" cy="{}" r="14"/>'
        '<circle class="dot s{}" cx="{}" cy="{}" r="{}"/></g>'
    ).format(point.tip, whisker, x, y, colour % COLOURS, x, y, radius)


def _path(frame: axes.Frame, series: Series) -> Markup:
    spots = " L".join(f"{frame.px(p.x)} {frame.py(p.y)}" for p in series.points)
    return Markup('<path class="line s{}" d="M{}"><title>{}</title></path>').format(
        series.colour % COLOURS, spots, series.label
    )


def _label(
    frame: axes.Frame, point: Point, label: str, placed: list[tuple[float, float, float, float]]
) -> Markup:
    """A point's name beside it, moved up or down until it covers no other name."""
    x, y = frame.px(point.x), frame.py(point.y)
    wide = len(label) * CHARACTER
    sides = [start for start in (x + 11, x - 11 - wide) if 0 <= start < frame.width - wide]
    for shift, start in product(sorted(range(-120, 121, 4), key=abs), sides or [0.0]):
        box = (start, y + shift - 7, start + wide, y + shift + 7)
        inside = frame.top <= y + shift <= frame.height - frame.bottom - 4
        if inside and not any(_overlap(box, other) for other in placed):
            break
    placed.append(box)
    right = start > x
    middle = y + shift
    text = axes.text(
        start if right else start + wide, middle + 4, label, "name", "start" if right else "end"
    )
    if abs(shift) < 10:
        return text
    end = start - 2 if right else start + wide + 2
    leader = Markup('<path class="leader" d="M{} {}L{} {}"/>').format(x, y, end, middle)
    return leader + text


def _box(frame: axes.Frame, point: Point) -> tuple[float, float, float, float]:
    x, y = frame.px(point.x), frame.py(point.y)
    return x - 7, y - 7, x + 7, y + 7


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _span(points: Sequence[Point], zero: bool) -> tuple[float, float]:
    """A range that holds all points and whiskers, with some air; from 0 where asked for."""
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    low, high = min(ends), max(ends)
    air = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    least = low - air if low < 0 else max(0.0, low - air)  # differences go below 0, metrics do not
    return (0.0 if zero else least), high + air
