"""Ranked lists keep their order, their ties and their history."""

import pytest

from palate.errors import ScoreError
from palate.search.results import Expansion, Found, Hit, Query, Results, WeightedText

QUERY = Query("1", "quiet films")


def test_ties_go_to_the_best_single_rank_and_then_to_the_id():
    hits = [
        Hit("c", 1.0, provenance=(Found("a", 3, 1.0),)),
        Hit("b", 1.0, provenance=(Found("a", 9, 1.0), Found("b", 2, 5.0))),
        Hit("a", 1.0, provenance=(Found("b", 3, 1.0),)),
        Hit("z", 2.0),
    ]
    assert Results.ranked(QUERY, hits).documents == ["z", "b", "a", "c"]
    assert Results.ranked(QUERY, hits, 2).documents == ["z", "b"]


def test_a_reordered_head_keeps_the_tail_and_says_who_did_it():
    first = Results.ranked(QUERY, [Hit(name, -place) for place, name in enumerate("abcd")])
    again = first.reordered([2, 0, 1], "judge", [0.9, 0.5, 0.1], ["good", "", ""])
    assert again.documents == ["c", "a", "b", "d"]
    assert again.hits[0].provenance == (Found("judge", 1, 0.9, "good"),)
    assert again.hits[3] == first.hits[3]


@pytest.mark.parametrize("order", [[0, 0], [1, 2], [0, 1, 2, 3]])
def test_what_is_no_permutation_of_the_head_is_refused(order):
    results = Results.ranked(QUERY, [Hit(name, 1.0) for name in "abc"])
    with pytest.raises(ScoreError, match="'judge'"):
        results.reordered(order, "judge")


def test_a_document_stands_in_a_list_once_and_has_a_score():
    with pytest.raises(ScoreError, match="twice"):
        Results(QUERY, (Hit("a", 1.0), Hit("a", 0.5)))
    with pytest.raises(ScoreError, match="NaN"):
        Results(QUERY, (Hit("a", float("nan")),))


def test_time_and_cost_add_up_by_stage():
    spent = Results(QUERY).spent("bm25", 1.0).spent("judge", 2.0, {"calls": 3}).spent("judge", 1.0)
    assert spent.seconds == {"bm25": 1.0, "judge": 3.0}
    assert spent.cost == {"calls": 3.0}


def test_an_expansion_always_holds_the_raw_query():
    other = WeightedText("slow cinema", 0.3, "rewrite")
    assert Expansion(QUERY, (other,)).texts == (WeightedText("quiet films"), other)
    heavy = WeightedText("quiet films quiet films", 5.0)
    assert Expansion(QUERY, (heavy, other)).texts == (heavy, other)
