"""Logs: reading, privacy, mining, and what a simulated log has planted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.search.shelf import SHELF, Shelf

from palate.errors import DataError
from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.logs.log import Click, Entry, read_log, sessions, write_log
from palate.search.logs.mining import MiningConfig, debiased, jaccard, mine
from palate.search.logs.privacy import Pseudonyms, common_queries, plain_query, stripped
from palate.search.logs.simulator import SimulatorConfig, simulate
from palate.search.results import Query
from palate.search.stages import pipeline


def _entry(user, time, query, clicks=(), session="s"):
    ranking = ("a", "b", "c")
    told = tuple(Click(d, ranking.index(d) + 1, dwell) for d, dwell in clicks)
    return Entry(session, user, float(time), query, ranking, told)


def test_a_log_is_written_and_read(tmp_path):
    log = [_entry("u", 1, "tea"), _entry("u", 2, "green tea", [("b", 40.0)])]
    write_log(tmp_path / "log.jsonl", log)
    assert list(read_log(tmp_path / "log.jsonl")) == log
    assert log[1].satisfied() == (Click("b", 2, 40.0),)
    assert log[1].satisfied(50) == ()
    assert sessions([log[1], log[0], _entry("v", 0, "x")]) == [log, [_entry("v", 0, "x")]]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "row 1: not JSON"),
        ("[]", "row 1: not an object"),
        ('{"session": 1, "user": 2, "time": 3}', "'query' is missing"),
        ('{"session": 1, "user": 2, "time": "noon", "query": "x"}', "'noon' is no time"),
        ('{"session": 1, "user": 2, "time": 3, "query": "x", "clicks": [{"document": "d"}]}',
         "on nothing that was shown"),
        ('{"session": 1, "user": 2, "time": 3, "query": "x", "clicks": ["d"]}', "a click is"),
        ('{"session": 1, "user": 2, "time": 3, "query": "x", "ranking": "d"}', "are lists"),
    ],
)  # fmt: skip
def test_bad_lines_are_named(tmp_path, line, told):
    (tmp_path / "log.jsonl").write_text(line)
    with pytest.raises(DataError, match=told):
        list(read_log(tmp_path / "log.jsonl"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to jane.doe+x@mail.example.org today", "write to today"),
        ("call +49 30 123 456-7 now", "call now"),
        ("ssn 078-05-1120", "ssn"),
        ("pizza near 12 Elm Street", "pizza near"),
        ("Lindenweg 4 berlin", "berlin"),
        ("www.example.com login", "login"),
        ("login at example.com/path?x=1", "login at"),
        ("follow @jane", "follow"),
        ("vitamin b12 and mp3 player", "vitamin b12 and mp3 player"),
        ("card 4111111111111111x", "card x"),
        ("no. 5", "no"),
    ],
)
def test_addresses_and_numbers_are_stripped(text, left):
    assert stripped(text) == left


@given(st.text(max_size=60))
def test_stripping_again_changes_nothing_and_leaves_no_long_number(text):
    once = stripped(text)
    assert stripped(once) == once or len(stripped(once)) < len(once)
    assert not any(len(word) >= 5 and word.isascii() and word.isdigit() for word in once.split())


def test_pseudonyms_need_the_secret():
    a, again, other = Pseudonyms(b"secret"), Pseudonyms(b"secret"), Pseudonyms()
    assert a.of("jane") == again.of("jane") != other.of("jane")
    assert "jane" not in a.of("jane")
    assert a.of("jane") != a.of("john")


def test_rare_queries_are_not_common():
    log = [_entry(f"u{i}", i, "tea") for i in range(4)] + [_entry("u0", 9, "tea")] * 5
    assert common_queries(log, 5) == set()
    assert common_queries(log, 4) == {"tea"}


def test_weights_of_clicks():
    assert [debiased(k) for k in (1, 2, 10, 50)] == [1, 2, 10, 10]
    assert debiased(4, eta=0.5) == 2
    assert jaccard("green tea", "Green tea pot") == pytest.approx(2 / 3)


def _people(count, first, second, clicks=(("a", 40.0),), gap=60):
    return [
        one
        for i in range(count)
        for one in (
            _entry(f"u{i}", 0, first, session=f"s{i}"),
            _entry(f"u{i}", gap, second, clicks, session=f"s{i}"),
        )
    ]


@pytest.mark.parametrize(
    ("log", "pairs"),
    [
        (_people(5, "tea gren", "green tea"), 1),
        (_people(4, "tea gren", "green tea"), 0),  # too few people
        (_people(5, "tea gren", "green tea", [("a", 5.0)]), 0),  # nobody was satisfied
        (_people(5, "tea gren", "green tea", gap=31 * 60), 0),  # too late
        (_people(5, "piano", "green tea"), 0),  # another subject
        (_people(5, "green tea", "green tea"), 0),  # the same
    ],
)
def test_what_counts_as_a_rewrite(log, pairs):
    assert len(mine(log).rewrites) == pairs


def test_users_do_not_leave():
    log = _people(6, "tea gren", "green tea of jane@example.org")
    found = mine(log, salt=b"x")
    told = json.dumps(found.records())
    assert found.rewrites[0].after == "green tea of"
    assert "u1" not in told
    assert "jane" not in told
    assert Pseudonyms(b"x").of("u1") not in told


NEEDS = {
    "tea": "which water keeps green tea from turning bitter",
    "coffee": "espresso coffee with pressure through beans",
    "bread": "sourdough bread with wild yeast",
    "mars": "rover that drills into rocks of mars",
    "moon": "phases of the moon and the sun",
    "bees": "honey bees dance for flowers",
    "piano": "tuning the strings of a piano",
    "knots": "bowline knot that sailors tie",
}


def test_planted_rewrites_are_recovered_from_a_noisy_log():
    needs = [Query(name, text) for name, text in NEEDS.items()]
    relevant = {name: {name} for name in NEEDS}
    config = SimulatorConfig(sessions=1500, users=60)
    made = simulate(needs, relevant, Shelf(), config, seed=3)
    assert made == simulate(needs, relevant, Shelf(), config, seed=3)
    found = {(one.before, one.after) for one in mine(made.log).rewrites}
    assert len(found) >= 5
    assert len(found & made.planted) / len(found) >= 0.9


def test_answers_are_cited_and_found_again(tmp_path):
    index = SearchIndex.create(tmp_path / "index")
    index.add([Document(name, text, title, {"domain": "shelf"})
               for name, (title, text) in SHELF.items()])  # fmt: skip
    needs = [Query(name, text) for name, text in NEEDS.items()]
    built = pipeline(index, "bm25")
    relevant = {name: {name} for name in NEEDS}
    made = simulate(needs, relevant, built, SimulatorConfig(sessions=800, users=50), seed=1)
    with index.reading() as snapshot:
        found = mine(made.log, snapshot, built)
        strict = mine(made.log, snapshot, built, MiningConfig(least_clicks=1e9))
    by_query = {one.query: one for one in found.answers}
    tea = by_query[plain_query(NEEDS["tea"])]
    assert tea.citation == "tea@1"
    assert tea.answer == "Water of 80 degrees keeps it from turning bitter."
    assert tea.rank <= 5
    assert found.domains() == {"shelf": len(found.records())}
    assert strict.answers == []
    assert strict.counts["answers of too few clicks"] == strict.counts["questions"]
