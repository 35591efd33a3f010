"""BM25: bm25s' scores, whatever the segments; and the published numbers."""

from __future__ import annotations

import math
from pathlib import Path

import bm25s
import pytest

from palate.errors import ConfigError
from palate.evaluation.retrieval import evaluate_lists
from palate.search.analysis import AnalysisConfig, Analyzer
from palate.search.documents import Document
from palate.search.index import IndexConfig, SearchIndex
from palate.search.layouts import read_documents, read_qrels, read_queries
from palate.search.lexical import BM25, BM25Config
from palate.search.results import Query


def found(index: SearchIndex, text: str, k: int = 10, **settings) -> dict[str, float]:
    [results] = BM25(BM25Config(**settings), index).retrieve([Query("1", text)], k)
    return {hit.document: hit.score for hit in results}


def test_terms_are_lower_case_stemmed_and_without_stop_words():
    assert Analyzer().terms("The Wings of THESE aircraft are fluttering, at 2.5 Mach!") == [
        "wing", "aircraft", "flutter", "2", "5", "mach",
    ]  # fmt: skip
    plain = Analyzer(AnalysisConfig(stem="none", stop_words=False))
    assert plain.terms("The Wings") == ["the", "wings"]


def test_a_score_equals_the_formula(small):
    lengths = [len(Analyzer().terms(f"{d.title} {d.text}")) for d in _documents(small)]
    average = sum(lengths) / 5
    heat = next(d for d in _documents(small) if d.id == "heat")
    length = len(Analyzer().terms(f"{heat.title} {heat.text}"))
    idf = math.log(1 + (5 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 3 / (3 + 0.9 * (1 - 0.4 + 0.4 * length / average))
    assert found(small, "heat") == {"heat": pytest.approx(expected, abs=1e-6)}
    assert found(small, "heat heat")["heat"] == pytest.approx(2 * expected, abs=1e-6)


def test_scores_are_those_of_bm25s(scifact, shared_data):
    documents = list(read_documents(shared_data / "scifact"))
    analyzer = Analyzer()
    theirs = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    theirs.index([analyzer.terms(f"{d.title} {d.text}") for d in documents], show_progress=False)
    queries = read_queries(shared_data / "scifact")[:40]
    for query, ours in zip(queries, BM25(BM25Config(), scifact).retrieve(queries, 20), strict=True):
        scores = theirs.get_scores(analyzer.terms(query.text))
        expected = {d.id: float(s) for d, s in zip(documents, scores, strict=True)}
        assert [hit.score for hit in ours] == pytest.approx(
            sorted(expected.values(), reverse=True)[:20], abs=1e-4
        )
        for hit in ours:
            assert hit.score == pytest.approx(expected[hit.document], abs=1e-4)


@pytest.mark.parametrize(
    ("settings", "ndcg", "recall"),
    [({}, 0.6769, 0.9287), ({"k1": 1.2, "b": 0.75}, 0.6828, None)],
)
def test_scifact_gives_the_published_number(scifact, shared_data, settings, ndcg, recall):
    folder = shared_data / "scifact"
    qrels = read_qrels(folder)
    queries = [q for q in read_queries(folder) if q.id in qrels]
    run = BM25(BM25Config(**settings), scifact).retrieve(queries, 100)
    means = evaluate_lists({r.query.id: r.documents for r in run}, qrels).means()
    assert means["ndcg@10"] == pytest.approx(ndcg, abs=0.0015)
    if recall is not None:
        assert means["recall@100"] == pytest.approx(recall, abs=0.0015)


@pytest.mark.parametrize(
    ("settings", "ndcg"),
    [({}, 0.4917), ({"k1": 1.2, "b": 0.75}, 0.5160), ({"feedback": "rm3"}, 0.524)],
)
def test_cranfield_gives_the_known_number(cranfield, shared_data, settings, ndcg):
    qrels = read_qrels(shared_data / "cranfield/cranqrel")
    queries = read_queries(shared_data / "cranfield/cran.qry")
    run = BM25(BM25Config(**settings), cranfield).retrieve(queries, 100)
    lists = {r.query.id: r.documents for r in run}
    means = evaluate_lists(lists, qrels, ["ndcg@10"], gain="binary").means()
    assert means["ndcg@10"] == pytest.approx(ndcg, abs=0.0015)


def test_equals_come_in_the_order_of_their_ids_also_at_the_cut(tmp_path: Path):
    index = SearchIndex.create(tmp_path / "idx")
    for name in "fbdace":
        index.add([Document(name, "same words")])
    index.add([Document("best", "same same")])
    assert list(found(index, "same")) == ["best", *"abcdef"]
    assert list(found(index, "same", k=3)) == ["best", "a", "b"]


def test_nothing_is_found_for_words_that_nobody_used(small):
    assert found(small, "zeppelin") == {}
    assert found(small, "the of and") == {}
    assert found(small, "") == {}


def test_an_empty_index_finds_nothing(tmp_path: Path):
    assert found(SearchIndex.create(tmp_path / "idx"), "anything") == {}


def test_a_field_counts_by_its_weight(tmp_path: Path):
    index = SearchIndex.create(tmp_path / "idx", IndexConfig(fields=("summary",)))
    index.add([
        Document("a", "about wings", fields={"summary": "flutter"}),
        Document("b", "about flutter"),
        Document("c", "about heat", fields={"summary": ["flutter", "heat"]}),
    ])  # fmt: skip
    assert set(found(index, "flutter")) == {"a", "b", "c"}
    assert set(found(index, "flutter", weights={"summary": 0})) == {"b"}
    half, whole = (found(index, "flutter", weights={"summary": w})["a"] for w in (0.5, 1.0))
    assert whole == pytest.approx(2 * half)
    with pytest.raises(ConfigError, match="no field 'sumary'"):
        BM25(BM25Config(weights={"sumary": 1}), index)


def test_appended_fields_are_words_of_the_text(tmp_path: Path):
    index = SearchIndex.create(tmp_path / "idx", IndexConfig(appended=("queries",)))
    index.add([Document("a", "about wings", fields={"queries": ["why do planes shake"]})])
    assert list(found(index, "planes shaking")) == ["a"]


def test_feedback_finds_what_shares_no_word_with_the_query(small):
    assert "flow" not in found(small, "flutter")
    assert "flow" in found(small, "flutter", feedback="rm3", feedback_documents=1)
    assert "flow" in found(small, "flutter", feedback="rocchio", feedback_documents=1)
    assert list(found(small, "flutter", feedback="rm3", original=1.0)) == ["wing"]


def _documents(index: SearchIndex) -> list[Document]:
    snapshot = index.snapshot()
    return [snapshot.document(one) for one in snapshot.store.ids()]
