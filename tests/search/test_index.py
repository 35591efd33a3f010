"""The index: changes are seen at once, and segments do not show."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.errors import DataError, RunError
from palate.search import index as module
from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.lexical import BM25, BM25Config
from palate.search.merging import FACTOR, choose
from palate.search.results import Query

WORDS = ["wing", "flutter", "heat", "flow", "slab", "cat", "dog", "plate", "speed", "night"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
CHANGES = st.lists(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), TEXTS | st.none()), min_size=1, max_size=4),
    max_size=12,
)


def lists(index: SearchIndex) -> list[list[tuple[str, float]]]:
    queries = [Query(str(i), text) for i, text in enumerate([*WORDS, "cat cat dog", "heat flow"])]
    return [
        [(hit.document, hit.score) for hit in results]
        for results in BM25(BM25Config(), index).retrieve(queries, 100)
    ]


@settings(max_examples=12)
@given(CHANGES)
def test_an_index_that_grew_equals_one_that_was_built_at_once(tmp_path_factory, batches):
    folder = tmp_path_factory.mktemp("law")
    grown = SearchIndex.create(folder / "grown")
    texts: dict[str, str] = {}
    for batch in batches:
        with grown.writing() as writer:
            for name, text in batch:
                if text is None:
                    assert writer.delete(name) == (name in texts)
                    texts.pop(name, None)
                else:
                    writer.put(Document(name, text))
                    texts[name] = text
        lists(grown)  # readers in between change nothing
    built = SearchIndex.create(folder / "built")
    built.add(Document(name, text) for name, text in sorted(texts.items()))
    for one, other in zip(lists(grown), lists(built), strict=True):
        assert [name for name, _ in one] == [name for name, _ in other]
        assert [s for _, s in one] == pytest.approx([s for _, s in other], abs=1e-6)
    assert sorted(grown.snapshot().store.ids()) == sorted(texts)
    assert len(grown.snapshot()) == len(texts)


def test_scifact_in_many_segments_with_changes_equals_scifact_at_once(scifact, tmp_path):
    snapshot = scifact.snapshot()
    documents = [snapshot.document(one) for one in snapshot.store.ids()]
    grown = SearchIndex.create(tmp_path / "grown")
    random = np.random.default_rng(0)
    grown.add((Document(d.id, "an older text", d.title) for d in documents[::7]), batch=200)
    order = [documents[i] for i in random.permutation(len(documents))]
    grown.add(order, batch=450)
    grown.add([Document("extra", "vitamin d immune system")])
    grown.delete(["extra"])
    assert len(grown.snapshot().views) > 1
    queries = [Query(d.id, d.title) for d in documents[:60]]
    for one, other in zip(
        BM25(BM25Config(), grown).retrieve(queries, 50),
        BM25(BM25Config(), scifact).retrieve(queries, 50),
        strict=True,
    ):
        assert one.documents == other.documents
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-6)


def test_a_change_is_seen_by_the_next_query(small):
    bm25 = BM25(BM25Config(), small)

    def ids(text):
        return bm25.retrieve([Query("1", text)], 10)[0].documents

    assert ids("zeppelin") == []
    small.add([Document("air", "A zeppelin is no wing.")])
    assert ids("zeppelin") == ["air"]
    small.add([Document("air", "A balloon.")])
    assert ids("zeppelin") == []
    assert ids("balloon") == ["air"]
    assert small.delete(["air", "never there"]) == ["air"]
    assert ids("balloon") == []


def test_another_process_or_object_sees_it_too(small):
    other = SearchIndex(small.folder)
    bm25 = BM25(BM25Config(), other)
    assert not bm25.retrieve([Query("1", "zeppelin")], 10)[0].hits
    small.add([Document("air", "A zeppelin.")])
    assert bm25.retrieve([Query("1", "zeppelin")], 10)[0].documents == ["air"]


def test_what_is_the_same_is_left_alone_and_a_change_has_a_version(small):
    assert small.add([Document("cat", "Cats purr."), Document("new", "x")]) == {
        "added": 1, "changed": 1, "same": 0,
    }  # fmt: skip
    assert small.add([Document("cat", "Cats purr.")]) == {"added": 0, "changed": 0, "same": 1}
    snapshot = small.snapshot()
    assert snapshot.document("cat").version == 2
    assert snapshot.document("cat", 1).text == "Cats sleep most of the day and hunt at night."
    assert [c.state for c in snapshot.store.history("cat")] == ["replaced", "live"]


def test_a_deletion_erases_the_words_and_versions_go_on(small, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0)
    small.add([Document("cat", "Cats purr.")])
    small.delete(["cat"])
    snapshot = small.snapshot()
    for version in (None, 1, 2):
        with pytest.raises(DataError, match="no document 'cat"):
            snapshot.document("cat", version)
    small.add([Document("cat", "A cat again.")])
    assert small.snapshot().document("cat").version == 3
    small.delete(["cat"])
    small.compact()
    held = b"".join(p.read_bytes() for p in small.folder.rglob("*") if p.is_file())
    assert b"purr" not in held
    assert b"Dogs bark" in held


def test_a_reader_keeps_what_it_began_with(small):
    with small.reading() as snapshot:
        SearchIndex(small.folder).delete(["cat"])
        assert snapshot.text("cat").startswith("Cats sleep")
        found = BM25(BM25Config(), small).retrieve([Query("1", "cats hunt")], 10)[0]
        assert found.documents[0] == "cat"
    assert BM25(BM25Config(), small).retrieve([Query("1", "hunt")], 10)[0].documents == []


def test_a_second_writer_is_told_in_one_line(small):
    with small.writing(), pytest.raises(RunError, match="somebody else is writing"):
        SearchIndex(small.folder).add([Document("x", "x")])
    SearchIndex(small.folder).add([Document("x", "x")])


def test_an_error_while_writing_drops_what_was_not_committed(small):
    def broken():
        yield Document("x", "never seen")
        raise DataError("row 2 is bad")

    with pytest.raises(DataError):
        small.add(broken())
    assert "x" not in small.snapshot()
    assert len(small.snapshot()) == 5


def test_threads_read_while_one_writes(small):
    errors: list[Exception] = []
    done = threading.Event()

    def read():
        bm25 = BM25(BM25Config(), small)
        try:
            while not done.is_set():
                [results] = bm25.retrieve([Query("1", "number")], 1000)
                with small.reading() as snapshot:
                    count = len(snapshot)
                assert len(results) <= count
        except Exception as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(20):
        small.add([Document(f"n{number}", f"number {number}")])
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert len(small.snapshot()) == 25


def test_segments_stay_few(tmp_path: Path):
    index = SearchIndex.create(tmp_path / "idx")
    for number in range(70):
        index.add([Document(str(number), f"word{number} all")])
        assert len(index.snapshot().views) <= 2 * FACTOR
    assert len(index.snapshot()) == 70
    index.delete(map(str, range(60)))
    assert sum(len(v.segment) for v in index.snapshot().views) <= 20  # deleted ones are let go
    index.compact()
    assert len(index.snapshot().views) == 1


@given(st.lists(st.integers(1, 5000), max_size=30))
def test_merging_ends_with_few_segments(sizes):
    while (which := choose(sizes, [0] * len(sizes))) is not None:
        assert len(sizes[which]) >= 2
        sizes[which] = [sum(sizes[which])]
    assert choose(sizes, [0] * len(sizes)) is None


def test_files_that_nobody_needs_are_removed_after_a_while(small, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0)
    for number in range(10):
        small.add([Document(f"n{number}", "x")])
    small.compact()
    small.add([])
    folders = {path.name for path in (small.folder / "segments").iterdir()}
    assert folders == {view.segment.name for view in small.snapshot().views}


@pytest.mark.parametrize("text", ["", "  ", "\ud800 half a surrogate", "a\0b", "日本語 テキスト"])
def test_strange_texts_are_kept(small, text):
    small.add([Document("strange", text, text)])
    small.compact()
    assert small.snapshot().document("strange").id == "strange"
    assert len(small.snapshot()) == 6


def test_what_is_no_index_is_said(tmp_path: Path):
    with pytest.raises(RunError, match="palate search index"):
        SearchIndex(tmp_path)
    (tmp_path / "documents.sqlite").write_text("this is no database, but it is long enough " * 9)
    with pytest.raises(RunError, match="database"):
        SearchIndex(tmp_path)
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        SearchIndex.create(full)
    SearchIndex.create(tmp_path / "once")
    with pytest.raises(RunError, match="palate search add"):
        SearchIndex.create(tmp_path / "once")
