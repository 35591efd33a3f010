"""Budgets hold, and what was done is not done again."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.errors import ConfigError, RunError
from palate.language.questions import Reply
from palate.research.budget import Budget, Ledger, SpentError
from palate.research.corpus import Corpus
from palate.research.desk import Brief, Desk, fuse
from palate.research.finding import Finder

from .conftest import Scripted


def asking(ledger: Ledger, calls: int = 1, tokens: int = 10) -> tuple[str, str]:
    ledger.spend(calls, tokens)
    return "done", "asked"


def test_steps_are_resumed_with_their_cost(tmp_path: Path) -> None:
    path, budget = tmp_path / "steps.jsonl", Budget(calls=3)
    first = Ledger(budget, path)
    assert first.step("one", lambda: asking(first, 2)) == "done"
    again = Ledger(budget, path)
    assert again.step("one", lambda: pytest.fail("done twice")) == "done"
    assert again.cost.calls == 2
    again.step("two", lambda: asking(again))
    with pytest.raises(SpentError, match="3 calls"):
        again.step("three", lambda: asking(again))
    assert again.step("four", lambda: (4, "free"), free=True) == 4
    assert [step.name for step in Ledger(budget, path)._kept.values()] == ["one", "two", "four"]


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    ledger = Ledger(path=path)
    for name in ("one", "two"):
        ledger.step(name, lambda: asking(ledger))
    text = path.read_text()
    path.write_text(text[:-20])
    again = Ledger(path=path)
    assert again.step("one", lambda: ("other", "")) == "done"
    assert again.step("two", lambda: ("other", "")) == "other"
    assert len(path.read_text().splitlines()) == 2
    path.write_text("nonsense\n" + text)
    with pytest.raises(RunError, match="row 1: no step"):
        Ledger(path=path)


def test_results_are_the_same_when_resumed(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    fresh = Ledger(path=path).step("s", lambda: ([("a", 1.0)], "told"))
    assert fresh == Ledger(path=path).step("s", lambda: ([], "")) == [["a", 1.0]]


def desk(corpus: Corpus, model: Scripted | None, budget: Budget | None = None) -> Desk:
    return Desk(corpus, Finder({}, corpus, len(corpus)), Ledger(budget or Budget()), model)


def test_questions_are_counted_and_limited(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="--model"):
        desk(corpus, None).write("x")
    one = desk(corpus, Scripted("first", "second", "third"), Budget(tokens=50))
    assert one.write("x") == "first"
    assert one.ledger.cost.tokens == 25
    assert one.write("x") == "second"
    with pytest.raises(SpentError, match="50 tokens"):
        one.write("x")
    assert one.ledger.cost.calls == 2


def test_kept_replies_cost_nothing(corpus: Corpus) -> None:
    class Kept(Scripted):
        def ask(self, questions):  # type: ignore[no-untyped-def]
            return [Reply("known", tokens_in=9, kept=True) for _ in questions]

    one = desk(corpus, Kept())
    assert one.write("x") == "known"
    assert one.ledger.cost.calls == 0


def test_what_a_model_was_shown_is_not_its_answer(corpus: Corpus) -> None:
    one = desk(corpus, Scripted("- lidar sensors\n1. Graph models\nTopic: graphs"))
    said = one.write("Topic: graphs", examples=[("Topic: cars", "- lidar sensors")])
    assert said == "1. Graph models"


def test_fusion_by_rank() -> None:
    ranked = fuse([("A", 1.0, [("x", 9.0), ("y", 1.0)]), ("B", 2.0, [("y", 0.1)])], 5)
    assert [one.paper for one in ranked] == ["y", "x"]
    assert ranked[0].score == pytest.approx(1 / 62 + 2 / 61)
    assert ranked[0].reasons == ("B (rank 1)", "A (rank 2)")
    assert Brief("t").before == ""
