"""``palate search query --run``, as people type it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from palate.experiments.run import Run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> str:
    """A run of EASE in the test's own folder."""
    return str(shutil.copytree(trained, tmp_path / "a-run"))


def test_items_are_found_for_somebody(palate, run):
    plain = palate("search", "query", "--run", run, "star", "-k", "3", "-p", "bm25")
    assert plain.code == 0
    assert len(plain.out.splitlines()) == 3
    assert "star" in plain.out.splitlines()[0].lower()
    user = str(Run(run).histories().users[0])
    had = "Star Wars (1977); Star Trek: First Contact (1996)"
    words = ("search", "query", "--run", run, "star", "-p", "bm25", "-k", "50", "--json")
    told = json.loads(palate(*words, "--user", user).out)
    assert told["taste"] == 0.4
    assert any(one["taste"] is not None for one in told["items"])
    alone = json.loads(palate(*words, "--user", user, "--taste", "0").out)
    assert [one["item"] for one in alone["items"]] != [one["item"] for one in told["items"]]
    marked = json.loads(palate(*words, "--history", had).out)
    assert next(one["title"] for one in marked["items"] if one["seen"]) in had
    unseen = json.loads(palate(*words, "--history", had, "--unseen").out)
    assert not any(one["seen"] for one in unseen["items"])
    assert len(unseen["items"]) == len(marked["items"]) - 2


def test_explanations_and_filters(palate, run):
    words = ("search", "query", "--run", run, "-p", "bm25")
    told = palate(*words, "star", "--history", "Star Wars (1977)", "--explain", "-k", "2")
    assert "× 0.6 + taste" in told.out
    assert told.out.count("bm25 ") == 2
    named = palate(*words, "star wars", "--history", "Heat (1995)", "--explain", "-k", "1")
    assert "Star Wars (1977)" in named.out
    assert "the query is its title" in named.out
    late = palate(*words, "star", "--filter", "year>=1990").out
    assert late
    assert all(int(line.rsplit("(", 1)[1][:4]) >= 1990 for line in late.splitlines())
    nothing = palate(*words, "star", "--filter", "year>=2090")
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing found that the filters let pass" in nothing.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--run", "RUN", "idx", "star"], "--run has its own index: leave 'idx' out"),
        (["--run", "RUN", "star", "--filter", "colour=red"], "no attribute 'colour'"),
        (["--run", "RUN", "star", "--user", "nobody"], "no user is called 'nobody'"),
        (["--run", "RUN", "star", "-p", "nope"], "no search stage is called 'nope'"),
        (["--run", "nowhere", "star"], "no such folder"),
        (["idx", "star", "--user", "u"], "add --run"),
        (["idx"], "give the query after the index"),
    ],
)
def test_what_is_asked_wrongly_is_told(palate, run, words, told):
    answer = palate("search", "query", *(run if word == "RUN" else word for word in words))
    assert answer.code in (1, 2)
    assert told in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_clicks_become_events(palate, run):
    shown = {"ranking": ["50", "56", "nowhere"], "user": "u", "query": "star", "session": "s"}
    clicked = [{"document": "50", "dwell": 60}, {"document": "56", "dwell": 3}]
    strange = [{"document": "nowhere", "dwell": 60}]
    rows = [{**shown, "time": 5, "clicks": clicked}, {**shown, "time": 6, "clicks": strange}]
    Path("log.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    answer = palate("search", "clicks", "log.jsonl", "--run", run, "--out", "clicks.csv")
    assert (answer.code, answer.out) == (0, "1 events in clicks.csv\n")
    assert Path("clicks.csv").read_text() == "user,item,time\nu,50,5\n"
    words = ("search", "clicks", "log.jsonl", "--out", "all.csv", "--dwell", "0", "--json")
    assert json.loads(palate(*words).out)["events"] == 3
