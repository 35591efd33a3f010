"""Completions: popular ones fade, unseen prefixes get ends, nothing unknown is shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.search.query.completion import (
    DAY,
    Completer,
    CompletionConfig,
    PrefixTrie,
    add_logs,
    normal,
)

from ..recorded import small

LOG = (
    [("green tea", 0.0)] * 5
    + [("green tea bitter", 40 * DAY)] * 2
    + [("green bread", 40 * DAY)]
    + [("how to tune a piano", 10 * DAY)] * 3
    + [("best piano for beginners", 12 * DAY)]
)


@given(
    st.lists(st.tuples(st.text("ab ", min_size=1, max_size=5), st.integers(0, 90)), max_size=30),
    st.text("ab ", max_size=3),
    st.integers(1, 5),
)
def test_the_trie_gives_what_counting_gives(
    log: list[tuple[str, int]], prefix: str, k: int
) -> None:
    trie = PrefixTrie(30.0)
    weights: dict[str, float] = {}
    for text, time in log:
        trie.add(text, time)
        weights[text] = weights.get(text, 0.0) + 2 ** (time / 30)
    found = trie.top(prefix, k)
    there = [text for text in weights if text.startswith(prefix)]
    assert len(found) == min(k, len(there))
    assert [weights[text] for text in found] == pytest.approx(
        sorted((weights[text] for text in there), reverse=True)[:k]
    )
    newest = max((time for _, time in log), default=0)
    for text in found:
        assert trie.weight(text) == pytest.approx(weights[text] / 2 ** (newest / 30))


def test_old_queries_fade() -> None:
    assert Completer(LOG).complete("green", 2) == ["green tea bitter", "green tea"]
    slow = Completer(LOG, CompletionConfig(half_life=1000))
    assert slow.complete("green", 2) == ["green tea", "green tea bitter"]


def test_ends_of_other_queries_complete_what_nobody_began() -> None:
    assert Completer(LOG).complete("second hand pi")[:1] == ["second hand piano"] or Completer(
        LOG
    ).complete("second hand pi") == ["second hand piano for beginners", "second hand piano"]
    assert Completer(LOG).complete("zzz") == []


def test_a_model_scores_and_proposes() -> None:
    found = Completer(LOG, CompletionConfig(proposals=3), small()).complete("green te", 5)
    assert {"green tea", "green tea bitter"} <= set(found)
    assert found[0] == "green tea"  # likelier than what the log has lately
    assert all(one.startswith("green te") for one in found)


def test_nothing_unknown_is_shown() -> None:
    known = {"green", "tea"}
    assert Completer(LOG, known=known).complete("green") == ["green tea"]
    proposing = Completer(LOG, CompletionConfig(proposals=3), small(), known)
    assert proposing.complete("green te") == ["green tea"]


def test_a_space_ends_a_word() -> None:
    assert normal("  Green  ", end=True) == "green "
    assert Completer(LOG).complete("green  ") == Completer(LOG).complete("Green ")
    assert add_logs(3.0, 3.0) == 4.0
    assert add_logs(-math.inf, 2.0) == 2.0
