"""The main job, with its two quickest methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.cli import demo
from palate.recommenders import registry


def test_the_demo_ends_with_a_table_three_people_and_a_report(
    palate, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {name: demo.METHODS[name] for name in ("popularity", "ease")}
    monkeypatch.setattr(demo, "METHODS", quick)
    first = palate("demo")
    assert first.code == 0, first.err
    assert "0.0432" in first.out  # NDCG@10 of popularity on this split, ties against the model
    assert "0.0728" in first.out  # of EASE
    assert first.out.count("watched last") == 3
    assert Path("runs/demo/report.html").exists()
    assert str(Path("runs/demo/report.html").resolve()) in first.out

    again = palate("demo")
    assert again.err.count("reused") == 2


@pytest.mark.parametrize("method", list(demo.METHODS))
def test_settings_of_the_demo_are_settings_of_its_methods(method: str) -> None:
    registry.configure(method, demo.METHODS[method])
