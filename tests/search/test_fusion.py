"""Fusion: the laws, the unit value, and the tuned combination."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.search.fusion import RRF, Convex, ConvexConfig, RRFConfig, tune
from palate.search.results import Hit, Query, Results

QUERY = Query("1", "q")
NAMES = st.lists(st.integers(0, 40).map(str), unique=True, min_size=1, max_size=15)


def ranked(names, stage, scores=None, query=QUERY) -> Results:
    scores = scores or [float(len(names) - place) for place in range(len(names))]
    hits = tuple(
        Hit(name, score).found(stage, rank, score)
        for rank, (name, score) in enumerate(zip(names, scores, strict=True), start=1)
    )
    return Results(query, hits)


@given(NAMES)
def test_identical_lists_keep_their_order(names):
    for fusion in (RRF(), Convex()):
        assert fusion.fuse([ranked(names, "a"), ranked(names, "b")], 50).documents == names


@given(st.integers(1, 10))
def test_disjoint_lists_alternate(n):
    left, right = [f"a{i:02}" for i in range(n)], [f"b{i:02}" for i in range(n)]
    fused = RRF().fuse([ranked(left, "a"), ranked(right, "b")], 50).documents
    assert fused == [name for pair in zip(left, right, strict=True) for name in pair]


def test_ranks_one_and_two_of_two_lists():
    fused = RRF().fuse([ranked("xy", "a"), ranked("yx", "b")], 2)
    assert [hit.score for hit in fused] == pytest.approx([1 / 61 + 1 / 62] * 2, abs=1e-12)
    assert fused.hits[0].score == pytest.approx(0.032522, abs=1e-6)
    assert fused.documents == ["x", "y"]  # both have a best rank of 1: by id
    assert [(f.stage, f.rank) for f in fused.hits[0].provenance] == [
        ("a", 1), ("b", 2), ("rrf", 1),
    ]  # fmt: skip


def test_equal_scores_go_to_the_better_single_rank():
    config = RRFConfig(weights={"a": 62, "b": 61})
    # "late" is second in a, "soon" first in b: 62 / 62 = 61 / 61.
    fused = RRF(config).fuse([ranked(["x", "a-late"], "a"), ranked(["z-soon"], "b")], 3)
    assert fused.documents == ["x", "z-soon", "a-late"]


def test_weights_of_texts_count():
    lists = [ranked("xy", "a"), ranked("yx", "a")]
    assert RRF().fuse(lists, 2, [1.0, 3.0]).documents == ["y", "x"]
    assert Convex().fuse(lists, 2, [3.0, 1.0]).documents == ["x", "y"]


def test_convex_stretches_each_list():
    fused = Convex(ConvexConfig(weights={"a": 1, "b": 3})).fuse(
        [ranked("xyz", "a", [12.0, 7.0, 2.0]), ranked("zy", "b", [0.9, 0.1])], 3
    )
    assert {hit.document: hit.score for hit in fused} == pytest.approx(
        {"z": 0.75, "x": 0.25, "y": 0.125}
    )


@given(NAMES, NAMES, st.integers(1, 20))
def test_a_fused_list_holds_each_document_once_and_is_cut(one, other, k):
    for fusion in (RRF(), Convex()):
        fused = fusion.fuse([ranked(one, "a"), ranked(other, "b")], k)
        assert len(fused) == min(k, len({*one, *other}))
        assert set(fused.documents) <= {*one, *other}


def test_tuning_finds_which_list_to_trust():
    queries = [Query(str(i), "q") for i in range(6)]
    good = [ranked(["yes", "no", "never"], "good", query=q) for q in queries]
    bad = [ranked(["never", "no", "yes"], "bad", query=q) for q in queries]
    qrels = {q.id: {"yes": 1} for q in queries}
    config, reached = tune({"good": good, "bad": bad}, qrels)
    assert reached == 1.0
    assert config.weights["good"] > config.weights["bad"]
    with pytest.raises(ConfigError, match="two retrievers"):
        tune({"good": good}, qrels)
