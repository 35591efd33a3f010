"""Other words for a query: real ones of a small model, gated, and never without the query."""

from __future__ import annotations

import pytest

from palate.language.questions import Question, Reply
from palate.search.query.difficulty import Difficulty, DifficultyConfig
from palate.search.query.rewriters import (
    Decomposition,
    DecompositionConfig,
    Grounded,
    GroundedConfig,
    HyDE,
    HyDEConfig,
    LanguageRewriter,
    MultiQuery,
    MultiQueryConfig,
    Query2Doc,
    Query2DocConfig,
    RewriterConfig,
    Rewriting,
    _without_label,
)
from palate.search.query.written import lines, prose
from palate.search.results import RAW, Query

from ..recorded import small
from ..shelf import Shelf

ASKED = [Query("1", "how do honey bees tell each other where flowers are"), Query("2", "espresso")]


def rewriters() -> list[LanguageRewriter]:
    model, shelf = small(), Shelf()
    return [
        Rewriting(model, RewriterConfig()),
        Query2Doc(model, Query2DocConfig()),
        HyDE(model, HyDEConfig(samples=2)),
        MultiQuery(model, MultiQueryConfig()),
        Decomposition(model, DecompositionConfig()),
        Grounded(model, GroundedConfig(documents=2), shelf, shelf),
    ]


@pytest.mark.parametrize("which", range(6))
def test_what_a_small_model_writes_stands_beside_the_query(which: int) -> None:
    rewriter = rewriters()[which]
    for query, found in zip(ASKED, rewriter.rewrite(ASKED), strict=True):
        raw = [one for one in found.texts if one.stage == RAW]
        assert [(one.text, one.weight) for one in raw] == [(query.text, 1.0)]
        others = [one for one in found.texts if one.stage != RAW]
        assert all(one.stage == rewriter.name for one in others)
        assert all(one.text.strip() == one.text != "" for one in others)
        if rewriter.method in ("query2doc", "grounded"):
            (text,) = others
            assert text.text.startswith(" ".join([query.text] * 5))
            assert found.dense[0].startswith(query.text)
        if rewriter.method == "hyde":
            assert not others
            assert len(set(found.dense)) == 2
    if rewriter.method == "decompose":
        assert rewriter.rewrite(ASKED)[1].cost == {"calls": 0, "kept": 0, "tokens": 0}


def test_the_query_is_repeated_to_its_share() -> None:
    class Writes:
        name = identity = "w"

        def ask(self, questions: list[Question]) -> list[Reply]:
            return [Reply("Sure, here is a passage: " + "word " * 70, (), 1, 1) for _ in questions]

    config = Query2DocConfig(repeat="adaptive", share=0.3)
    found = Query2Doc(Writes(), config).rewrite([Query("1", "green tea")])[0].texts[1]
    assert found.text.count("green tea") == 15  # 30 of 100 words
    assert found.text.count("word") == 70
    assert "passage" not in found.text
    short = Query2Doc(Writes(), Query2DocConfig(repeat=5, max_words=10))
    assert len(short.rewrite([Query("1", "green tea")])[0].texts[1].text.split()) == 20


def test_easy_queries_are_left_alone() -> None:
    shelf = Shelf()
    gate = Difficulty(shelf.statistics, DifficultyConfig(easy_above=1.5))
    assert gate.hard([*ASKED, Query("3", "the of is")]) == [False, False, True]
    found = Rewriting(small(), RewriterConfig(), gate).rewrite(ASKED)
    assert [len(one.texts) for one in found] == [1, 1]
    assert found[0].cost == {}


def test_clarity_tells_a_clear_query_from_a_vague_one() -> None:
    shelf = Shelf()
    config = DifficultyConfig(by="clarity", documents=2)
    gate = Difficulty(shelf.statistics, config, shelf, shelf)
    clear, vague = gate.measure([Query("1", "bowline knot"), Query("2", "nothing there")])
    assert clear > 1
    assert vague == 0
    assert gate.hard(ASKED) == [True, True]  # nothing is known yet
    gate.calibrate([Query("1", "bowline knot"), Query("2", "nothing there")])
    assert gate.hard([Query("1", "bowline knot"), Query("2", "nothing there")]) == [False, True]
    with pytest.raises(ValueError, match="needs a retriever"):
        Difficulty(shelf.statistics, config)


def test_what_is_written_is_made_usable() -> None:
    told = 'Here are some:\n1. "How bees dance"\n- how bees dance\n\n2) Bee waggle **'
    assert lines(told) == ["How bees dance", "Bee waggle"]
    assert lines("word " * 31) == []
    assert prose('Sure, here is a passage:\n\n"Bees  dance."') == "Bees dance."
    assert _without_label('Search query: "bees dancing"') == "bees dancing"
    assert _without_label("Mars: the red planet") == "Mars: the red planet"
