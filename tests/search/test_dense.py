"""Dense search: passages, caches, exactness, and what happens without a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError, SourceError
from palate.evaluation.retrieval import evaluate_lists
from palate.language import weights
from palate.search.dense import Dense, DenseConfig
from palate.search.documents import Document
from palate.search.index import IndexConfig, SearchIndex
from palate.search.layouts import read_qrels, read_queries
from palate.search.passages import passages
from palate.search.results import Query


@pytest.fixture(autouse=True)
def own_vectors(tmp_path, monkeypatch):
    """A cache of vectors that other tests do not fill; models stay where they are."""
    monkeypatch.setattr(
        "palate.search.vectors.cache_folder", lambda kind: _made(tmp_path / "cache" / kind)
    )


def _made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def ids(dense: Dense, text: str, k: int = 10) -> list[str]:
    return dense.retrieve([Query("1", text)], k)[0].documents


@given(st.integers(1, 30), st.integers(0, 29), st.lists(st.text("ab", min_size=1), max_size=80))
def test_passages_cover_the_text_and_overlap(words, overlap, text):
    parts = passages(Document("x", " ".join(text)), words, overlap)
    if not text:
        assert parts == []
        return
    split = [part.split() for part in parts]
    assert all(len(part) == min(words, len(text)) for part in split)
    covered = 0
    for part in split:
        starts = range(max(covered - words, 0), covered + 1)
        begin = max(s for s in starts if text[s : s + len(part)] == part and s <= covered)
        covered = max(covered, begin + len(part))
    assert covered == len(text)


def test_passages_stand_under_the_title():
    assert passages(Document("x", "a b c d e", "T"), 3, 1) == ["T\na b c", "T\nc d e"]
    assert passages(Document("x", "", "T"), 3, 1) == ["T"]


def test_meaning_is_found_without_a_shared_word(small):
    dense = Dense(DenseConfig(), small)
    assert ids(dense, "a kitten dozing")[0] == "cat"
    assert ids(dense, "aeroelastic vibration of aeroplanes")[0] == "wing"


def test_the_best_passage_counts_and_is_named(tmp_path):
    index = SearchIndex.create(tmp_path / "i", IndexConfig(passage_words=8, passage_overlap=2))
    filler = "stocks and bonds rose in quiet trading on tuesday "
    index.add([
        Document("long", filler * 3 + "the kitten fell asleep on the sofa " + filler),
        Document("other", filler * 4),
    ])  # fmt: skip
    [found] = Dense(DenseConfig(), index).retrieve([Query("1", "a sleeping cat")], 2)
    assert found.documents[0] == "long"
    parts = passages(index.snapshot().document("long"), 8, 2)
    assert "kitten" in parts[found.hits[0].passage]


@pytest.mark.parametrize("search", ["faiss", "hnsw"])
def test_faiss_finds_the_same(tmp_path, search):
    index = SearchIndex.create(tmp_path / "i", IndexConfig(passage_words=6, passage_overlap=1))
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(60)]
    index.add(
        (Document(f"d{i:03}", " ".join(random.choice(words, 20))) for i in range(150)), batch=60
    )
    exact = Dense(DenseConfig(model="lsa"), index)
    other = Dense(DenseConfig(model="lsa", search=search), index)
    index.delete(["d003", "d100"])
    queries = [Query(str(i), " ".join(random.choice(words, 3))) for i in range(10)]
    same = []
    for one, found in zip(exact.retrieve(queries, 10), other.retrieve(queries, 10), strict=True):
        assert "d003" not in found.documents
        same.append(len({*one.documents} & {*found.documents}) / 10)
        if search == "faiss":
            assert [h.score for h in found] == pytest.approx([h.score for h in one], abs=1e-5)
            best = {h.document: h.passage for h in one}
            assert [best[h.document] for h in found] == [h.passage for h in found]
    assert np.mean(same) >= (1.0 if search == "faiss" else 0.9)


def test_a_grown_index_finds_what_a_built_one_finds(tmp_path, small):
    dense = Dense(DenseConfig(), small)
    ids(dense, "warm the cache of five documents")
    small.add([Document("cat", "A cat purrs."), Document("bird", "Swallows migrate south.")])
    small.delete(["heat"])
    built = SearchIndex.create(tmp_path / "built")
    snapshot = small.snapshot()
    built.add([snapshot.document(one) for one in snapshot.store.ids()])
    queries = [Query("1", "pets"), Query("2", "aviation"), Query("3", "birds")]
    other = Dense(DenseConfig(), built).retrieve(queries, 10)
    for one, two in zip(dense.retrieve(queries, 10), other, strict=True):
        assert one.documents == two.documents
        assert [h.score for h in one] == pytest.approx([h.score for h in two], abs=1e-6)
        assert "heat" not in one.documents


def test_texts_are_encoded_once_and_forgotten_with_their_document(small, monkeypatch):
    dense = Dense(DenseConfig(), small)
    ids(dense, "anything")
    encoder, seen = dense._encoder, []
    real = encoder.encode

    def counted(texts, told=None):
        seen.extend(texts)
        return real(texts, told)

    monkeypatch.setattr(encoder, "encode", counted)
    small.add([Document("bird", "Swallows migrate south.")])
    ids(dense, "birds")
    assert seen == ["Swallows migrate south.", "birds"]
    small.compact()  # a new segment, of texts that are known
    seen.clear()
    ids(dense, "birds")
    assert seen == ["birds"]
    small.delete(["bird"])
    small.add([Document("bird", "Swallows migrate south.")])
    seen.clear()
    ids(dense, "birds")
    assert seen[0] == "Swallows migrate south."


def test_prefixes_are_part_of_what_is_encoded(small):
    plain = Dense(DenseConfig(), small).retrieve([Query("1", "cats")], 5)[0]
    config = DenseConfig(query_prefix="query: ", document_prefix="passage: ")
    marked = Dense(config, small).retrieve([Query("1", "cats")], 5)[0]
    assert [h.score for h in plain] != pytest.approx([h.score for h in marked], abs=1e-4)


def test_a_mean_of_texts_is_searched_for(small):
    dense = Dense(DenseConfig(), small)
    query = Query("1", "animals")
    [plain] = dense.retrieve_means([query], [[]], 5)
    assert plain.documents == ids(dense, "animals")
    [moved] = dense.retrieve_means([query], [["wings flutter in supersonic flow"] * 4], 5)
    assert moved.documents[0] == "wing"


def test_rocchio_moves_towards_what_was_found(small):
    config = DenseConfig(feedback="rocchio", feedback_documents=1, beta=100)
    [found] = Dense(config, small).retrieve([Query("1", "purring kittens")], 5)
    assert found.documents[0] == "cat"
    assert found.hits[0].score > 0.99  # the query has become the document


def test_without_a_model_in_reach_lsa_stands_in_and_says_so(small, monkeypatch):
    def unreachable(model):
        raise SourceError("no network")

    monkeypatch.setattr("palate.language.encoder.resolve", unreachable)
    dense = Dense(DenseConfig(), small)
    assert ids(dense, "supersonic flow")[0] in ("flow", "wing")
    [remark] = dense.remarks
    assert "lsa" in remark
    assert "no network" in remark


def test_lsa_is_kept_and_fitted_again_when_the_index_has_grown(small):
    dense = Dense(DenseConfig(model="lsa"), small)
    first = dense.encoder(small.snapshot()).fingerprint
    again = Dense(DenseConfig(model="lsa"), SearchIndex(small.folder))
    assert again.encoder(again.index.snapshot()).fingerprint == first
    small.add(Document(f"n{i}", f"sheep graze on hill {i}") for i in range(8))
    assert dense.encoder(small.snapshot()).fingerprint != first
    assert ids(dense, "grazing sheep")[0].startswith("n")


def test_lsa_needs_words_that_documents_share(tmp_path):
    index = SearchIndex.create(tmp_path / "i")
    index.add([Document("a", "one"), Document("b", "two")])
    with pytest.raises(ConfigError, match="share words"):
        ids(Dense(DenseConfig(model="lsa"), index), "one")


def test_an_unknown_model_is_named(small):
    with pytest.raises(ConfigError, match="minilmm"):
        ids(Dense(DenseConfig(model="minilmm"), small), "x")
    assert "minilm" in weights.ENCODERS


def test_an_index_without_documents_finds_nothing(tmp_path):
    assert ids(Dense(DenseConfig(), SearchIndex.create(tmp_path / "i")), "x") == []


def test_lsa_on_cranfield(cranfield, shared_data):
    qrels = read_qrels(shared_data / "cranfield/cranqrel")
    queries = read_queries(shared_data / "cranfield/cran.qry")
    run = Dense(DenseConfig(model="lsa"), cranfield).retrieve(queries, 100)
    lists = {r.query.id: r.documents for r in run}
    means = evaluate_lists(lists, qrels, ["ndcg@10"], gain="binary").means()
    assert means["ndcg@10"] == pytest.approx(0.559, abs=0.01)
