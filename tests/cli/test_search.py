"""``palate search``, as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.cli.search import search
from palate.errors import SourceError

COMMANDS = [
    *("index", "add", "delete", "compact", "show", "query", "evaluate", "compare", "stages"),
    *("ask", "curate", "mine", "align", "calibrate", "harm", "clicks", "use"),
]
ROWS = [
    {"id": "wing", "title": "Wing flutter", "text": "The flutter of a swept wing."},
    {"id": "heat", "title": "Heat", "text": "Heat conduction in composite slabs."},
    {"id": "cat", "title": "Of cats", "text": "Cats sleep most of the day."},
    {"id": "evil", "title": "<script>alert(1)</script>", "text": "Slabs of heat <b>bold</b>."},
]


@pytest.fixture
def idx(palate) -> str:
    """An index that was made by the command."""
    Path("docs.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    answer = palate("search", "index", "docs.jsonl", "--out", "idx", "--vectors", "none")
    assert answer.code == 0, answer.err
    assert "4 added; 4 documents in idx" in answer.out
    return "idx"


@pytest.fixture
def judged(idx) -> list[str]:
    """Options that name queries and judgements."""
    Path("q.tsv").write_text("1\twing <i>flutter</i>\n2\tsleeping cats\n3\tunjudged\n")
    Path("q.qrels").write_text("1 0 wing 2\n1 0 heat 0\n2 0 cat 1\n9 0 cat 1\n")
    return ["--queries", "q.tsv", "--qrels", "q.qrels"]


def test_an_index_has_a_pipeline_of_its_own(palate, idx):
    line = "bm25(b=0) + bm25 > rrf"
    chosen = palate("search", "use", idx, line)
    assert (chosen.code, chosen.out.strip()) == (0, f"idx: pipeline {line}")
    found = json.loads(palate("search", "query", idx, "flutter", "--json").out)
    assert found["pipeline"] == ["bm25", "bm25-2", "rrf"]
    for wrong, word in (("mine.yaml", "write them out"), ("bm26", "bm26"), ("rrf", "retriever")):
        refused = palate("search", "use", idx, wrong)
        assert refused.code == 2
        assert word in refused.err
    assert line in palate("search", "show", idx).out


def test_query_finds_and_explains(palate, idx):
    answer = palate("search", "query", idx, "flutter of wings")
    assert answer.out.startswith("wing\t")
    assert answer.out.rstrip().endswith("\tWing flutter")
    told = palate("search", "query", idx, "flutter", "--pipeline", "bm25+bm25(b=0)", "--explain")
    assert "bm25 1st" in told.out
    assert "bm25-2 1st" in told.out
    assert "The flutter of a swept wing." in told.out
    assert "ms" in told.err
    found = json.loads(palate("search", "query", idx, "flutter", "--json").out)
    assert found["hits"][0]["document"] == "wing"
    assert found["hits"][0]["version"] == 1
    nothing = palate("search", "query", idx, "zeppelin")
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing found" in nothing.err


def test_few_documents_are_found_by_meaning_too_and_many_when_asked(palate, idx, monkeypatch):
    assert palate("search", "index", "docs.jsonl", "--out", "few").code == 0
    asked = ("feline slumber", "--json")
    found = json.loads(palate("search", "query", "few", *asked).out)
    assert found["hits"][0]["document"] == "cat"
    assert "dense" in found["pipeline"]
    assert "pipeline hybrid" in palate("search", "show", "few").out
    assert json.loads(palate("search", "query", idx, *asked).out)["pipeline"] == ["bm25"]
    monkeypatch.setattr("palate.cli.search.FEW", 3)
    answer = palate("search", "index", "docs.jsonl", "--out", "many")
    assert "--vectors minilm" in answer.err
    assert "pipeline bm25" in palate("search", "show", "many").out


def test_without_a_model_in_reach_documents_are_found_by_their_words(palate, idx, monkeypatch):
    def gone(*_, **__):
        raise SourceError("the registry does not answer")

    monkeypatch.setattr("palate.language.encoder.load_encoder", gone)
    answer = palate("search", "index", "docs.jsonl", "--out", "alone")
    assert answer.code == 0
    assert "the registry does not answer" in answer.err
    assert "pipeline bm25" in palate("search", "show", "alone").out


def test_changes_are_seen_at_once(palate, idx):
    assert palate("search", "add", idx, "--id", "zep", "--text", "A zeppelin.").code == 0
    assert palate("search", "query", idx, "zeppelin").out.startswith("zep")
    palate("search", "add", idx, "--id", "zep", "--title", "Balloon", "--text", "A balloon.")
    assert palate("search", "query", idx, "zeppelin").out == ""
    shown = palate("search", "show", idx, "zep")
    assert shown.out.startswith("zep@2  Balloon")
    assert "version 1 replaced" in shown.err
    assert "A zeppelin." in palate("search", "show", idx, "zep@1").out
    assert palate("search", "delete", idx, "zep").out == "1 deleted\n"
    assert palate("search", "query", idx, "balloon").out == ""
    assert palate("search", "compact", idx).code == 0
    assert "4 documents" in palate("search", "show", idx).out
    assert json.loads(palate("search", "show", idx, "--json").out)["segments"] == [4]


def test_adding_the_same_files_again_changes_nothing(palate, idx):
    told = json.loads(palate("search", "add", idx, "docs.jsonl", "--json").out)
    assert told == {"added": 0, "changed": 0, "same": 4, "documents": 4}


def test_evaluate_and_compare(palate, idx, judged):
    told = json.loads(palate("search", "evaluate", idx, *judged, "--json").out)
    [row] = told["rows"]
    assert row["metrics"]["ndcg@10"] == 1.0
    assert row["total"]["p99_ms"] >= row["total"]["p50_ms"] > 0
    assert any("1 queries have no judgement" in note for note in told["notes"])
    answer = palate(
        "search", "compare", idx, "bm25(b=0)", "rm3", *judged, "--out", "cmp", "-l", "2"
    )
    assert answer.code == 0, answer.err
    assert "vs bm25" in answer.out
    assert "Relevant from grade 2" in answer.out
    page = Path("cmp/report.html").read_text()
    assert "bm25(b=0)" in page
    assert "<i>flutter" not in page  # what people write is shown and not obeyed
    saved = json.loads(Path("cmp/comparison.json").read_text())
    assert {row["name"] for row in saved["rows"]} == {"bm25", "bm25(b=0)", "rm3"}


def test_own_documents_are_removed_where_asked(palate, idx):
    Path("q.tsv").write_text("wing\twing flutter heat\n")
    Path("q.qrels").write_text("wing 0 heat 1\n")
    words = ["--queries", "q.tsv", "--qrels", "q.qrels", "--metric", "mrr", "--json"]
    plain = json.loads(palate("search", "evaluate", idx, *words).out)
    kept = json.loads(palate("search", "evaluate", idx, *words, "--remove-query").out)
    assert plain["rows"][0]["metrics"]["mrr"] < kept["rows"][0]["metrics"]["mrr"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["query", "nowhere", "x"], "no search index; make one with"),
        (["query", "idx", "x", "-p", "bm26"], "did you mean bm25"),
        (["query", "idx", "x", "-p", "bm25(k3=1)"], "no setting is called 'k3'"),
        (["index", "docs.jsonl", "--out", "idx"], "add to it with: palate search add idx"),
        (["index", "docs.jsonl", "--out", "new", "--stem", "german"], "analysis.stem"),
        (["index", "gone.jsonl", "--out", "new"], "gone.jsonl: no such file"),
        (["add", "idx"], "--id and --text"),
        (["add", "idx", "--id", "x"], "--id and --text"),
        (["delete", "idx", "gone"], "no document 'gone'"),
        (["show", "idx", "gone@1"], "no document 'gone"),
        (["evaluate", "idx", "--queries", "docs.jsonl", "--qrels", "docs.jsonl"], "docs.jsonl"),
    ],
)
def test_errors_are_one_line(palate, idx, words, said):
    answer = palate("search", *words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_every_command_explains_itself(palate):
    assert {c.name or c.callback.__name__ for c in search.registered_commands} == {*COMMANDS}
    for command in COMMANDS:
        answer = palate("search", command, "--help")
        assert answer.code == 0
        assert f"Usage: palate search {command}" in answer.out
        if command != "stages":
            assert f"palate search {command} " in answer.out.partition("Example")[2]


def test_stages_are_listed(palate):
    answer = palate("search", "stages")
    assert "bm25" in answer.out
    assert "hybrid" in answer.out
