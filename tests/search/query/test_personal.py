"""A person's past beside a query, and what is suggested next."""

from __future__ import annotations

import pytest

from palate.search.query.personal import Past, Personal, PersonalConfig, click_entropy
from palate.search.query.suggestion import Suggester, SuggestionConfig
from palate.search.results import Query
from palate.search.similarity import mmr, term_vectors, without_twins
from palate.search.statistics import plain_words

from ..recorded import small
from ..shelf import Shelf

VECTORS = term_vectors(plain_words)
PAST = {
    "gardener": [Past(("honey bees", "flowers")), Past(("bees in winter",), age=300.0)],
    "sailor": [Past(("bowline knot", "pier"))],
}


def personal(**more: object) -> Personal:
    return Personal(lambda user: PAST.get(user, []), VECTORS, **more)  # type: ignore[arg-type]


def test_the_past_is_added_at_a_small_weight() -> None:
    (found,) = personal().rewrite([Query("1", "bees", "gardener")])
    assert [one.text for one in found.texts] == ["bees", "bees honey bees flowers bees in winter"]
    assert found.texts[1].weight <= 0.3
    weights = dict(personal().phrases(Query("1", "bees", "gardener")))
    assert weights["honey bees"] > weights["flowers"] > weights["bees in winter"]
    with pytest.raises(ValueError, match=r"less than or equal to 0\.3"):
        PersonalConfig(weight=0.5)


@pytest.mark.parametrize("user", [None, "nobody", "sailor"])
def test_nothing_is_added_where_the_past_says_nothing(user: str | None) -> None:
    assert len(personal().rewrite([Query("1", "bees", user)])[0].texts) == 1


def test_queries_that_mean_one_thing_are_left_alone() -> None:
    clicks = {"bees": {"a": 99, "b": 1}, "honey": {"a": 5, "b": 5, "c": 5}}
    one = personal(clicks=clicks)
    assert one.is_navigational("Bees ")
    assert not one.is_navigational("honey")
    assert not one.is_navigational("never asked")
    assert len(one.rewrite([Query("1", "bees", "gardener")])[0].texts) == 1
    assert click_entropy({"a": 1, "b": 1, "c": 1, "d": 1}) == 2
    assert click_entropy(["a", "a"]) == 0


SESSIONS = [
    ["honey bees", "how bees dance", "flowers near the hive"],
    ["honey bees", "how bees dance"],
    ["honey bees", "quantum chromodynamics"],
    ["honey bees", "how  Bees dance"],
]


def test_suggestions_find_something_and_differ() -> None:
    suggester = Suggester(SESSIONS, Shelf(), VECTORS, SuggestionConfig(documents=1))
    found = suggester.suggest("Honey bees")
    assert found[0] == "how bees dance"
    assert "quantum chromodynamics" not in found  # finds nothing
    assert "honey bees" not in found
    assert suggester.suggest("never asked") == []


def test_a_model_suggests_where_nobody_asked_before() -> None:
    config = SuggestionConfig(documents=1)
    found = Suggester([], Shelf(), VECTORS, config, small()).suggest("tuning a piano")
    assert found
    shelf = Shelf()
    assert all(shelf.retrieve([Query("1", one)], 1)[0].hits for one in found)
    assert len(found) == len(set(found)) <= config.count


def test_variety_is_bought_with_relevance() -> None:
    vectors = VECTORS(["bees dance", "bees dance now", "tea leaves"])
    assert mmr([1.0, 0.9, 0.5], vectors, 2, share=1.0) == [0, 1]
    assert mmr([1.0, 0.9, 0.5], vectors, 2, share=0.3) == [0, 2]
    assert mmr([], VECTORS([]), 3) == []
    assert without_twins(VECTORS(["a b", "b a", "c"]), 0.9) == [0, 2]
