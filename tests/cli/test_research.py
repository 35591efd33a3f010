"""``palate research`` as people type it, on a field that is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from palate.research.synthetic import Synthetic, SyntheticConfig, generate


@pytest.fixture(scope="module")
def field() -> Synthetic:
    return generate(SyntheticConfig(papers=120, seed=2))


@pytest.fixture
def corpus(field: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The papers in a file, and a cache that is this test's alone."""
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "papers.jsonl"
    rows = [
        {"id": p.id, "title": p.title, "abstract": p.abstract, "date": p.date,
         "authors": list(p.authors), "references": list(p.references)}
        for p in field.corpus
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def topics(field: Synthetic, tmp_path: Path) -> Path:
    path = tmp_path / "survey.jsonl"
    rows = [
        {"id": t.id, "title": t.title, "publicationDate": t.date,
         "references": {"influential": [p for p, g in t.grades.items() if g == 2],
                        "relevant": list(t.grades)},
         "typology": json.dumps({child.label: {leaf.label: None for leaf in child.children}
                                 for child in t.tree.children})}
        for t in field.topics[:4] if t.tree is not None
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


WORDS = ["--words-only", "--encoder", "lsa"]


def test_run_then_evaluate(palate, field, corpus, topics, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    topic, out = field.topics[0], tmp_path / "field"
    typed = ["research", "run", "--topic", topic.title, "--corpus", str(corpus), "--before",
             topic.date, "--out", str(out), "-k", "40", *WORDS]  # fmt: skip
    first = palate(*typed)
    assert first.code == 0, first.err
    page, text = (out / "report.html").read_text(), (out / "report.md").read_text()
    assert "<details" in page
    assert "<script" not in page
    assert "## What was done" in text
    rows = [json.loads(line) for line in (out / "papers.jsonl").read_text().splitlines()]
    assert len(rows) == 40
    assert all(row["date"] < topic.date and row["reasons"] for row in rows)
    steps = (out / "steps.jsonl").read_text()
    again = palate(*typed, "--json")
    assert (out / "steps.jsonl").read_text() == steps  # nothing was done twice
    assert [one["id"] for one in json.loads(again.out)["papers"]] == [r["paper"] for r in rows]
    other = palate(*(word if word != "40" else "30" for word in typed))
    assert other.code == 2
    assert "other settings" in other.err
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("".join(f"topic 0 {p} {g}\n" for p, g in topic.grades.items()))
    judged = palate("research", "evaluate", "--task", "discovery", "--run", str(out / "papers.run"),
                    "--truth", str(qrels), "--json")  # fmt: skip
    assert json.loads(judged.out)["metrics"]["precision@10"] > 0.8
    drawn = palate("research", "evaluate", "--task", "organization", "--run",
                   str(out / "tree.json"), "--truth", str(topics), "--topic", topic.id,
                   "--encoder", "lsa", "--json")  # fmt: skip
    assert drawn.code == 0, drawn.err
    assert 0 < json.loads(drawn.out)["metrics"]["tree_distance_normalised"] < 1


def test_compare(palate, corpus, topics, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    typed = ["research", "compare", "title", "title@abstract", "scout", "--corpus", str(corpus),
             "--topics", str(topics), "--out", str(tmp_path / "bench"), "--set",
             "title@abstract.way=bm25-abstract", "--json", *WORDS]  # fmt: skip
    found = json.loads(palate(*typed).out)
    lines = {line["system"]: line for line in found["systems"]}
    assert set(lines) == {"title", "title@abstract", "scout"}
    assert lines["title"]["p"] is None
    assert 0 < lines["scout"]["p"] <= 1
    assert lines["scout"]["cost"]["searches"] > lines["title"]["cost"]["searches"] == 1
    selection = json.loads(palate(*typed, "--task", "selection").out)
    assert selection["systems"][0]["metrics"]["ndcg@10"] > 0
    assert (tmp_path / "bench/discovery.md").read_text().count("|") > 20
    trees = palate("research", "compare", "clustering", "cartographer", "--corpus", str(corpus),
                   "--topics", str(topics), "--out", str(tmp_path / "trees"), "--task",
                   "organization", *WORDS)  # fmt: skip
    assert trees.code == 0, trees.err
    assert "heading_f1" in trees.out


def test_recommend_from_a_library(palate, field, corpus, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    branch = field.tree.children[0].all_papers()
    mine = tmp_path / "mine.bib"
    mine.write_text(
        "".join(f"@misc{{{p}, title={{{field.corpus.title(p)}}}}}\n" for p in branch[:5])
    )
    asked = ["--library", str(mine), "--corpus", str(corpus), "--json", *WORDS]
    said = palate("research", "recommend", *asked)
    found = [one["id"] for one in json.loads(said.out)]
    assert not set(found) & set(branch[:5])
    assert len(set(found) & set(branch)) > 5


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["run", "--finder", "scot"], "did you mean scout"),
        (["run", "--before", "soon"], "'soon' is no date"),
        (["run", "--corpus", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["run", "--finder", "zero-shot"], "--model"),
        (["run", "--set", "scout.round=1"], "round"),
        (["evaluate", "--task", "search", "--run", "x", "--truth", "y"], "discovery, selection"),
        (["compare", "clustering", "--topics", "x.jsonl"], "x.jsonl"),
    ],
)
def test_errors_name_the_mend(palate, corpus, tmp_path, typed, said) -> None:  # type: ignore[no-untyped-def]
    needed = {"--corpus": str(corpus), "--out": str(tmp_path / "o"), "--encoder": "lsa"}
    if typed[0] == "run":
        needed |= {"--topic": "graphs", "--before": "2020"}
    if typed[0] == "evaluate":
        needed = {}
    rest = [word for flag, value in needed.items() if flag not in typed for word in (flag, value)]
    found = palate("research", *typed, *rest)
    assert found.code == 2
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1
