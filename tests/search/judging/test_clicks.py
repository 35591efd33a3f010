"""Click models recover what drew the clicks; interleaving and users tell better from worse."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import DataError
from palate.search.judging.clicks import (
    Cascade,
    ClickModel,
    DynamicBayesian,
    PositionBased,
    Shown,
)
from palate.search.judging.interleaving import preference, team_draft, winner
from palate.search.judging.users import (
    Action,
    SimulatedUser,
    UserConfig,
    parse_action,
    utility,
)
from palate.search.judging.validity import click_divergence, sensitivity, shuffled, sign_test
from palate.search.results import Query

from ..recorded import small
from ..shelf import SHELF, Shelf

DOCUMENTS = tuple("abcdefgh")


def lists(count: int, seed: int) -> list[Shown]:
    random = np.random.default_rng(seed)
    none = (False,) * len(DOCUMENTS)
    return [Shown("q", tuple(random.permutation(DOCUMENTS).tolist()), none) for _ in range(count)]


def known(model: ClickModel) -> ClickModel:
    """A model with parameters that are known."""
    model._pairs = {("q", document): i for i, document in enumerate(DOCUMENTS)}
    model._likes = np.append(np.linspace(0.1, 0.8, 8), 0.4)  # type: ignore[attr-defined]
    model._pleases = np.append(np.linspace(0.9, 0.2, 8), 0.5)  # type: ignore[attr-defined]
    if isinstance(model, PositionBased):
        model.looks = np.array([1, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15])
    return model


@pytest.mark.parametrize("kind", [PositionBased, Cascade, DynamicBayesian])
def test_what_drew_the_clicks_is_recovered(kind: type[ClickModel]) -> None:
    truth = known(kind())
    log, held_out = truth.sample(lists(8000, 0), 1), truth.sample(lists(4000, 2), 3)
    learned = kind().fit(log, 60)
    order = [learned._pairs["q", document] for document in DOCUMENTS]
    assert learned._likes[order] == pytest.approx(truth._likes[:8], abs=0.05)  # type: ignore[attr-defined]
    if isinstance(learned, PositionBased):
        assert learned.looks == pytest.approx(truth.looks, abs=0.04)  # type: ignore[attr-defined]
    if isinstance(learned, DynamicBayesian):
        assert learned.goes_on == pytest.approx(0.9, abs=0.03)
        assert learned._pleases[order] == pytest.approx(truth._pleases[:8], abs=0.08)  # type: ignore[attr-defined]
    best = truth.perplexity(held_out)
    assert learned.perplexity(held_out) == pytest.approx(best, abs=0.01)
    for other in {PositionBased, Cascade, DynamicBayesian} - {kind}:
        assert other().fit(log).perplexity(held_out).mean() >= best.mean() - 0.003


@pytest.mark.parametrize("kind", [PositionBased, Cascade, DynamicBayesian])
def test_probabilities_are_those_of_what_is_drawn(kind: type[ClickModel]) -> None:
    model = known(kind())
    shown = [lists(1, 5)[0]] * 20_000
    drawn = np.array([one.clicks for one in model.sample(shown, 7)])
    assert drawn.mean(0) == pytest.approx(model.probabilities(shown[:1])[0], abs=0.015)


def test_short_lists_and_unseen_documents() -> None:
    log = [Shown("q", ("a", "b"), (True, False)), Shown("q", ("b",), (False,))]
    for kind in (PositionBased, Cascade, DynamicBayesian):
        model = kind().fit(log)
        p = model.probabilities([*log, Shown("new", ("x", "y", "z"), (False,) * 3)])
        assert np.isnan(p[1, 1])
        assert ((p > 0) & (p < 1))[~np.isnan(p)].all()
        assert (model.perplexity(log) >= 1).all()
    with pytest.raises(DataError, match="2 documents were shown"):
        Shown("q", ("a", "b"), (True,))


ids = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(ids, ids, st.integers(1, 10), st.integers(0, 99))
def test_drafts_are_fair(a: list[str], b: list[str], k: int, seed: int) -> None:
    found = team_draft(a, b, k, np.random.default_rng(seed))
    assert len(found.documents) == len(set(found.documents)) == min(k, len({*a, *b}))
    teams = [team for team in found.teams if team >= 0]
    if len(a) == len(b) == 8:
        assert abs(teams.count(0) - teams.count(1)) <= 1
    for document, team in zip(found.documents, found.teams, strict=True):
        assert document in (a, b)[max(team, 0)]
    if a == b:
        assert set(found.teams) <= {-1}


def test_the_better_ranking_wins_interleaving() -> None:
    random = np.random.default_rng(0)
    better, worse = list("abcdefgh"), list("hgfedcba")
    winners = []
    for _ in range(200):
        shown = team_draft(better, worse, 8, random)
        clicks = [random.random() < (0.7 if d in "abc" else 0.1) / (1 + i / 2)
                  for i, d in enumerate(shown.documents)]  # fmt: skip
        winners.append(winner(shown, clicks))
    found = preference(winners)
    assert found.preference > 0.3
    assert found.p < 0.001
    assert found.wins + found.losses + found.ties == 200
    even = preference([0, 1, -1])
    assert (even.preference, even.p) == (0, 1)
    assert preference([-1]).p == 1


@pytest.mark.parametrize(
    ("text", "clicks", "repaired"),
    [
        ('{"click": [2], "stop": true, "satisfaction": 4}', [2], False),
        ('Sure! {"click": [1, 3], "next_query": "more"} done', [1, 3], False),
        ('{"click": 2}', [2], False),
        ('{"click": []}', [], False),
        ('{"click": [2, 9]}', [2], True),  # there is no ninth
        ('{"click": [1, 2', [1, 2], True),
        ("I would click 3 and stop", [3], True),
        ("The 2nd is good", [], True),
        ("[1]", [], True),
        ("", [], True),
    ],
)
def test_whatever_is_written_an_action_is_read(
    text: str, clicks: list[int], repaired: bool
) -> None:
    action = parse_action(text, 3)
    assert [rank for rank, one in enumerate(action.clicks, 1) if one] == clicks
    assert action.repaired == repaired


@given(st.text(), st.integers(0, 10))
def test_no_text_breaks_it(text: str, n: int) -> None:
    assert len(parse_action(text, n).clicks) == n
    assert len(parse_action(json.dumps({"click": [1], "satisfaction": text}), n).clicks) == n


LISTS = [
    (Query("1", "how is green tea brewed"), ["tea", "coffee", "mars", "knots"]),
    (Query("2", "why does the moon have phases"), ["moon", "mars", "bread", "piano"]),
]


def test_a_small_model_visits() -> None:
    for read in ("json", "likelihood"):
        user = SimulatedUser(small(), Shelf(), UserConfig(read=read))  # type: ignore[arg-type]
        found = user.visit(LISTS, seed=3)
        assert [one.documents for one in found] == [tuple(documents) for _, documents in LISTS]
        assert all(isinstance(one.action, Action) and len(one.action.clicks) == 4 for one in found)
        assert [one.seed for one in found] == [3, 4]
        again = user.visit(LISTS, seed=3)
        assert [one.action for one in again] == [one.action for one in found]


def reads(lists: Sequence, seed: int) -> list[list[bool]]:
    """Users who like what is titled as they asked, and look less further down."""
    random = np.random.default_rng(seed)
    found = []
    for query, documents in lists:
        likes = [0.8 if SHELF[d][0].lower() == query.text else 0.1 for d in documents]
        found.append([random.random() < p / (1 + i) for i, p in enumerate(likes)])
    return found


def test_simulators_are_tested_themselves() -> None:
    names = list(SHELF)
    queries = [Query(name, SHELF[name][0].lower()) for name in names]
    better = [[name, *(n for n in names if n != name)] for name in names]
    worse = [one[::-1] for one in better]
    assert sign_test(reads, queries, better, worse, users=10).agrees >= 0.95
    even = sign_test(reads, queries, better, better, users=10)
    assert abs(even.better - even.worse) == 0
    falling = sensitivity(reads, queries, better, (0.0, 0.5, 1.0), users=30)
    assert falling == sorted(falling, reverse=True)
    assert shuffled(list("abcd"), 0.0) == list("abcd")
    assert sorted(shuffled(list("abcd"), 0.5)) == list("abcd")
    assert click_divergence([[True, False]] * 50, [[True, False]] * 50) == pytest.approx(0)
    assert click_divergence([[True, False]] * 50, [[False, True]] * 50) > 1
    assert utility([True, False, True]) == pytest.approx(1.5)
