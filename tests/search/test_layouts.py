"""Collections as they come: real ones, hand-made ones, and broken ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from palate.errors import ConfigError, DataError
from palate.search.layouts import Columns, read_documents, read_qrels, read_queries


def test_real_collections(shared_data):
    counts = {
        "scifact": 5183, "cranfield/cran.all.1400": 1400, "noveleval/corpus.tsv": 420,
    }  # fmt: skip
    for name, count in counts.items():
        documents = list(read_documents(shared_data / name))
        assert len({d.id for d in documents}) == count
        assert sum(not (d.title or d.text) for d in documents) <= 2  # two of Cranfield are empty
    pairs = {
        ("scifact", "scifact"): (300, 339),
        ("cranfield/cran.qry", "cranfield/cranqrel"): (225, 1837),
        ("noveleval/queries.tsv", "noveleval/qrels.txt"): (21, 420),
    }
    for (queries, qrels), (judged, grades) in pairs.items():
        found = read_qrels(shared_data / qrels)
        assert len(found) == judged
        assert sum(map(len, found.values())) == grades
        assert {*found} <= {q.id for q in read_queries(shared_data / queries)}


def test_cranfield_is_numbered_by_place_and_graded_upwards(shared_data):
    queries = read_queries(shared_data / "cranfield/cran.qry")
    assert [q.id for q in queries] == [str(n) for n in range(1, 226)]
    assert read_qrels(shared_data / "cranfield/cranqrel")["1"]["184"] == 3


def test_topics_are_asked_by_the_field_that_is_named(shared_data):
    told = []
    path = shared_data / "acm-cr/contexts.topics"
    queries = read_queries(path, columns=Columns(text=("desc",)), told=told.append)
    assert len(queries) == 268
    assert queries[0].text.startswith("Information relevance is one of")
    assert queries[0].fields["title"].startswith("Relevance Prediction")
    assert "340982510" in told[0]
    with pytest.raises(DataError, match="no <abstract>"):
        read_queries(path, columns=Columns(text=("abstract",)))


def test_json_lines_with_fields_and_time(tmp_path: Path):
    path = tmp_path / "papers.jsonl.gz"
    rows = [
        {"doi": "a", "title": "One", "abstract": "first", "year": 2016, "keywords": ["x", "y"]},
        {"doi": "b", "abstract": "second"},
    ]
    with gzip.open(path, "wt") as file:
        file.write("\n".join(map(json.dumps, rows)))
    one, two = read_documents(path)
    assert (one.id, one.title, one.text) == ("a", "One", "first")
    assert one.time == 1451606400
    assert one.fields == {"keywords": ["x", "y"]}
    assert (two.id, two.title, two.text, two.time) == ("b", "", "second", None)


def test_columns_can_be_named_and_joined(tmp_path: Path):
    path = tmp_path / "shop.csv"
    path.write_text('sku,what,about,more\n7,"a, lamp","bright\nlight",red\n')
    [found] = read_documents(path, columns=Columns("sku", "what", ("about", "more")))
    assert (found.id, found.title, found.text) == ("7", "a, lamp", "bright\nlight\nred")
    with pytest.raises(DataError, match="did you mean 'about'"):
        list(read_documents(path, columns=Columns(text=("abuot",))))


def test_rows_without_an_id_column_are_numbered(tmp_path: Path):
    path = tmp_path / "notes.csv"
    path.write_text("text,colour\nhello,red\nworld,blue\n")
    assert [d.id for d in read_documents(path)] == ["2", "3"]


def test_parquet(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": [1, 2], "text": ["a", None], "n": [0.5, 1.5]}).write_parquet(path)
    one, two = read_documents(path)
    assert (one.id, one.text, one.fields) == ("1", "a", {"n": 0.5})
    assert two.text == ""


def test_a_folder_of_texts_and_tables(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.md").write_text("# On wings\n\nThey flutter.\n")
    (tmp_path / "b.txt").write_text("Plain.")
    (tmp_path / "c.jsonl").write_text('{"id": "c", "text": "row"}')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / ".hidden.txt").write_text("no")
    found = {d.id: d for d in read_documents(tmp_path)}
    assert set(found) == {"sub/a.md", "b.txt", "c"}
    assert (found["sub/a.md"].title, found["sub/a.md"].text) == ("On wings", "They flutter.")


def test_trec_documents_topics_and_judgements(tmp_path: Path):
    documents = tmp_path / "docs.trec"
    documents.write_text(
        "<DOC>\n<DOCNO> A-1 </DOCNO>\n<HEADLINE>On &amp; off</HEADLINE>\n<TEXT>\n<P>body</P>\n"
        "</TEXT>\n</DOC>\n<DOC>\n<DOCNO>A-2</DOCNO>\n<TEXT>more</TEXT>\n</DOC>\n"
    )
    one, two = read_documents(documents)
    assert (one.id, one.title, one.text) == ("A-1", "On & off", "body")
    assert (two.id, two.text) == ("A-2", "more")
    topics = tmp_path / "topics.txt"
    topics.write_text(
        "<top>\n<num> Number: 301\n<title> crime\n<desc> Description:\nwhat is\nit\n</top>\n"
    )
    [query] = read_queries(topics)
    assert (query.id, query.text, query.fields) == ("301", "crime", {"desc": "what is it"})
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("301 0 A-1 2\n301 0 A-2 -1\n")
    assert read_qrels(qrels) == {"301": {"A-1": 2, "A-2": -1}}


CUT_GZIP = gzip.compress(b'{"id": 1, "text": "x"}\n' * 99, mtime=0)[:-9]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"id": 1, "text": "x"}\n{"id": 2,\n', "row 2: not a JSON object"),
        ("a.jsonl", b"[1]\n", "row 1: not a JSON object but list"),
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b'{"id": 1, "colour": "x"}\n', "--text-column"),
        ("a.jsonl", b'{"id": "", "text": "x"}\n', "row 1: column 'id' is empty"),
        ("a.jsonl", b'{"id": 1, "text": "\xff"}\n', "row 1: byte 0xff is not UTF-8"),
        ("a.jsonl", b'{"id": 1, "text": "x", "date": "soon"}\n', "row 1: 'soon' is no time"),
        ("a.csv", b"id,text\n1,a,b\n", "row 2: 3 columns"),
        ("a.tsv", b"1\thello\n2 world\n", "row 2: no tab"),
        ("a.parquet", b"PAR1", "not a Parquet file"),
        ("a.jsonl.gz", CUT_GZIP, "gzip breaks off"),
        ("a.trec", b"<DOC>\n<DOCNO>1</DOCNO>\n", "row 1: <DOC> is not closed"),
        ("a.xyz", b"hello", "not a known layout"),
    ],
)
def test_errors_say_where_and_what_to_do(tmp_path: Path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        list(read_documents(path))
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("q 0 a 1\nq 0 b\n", "row 2: 3 columns"),
        ("q 0 a high\n", "'high' is no grade"),
        ("1 2 9\n", "row 1: code 9"),
    ],
)
def test_bad_judgements(tmp_path: Path, content, said):
    path = tmp_path / "qrels.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_qrels(path)


def test_what_is_not_there(tmp_path: Path):
    with pytest.raises(DataError, match="no such file"):
        list(read_documents(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no file in there"):
        list(read_documents(tmp_path))
    with pytest.raises(ConfigError, match="no layout 'xml'"):
        list(read_documents(tmp_path, "xml"))
