"""The three tasks by hand: truth that could be found, empty lists, identical trees."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from palate.errors import DataError
from palate.evaluation.headings import named_by_rule
from palate.research.corpus import Corpus
from palate.research.tasks import Topic, score_lists, score_trees
from palate.research.trees import Tree

TRUTH = {"x": {"a": 2, "b": 1, "c": 0}, "y": {"d": 1}}


def test_discovery_by_hand() -> None:
    means = score_lists("discovery", {"x": ["b", "n", "a"], "y": ["n"]}, TRUTH).means()
    assert means["recall@10"] == pytest.approx((1 + 0) / 2)
    assert means["precision@10"] == pytest.approx((2 / 10 + 0) / 2)  # over K, however short


def test_selection_by_hand() -> None:
    lists = {"x": ["b", "a"], "y": ["n", "d"]}
    ideal = 2 + 1 / math.log2(3)
    found = score_lists("selection", lists, TRUTH).means()
    assert found["ndcg@10"] == pytest.approx(
        ((1 + 2 / math.log2(3)) / ideal + 1 / math.log2(3)) / 2
    )
    assert found["mrr"] == pytest.approx((1 + 1 / 2) / 2)
    other = score_lists("selection", lists, TRUTH, gain="exponential").means()
    ideal = 3 + 1 / math.log2(3)
    assert other["ndcg@10"] == pytest.approx(
        ((1 + 3 / math.log2(3)) / ideal + 1 / math.log2(3)) / 2
    )


def test_what_the_notes_say() -> None:
    scores = score_lists("selection", {"y": ["d"]}, {"y": {"d": 1}, "z": {"e": 1}, "w": {}})
    assert scores.topics == ("y", "z")
    assert scores.means()["mrr"] == 0.5  # no list is 0, not nothing
    assert any("1 of 3 topics have no reference" in note for note in scores.notes)
    assert any("'z'" in note for note in scores.notes)
    assert any("influential" in note for note in scores.notes)
    with pytest.raises(DataError, match="stands twice"):
        score_lists("discovery", {"y": ["d", "d"]}, {"y": {"d": 1}})
    with pytest.raises(DataError, match="no topic has a reference"):
        score_lists("discovery", {}, {"y": {}})


def test_only_what_could_be_found_is_right(corpus: Corpus) -> None:
    topic = Topic("t", "The topic itself", "2020", {"a": 2, "d": 1, "s": 1, "elsewhere": 1})
    allowed, _ = topic.allowed(corpus)
    assert topic.truth(allowed) == {"a": 2}  # d is too late, s a survey, one not in the corpus


def tree(*labels: str) -> Tree:
    return Tree("topic", tuple(Tree(label, (), (f"p-{label}",)) for label in labels))


def test_trees(embed: Callable) -> None:  # type: ignore[type-arg]
    right = tree("graph networks", "BERT for text", "cold start")
    same = score_trees({"x": right}, {"x": right}, embed, named_by_rule, "by rule").means()
    for name in ("heading_recall", "heading_precision", "heading_f1", "entity_recall", "ari",
                 "v_measure", "path_similarity", "placed"):  # fmt: skip
        assert same[name] == pytest.approx(1), name
    assert same["tree_distance"] == same["unordered_normalised"] == 0
    nothing = score_trees({}, {"x": right}, embed, named_by_rule, "by rule")
    means = nothing.means()
    assert means["heading_recall"] == means["heading_f1"] == 0
    assert means["tree_distance"] == 3
    assert means["placed"] == means["path_similarity"] == means["ari"] == 0
    assert means["tree_distance_normalised"] == pytest.approx(3 / 5)
    assert any("1 topics have no tree" in note for note in nothing.notes)
    assert any("by rule; 33 %" in note for note in nothing.notes)


def test_the_root_is_told_to_everybody(embed: Callable) -> None:  # type: ignore[type-arg]
    right, other = Tree("topic", (Tree("graph"),)), Tree("topic", (Tree("text"),))
    means = score_trees({"x": other}, {"x": right}, embed, named_by_rule, "by rule").means()
    assert means["heading_recall"] == 0
    assert math.isnan(means["entity_recall"])  # no entity in the truth is not full recall


def test_half_of_the_papers_placed(embed: Callable) -> None:  # type: ignore[type-arg]
    right = tree("graph", "text")
    ours = Tree("topic", (Tree("graph", (), ("p-graph",)),))
    means = score_trees({"x": ours}, {"x": right}, embed, named_by_rule, "by rule").means()
    assert means["placed"] == 0.5
    assert means["path_similarity"] == 1
