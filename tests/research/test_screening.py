"""Work saved by hand, and active learning on a review that is easy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError, DataError
from palate.experiments.research_screen import compare_screening
from palate.research.papers import Paper
from palate.research.readers.screening_csv import Screening
from palate.research.screening import recall_curve, screen, work_saved


def review(n: int = 120, every: int = 12) -> Screening:
    """Included are those on graphs; the words of the others are drawn."""
    random = np.random.default_rng(0)
    words = ["soil", "river", "stone", "tree", "cloud", "sand"]
    papers, included = [], []
    for number in range(n):
        inside = number % every == 0
        own = ["graph", "network"] if inside else []
        text = " ".join([*random.choice(words, 6), *own])
        papers.append(Paper(str(number), text.split()[0], text))
        included.append(inside)
    return Screening("easy", papers, np.array(included))


def test_work_saved_by_hand() -> None:
    included = np.array([True, False, True] + [False] * 17)
    curve = recall_curve(np.arange(20), included)
    assert curve[:3].tolist() == [0.5, 0.5, 1.0]
    assert work_saved(curve) == pytest.approx(1 - 3 / 20 - 0.05)
    assert work_saved(curve, 0.5) == pytest.approx(1 - 1 / 20 - 0.5)
    worst = recall_curve(np.arange(20)[::-1], included)
    assert work_saved(worst) == pytest.approx(-0.05)
    with pytest.raises(DataError, match="includes no candidate"):
        recall_curve(np.arange(3), np.zeros(3, dtype=bool))


@given(st.lists(st.booleans(), min_size=1, max_size=30).filter(any), st.integers(0, 5))
def test_every_order_finds_all(labels: list[bool], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(labels))
    curve = recall_curve(order, np.array(labels))
    assert curve[-1] == pytest.approx(1)
    assert (np.diff(curve) >= 0).all()
    assert -0.05 - 1e-9 <= work_saved(curve) < 0.95


@pytest.mark.parametrize("strategy", ["active", "bm25", "random"])
def test_every_candidate_is_read_once(strategy: str) -> None:
    outcome = screen(review(), strategy, "graph networks")  # type: ignore[arg-type]
    assert sorted(outcome.order.tolist()) == list(range(120))


def test_learning_saves_work() -> None:
    lines = {line.strategy: line for line in compare_screening(review(), seeds=3)}
    assert lines["active"].wss > 0.5  # it starts at random, and has to meet one first
    assert abs(lines["random"].wss) < 0.3
    asked = {line.strategy: line for line in compare_screening(review(), "graph networks", 2)}
    assert asked["bm25"].read == 10
    assert asked["active"].read <= 20
    with pytest.raises(ConfigError, match="--question"):
        screen(review(), "bm25")


def test_curves_are_drawn(tmp_path: Path) -> None:
    compare_screening(review(), "graph networks", 1, tmp_path)
    page = (tmp_path / "screening.html").read_text()
    assert page.count('<path class="line') == 3
    assert "<script" not in page
