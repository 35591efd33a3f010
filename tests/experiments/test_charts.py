"""Pictures and words: laws that hold whatever the numbers are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.experiments import axes, charts, wording
from palate.experiments.charts import Point, Series

POSITIVE = st.floats(1e-6, 1e9)
SCORES = st.floats(0, 1)
LABELS = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())


@given(st.lists(st.tuples(LABELS, POSITIVE, SCORES), min_size=1, max_size=8))
def test_a_scatter_keeps_marks_inside_and_names_whole(
    entries: list[tuple[str, float, float]],
) -> None:
    series = [
        Series(label, place, [Point(x, y, y * 0.9, y * 1.1, tip=label)])
        for place, (label, x, y) in enumerate(entries)
    ]
    root = ET.fromstring(charts.scatter(series, "seconds", "NDCG@10", wording.seconds))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    marks = [one.attrib for one in root.iter("circle") if one.attrib["class"].startswith("dot")]
    assert len(marks) == len(entries)
    for mark in marks:
        assert 0 <= float(mark["cx"]) <= width
        assert 0 <= float(mark["cy"]) <= height
    names = [one.text for one in root.iter("text") if one.attrib["class"] == "name"]
    assert sorted(names, key=str) == sorted(label for label, _, _ in entries)


@given(SCORES, st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    ticks = axes.ticks(low, low + span)
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    room = 1e-6 * span + 1e-9
    assert low - room <= ticks[0] <= ticks[-1] <= low + span + room


@given(st.lists(POSITIVE, min_size=1, max_size=5))
def test_logarithmic_axes_hold_their_values(values: list[float]) -> None:
    low, high = axes.around(values)
    assert low <= min(values) <= max(values) <= high
    ticks = axes.log_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    assert all(low <= tick <= high * 1.001 for tick in ticks)


def test_names_of_close_points_do_not_cover_each_other() -> None:
    series = [Series(f"method{n}", n, [Point(1.0 + n / 100, 0.1 + n / 1000)]) for n in range(5)]
    root = ET.fromstring(charts.scatter(series, "seconds", "NDCG@10", wording.seconds))
    names = [one.attrib for one in root.iter("text") if one.attrib["class"] == "name"]
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            beside = a["text-anchor"] != b["text-anchor"]
            assert beside or abs(float(a["y"]) - float(b["y"])) >= 12


@pytest.mark.parametrize(
    ("words", "value", "said"),
    [
        (wording.seconds, 0.0004, "< 0.01 s"),
        (wording.seconds, 0.5, "0.5 s"),
        (wording.seconds, 12.3, "12 s"),
        (wording.seconds, 119.7, "2 min"),
        (wording.seconds, 307, "5 min 7 s"),
        (wording.seconds, 3600, "1 h"),
        (wording.seconds, 7500, "2 h 5 min"),
        (wording.milliseconds, 0.042, "0.042 ms"),
        (wording.milliseconds, 76.7, "77 ms"),
        (wording.milliseconds, 1234, "1.2 s"),
        (wording.size, 351e6, "351 MB"),
        (wording.size, 1.25e9, "1.2 GB"),
        (wording.size, 1e9, "1 GB"),
        (wording.size, 12.4e9, "12 GB"),
        (wording.size, 139.7e9, "140 GB"),
        (wording.count, 943, "943"),
        (wording.count, 1682, "1,682"),
        (wording.count, 161_472, "161 k"),
        (wording.count, 2_830_806, "2.83 M"),
        (wording.count, 134.5e6, "134 M"),
        (wording.count, 7e9, "7 B"),
        (wording.probability, 0.0002, "< 0.001"),
        (wording.probability, 0.031, "0.031"),
        (wording.difference, -0.01, "−0.0100"),
        (wording.difference, 0.01, "+0.0100"),
        (wording.share, 0.203, "20.3 %"),
    ],
)
def test_numbers_read_well(words, value: float, said: str) -> None:  # type: ignore[no-untyped-def]
    assert words(value) == said
