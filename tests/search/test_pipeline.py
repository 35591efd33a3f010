"""Pipelines: what is written is what runs, and every hit tells where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from palate.errors import ConfigError
from palate.search.fusion import RRF
from palate.search.lexical import BM25, BM25Config
from palate.search.pipeline import Pipeline
from palate.search.results import Expansion, Query, Results, Texts, WeightedText
from palate.search.stages import STAGES, Stage, load, pipeline, read
from palate.search.trace import explained, sentence

QUERY = Query("1", "supersonic flow")


class Synonyms:
    """A rewriter that knows two words."""

    name = "synonyms"

    def rewrite(self, queries: Sequence[Query]) -> list[Expansion]:
        return [
            Expansion(q, (WeightedText("cats", 0.5, self.name),), seconds={self.name: 0.5},
                      cost={"calls": 1})
            for q in queries
        ]  # fmt: skip


class Longest:
    """A re-ranker that likes long texts."""

    name = "longest"

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        done = []
        for one in results:
            lengths = [len(texts.text(hit.document)) for hit in one.hits[:k]]
            order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
            done.append(one.reordered(order, self.name, [float(lengths[i]) for i in order]))
        return done


def test_every_stage_loads_and_says_what_it_is():
    for kind in STAGES:
        built = load(kind)
        assert built.kind in ("rewriter", "retriever", "fusion", "reranker")
        assert all(field.description for field in built.Config.model_fields.values()), kind.name


def test_a_line_is_read():
    assert read("bm25(k1=1.2, b=.75) + dense:a/b-c > convex(weights={bm25: 2, dense: 1})") == [
        Stage("bm25", {"k1": "1.2", "b": ".75"}, "bm25"),
        Stage("dense", {"model": "a/b-c"}, "dense"),
        Stage("convex", {"weights": "{bm25: 2, dense: 1}"}, "convex"),
    ]
    [quoted] = read("""dense(model='my models/a+b', query_prefix="Don't (ever), > so: ")""")
    assert quoted.settings == {"model": "my models/a+b", "query_prefix": "Don't (ever), > so: "}
    assert [stage.kind for stage in read("hybrid")] == ["bm25", "dense", "convex"]


def test_a_file_is_read(tmp_path: Path, small):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "- bm25:\n    k1: 1.2\n- bm25:\n    label: loose\n    b: 0\n- convex:\n"
        "    weights: {loose: 0.2}\n"
    )
    built = pipeline(small, path)
    assert built.name == "mine"
    assert built.stages == ["bm25", "loose", "convex"]
    assert built.retrievers[0].config == BM25Config(k1=1.2)
    assert built.retrieve([QUERY], 3)[0].documents[0] in ("flow", "wing")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "no stage"),
        ("rrf", "finds nothing"),
        ("bm25 > rrf > bm25", "cannot stand after a fusion"),
        ("bm25 + bm25 > rrf > convex", "fuses twice"),
        ("bm26", "did you mean bm25"),
        ("bm25 >", "missing beside"),
        ("bm25(k1)", "write name=value"),
        ("bm25:3", "takes no value"),
        ("bm25(k1=much)", "k1=much"),
        ("bm25 dense", "is no stage"),
        ("none.yaml", "no such file"),
        ("splade", "model"),
    ],
)
def test_what_makes_no_sense_is_said(small, written, said):
    with pytest.raises(ConfigError, match=said):
        pipeline(small, written)


def test_two_retrievers_are_fused_and_every_hit_tells(small):
    built = pipeline(small, "bm25 + lsa")
    [results] = built.retrieve([QUERY], 5)
    assert set(results.seconds) == {"bm25", "lsa", "rrf"}
    first = results.hits[0]
    assert {f.stage for f in first.provenance} == {"bm25", "lsa", "rrf"}
    assert first.provenance[-1].rank == 1
    with small.reading() as snapshot:
        rows = explained(snapshot, results)
    assert rows[0]["document"] == first.document
    assert rows[0]["version"] == 1
    assert rows[0]["text"] in small.text(first.document)
    assert "rrf 1st" in sentence(rows[0]["found"])


def test_a_single_retriever_is_left_as_it_is(small):
    bm25 = BM25(BM25Config(), small)
    assert Pipeline(small, [bm25]).retrieve([QUERY], 3)[0].documents == (
        bm25.retrieve([QUERY], 3)[0].documents
    )


def test_rewritten_texts_are_fused_with_the_raw_query(small):
    built = Pipeline(small, [BM25(BM25Config(), small)], [Synonyms()], RRF())
    assert built.stages == ["synonyms", "bm25", "rrf"]
    [results] = built.retrieve([QUERY], 5)
    assert results.query == QUERY
    assert set(results.documents[:2]) == {"flow", "wing"}  # the raw query weighs more
    assert set(results.documents[2:]) == {"cat", "dog"}
    cat = next(hit for hit in results if hit.document == "cat")
    assert cat.provenance[0].note == "synonyms: cats"
    assert results.seconds["synonyms"] == 0.5
    assert results.cost == {"calls": 1}


def test_a_reranker_orders_what_was_found_and_the_list_is_cut_last(small):
    built = Pipeline(small, [BM25(BM25Config(), small)], rerankers=[Longest()])
    [results] = built.retrieve([Query("1", "cats sleep night speed")], 2)
    lengths = [len(small.text(name)) for name in results.documents]
    assert lengths == sorted(lengths, reverse=True)
    assert len(results) == 2
    assert [f.stage for f in results.hits[0].provenance] == ["bm25", "longest"]
    assert results.seconds["longest"] > 0


def test_no_queries_no_results(small):
    assert pipeline(small, "bm25 + lsa").retrieve([], 5) == []
