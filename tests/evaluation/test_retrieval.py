"""Metrics of ranked lists: trec_eval's, to the last digit that it prints and beyond."""

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.evaluation.retrieval import against, evaluate_lists, without_own

THEIRS = {
    "ndcg@10": "ndcg_cut_10", "ndcg": "ndcg", "mrr": "recip_rank", "recall@5": "recall_5",
    "precision@5": "P_5", "map": "map", "map@10": "map_cut_10",
}  # fmt: skip


@st.composite
def collections(draw):
    documents = [f"d{i}" for i in range(draw(st.integers(1, 25)))]
    queries = [f"q{i}" for i in range(draw(st.integers(1, 4)))]
    grades = st.dictionaries(st.sampled_from(documents), st.integers(-1, 3), min_size=1).filter(
        lambda found: max(found.values()) >= 0
    )  # below, trec_eval may never come back
    qrels = {query: draw(grades) for query in queries}
    lists = {query: draw(st.permutations(documents)) for query in queries}
    cuts = {query: draw(st.integers(1, len(documents))) for query in queries}
    return qrels, {query: lists[query][: cuts[query]] for query in queries}


@given(collections(), st.integers(1, 3))
def test_metrics_equal_those_of_trec_eval(collection, level):
    qrels, lists = collection
    ours = evaluate_lists(lists, qrels, list(THEIRS), relevant_from=level)
    run = {q: {d: float(len(ds) - i) for i, d in enumerate(ds)} for q, ds in lists.items()}
    judge = pytrec_eval.RelevanceEvaluator(
        qrels,
        {"ndcg_cut.10", "ndcg", "recip_rank", "recall.5", "P.5", "map", "map_cut.10"},
        relevance_level=level,
    )
    theirs = judge.evaluate(run)
    for row, query in enumerate(ours.queries):
        for name, other in THEIRS.items():
            assert ours.values[name][row] == pytest.approx(theirs[query][other], abs=1e-6)


def test_a_cut_of_the_reciprocal_rank_and_of_the_gain():
    qrels = {"1": {"a": 3, "b": 1}}
    found = evaluate_lists({"1": ["x", "b", "a"]}, qrels, ["mrr@1", "mrr@10", "ndcg@10"])
    assert found.means()["mrr@1"] == 0
    assert found.means()["mrr@10"] == 0.5
    linear = (1 / np.log2(3) + 3 / np.log2(4)) / (3 + 1 / np.log2(3))
    assert found.means()["ndcg@10"] == pytest.approx(linear)
    steep = evaluate_lists({"1": ["x", "b", "a"]}, qrels, ["ndcg@10"], gain="exponential")
    assert steep.means()["ndcg@10"] == pytest.approx(
        (1 / np.log2(3) + 7 / np.log2(4)) / (7 + 1 / np.log2(3))
    )
    flat = evaluate_lists({"1": ["x", "b", "a"]}, qrels, ["ndcg@10"], 2, "binary")
    assert flat.means()["ndcg@10"] == pytest.approx(1 / np.log2(4))


def test_a_query_without_a_list_counts_as_nothing_found():
    found = evaluate_lists({"1": ["a"]}, {"1": {"a": 1}, "2": {"b": 1}}, ["ndcg@10"])
    assert found.queries == ("1", "2")
    assert found.means() == {"ndcg@10": 0.5}


def test_own_documents_are_taken_out():
    assert without_own({"a": ["a", "b"], "c": ["b", "a"]}) == {"a": ["b"], "c": ["b", "a"]}


def test_differences_are_tested_over_queries_and_corrected():
    qrels = {str(i): {"a": 1} for i in range(40)}
    good = evaluate_lists({q: ["a"] for q in qrels}, qrels, ["mrr"])
    same = evaluate_lists({q: ["a", "b"] for q in qrels}, qrels, ["mrr"])
    bad = evaluate_lists({q: ["b", "a"] for q in qrels}, qrels, ["mrr"])
    tested = against(good, {"same": same, "bad": bad}, "mrr")
    assert tested["same"] == (0.0, 1.0)
    assert tested["bad"][0] == -0.5
    assert tested["bad"][1] < 0.001


@pytest.mark.parametrize("name", ["ndgc@10", "mrr@0", "p@5"])
def test_an_unknown_metric_is_named(name):
    with pytest.raises(ConfigError, match=name):
        evaluate_lists({}, {"1": {"a": 1}}, [name])
