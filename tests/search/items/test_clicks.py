"""Clicks as events for recommenders."""

from __future__ import annotations

from palate.search.items.clicks import training_events
from palate.search.logs.log import Click, Entry

LOG = [
    Entry("s2", "u", 20.5, "heat", ("a", "b"), (Click("a", 1, 60.0), Click("b", 2, 2.0))),
    Entry("s1", "u", 10.0, "fargo", ("b", "c"), (Click("b", 1, 31.0), Click("x", 2, 99.0))),
    Entry("s3", "v", 30.0, "heat", ("a",), (Click("a", 1, 45.0),)),
    Entry("s4", "u", 40.0, "heat", ("a",), (Click("a", 1, 45.0),)),
    Entry("s5", "w", 50.0, "nothing"),
]


def test_those_who_stayed_wanted_it() -> None:
    assert training_events(LOG, {"a", "b", "c"}).rows() == [
        ("u", "b", 10), ("u", "a", 20), ("v", "a", 30),
    ]  # fmt: skip
    assert ("u", "x", 10) in training_events(LOG).rows()
    assert training_events(LOG, dwell=90).rows() == [("u", "x", 10)]
    assert training_events([]).columns == ["user", "item", "time"]
