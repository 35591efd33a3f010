"""What a run recommends: to a known user, to a new one, to nobody, beyond the catalogue."""

from __future__ import annotations

import pytest

from palate.data.dataset import Dataset
from palate.errors import RunError
from palate.experiments.recommend import recommend
from palate.experiments.run import Run


def test_a_new_user_gets_titles_best_first(ease_run: Run) -> None:
    catalogue = ease_run.catalogue()
    history = [catalogue.find(t) for t in ("Star Wars (1977)", "Empire Strikes Back, The (1980)")]
    found = recommend(ease_run, history=history, k=5)
    assert found[0].title == "Return of the Jedi (1983)"
    assert found[0].item == catalogue.items[catalogue.find("Return of the Jedi (1983)")]
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert not {one.title for one in found} & {catalogue.titles[i] for i in history}


def test_a_known_user_is_not_told_what_they_had(ease_run: Run, ml100k: Dataset) -> None:
    had = set(ml100k.interactions.filter(user="196")["item"])
    found = recommend(ease_run, user="196", k=1682)
    assert len(found) == 1682 - len(had)  # the list ends where nothing is left
    assert not had & {one.item for one in found}
    again = recommend(ease_run, user="196", k=1682, exclude_seen=False)
    assert had <= {one.item for one in again}


def test_a_history_kept_is_in_order(ease_run: Run, ml100k: Dataset) -> None:
    events = ml100k.interactions.filter(user="196").sort("time", maintain_order=True)
    items = ease_run.catalogue().items
    assert [items[i] for i in ease_run.history("196")] == events["item"].to_list()


def test_nobody_gets_the_popular_items(ease_run: Run) -> None:
    assert recommend(ease_run, history=[], k=1)[0].title == "Star Wars (1977)"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"user": "nobody"}, "no user is called 'nobody'; there are 196"),
        ({}, "give one of the two"),
        ({"user": "196", "history": [1]}, "give one of the two"),
        ({"history": [1682]}, "item index 1682 is not in the catalogue of 1682"),
        ({"history": [-1]}, "item index -1 is not in the catalogue"),
        ({"user": "196", "k": 0}, "ask for 1 or more"),
    ],
)
def test_what_cannot_be_answered_is_an_error(
    ease_run: Run, arguments: dict[str, object], told: str
) -> None:
    with pytest.raises(RunError, match=told):
        recommend(ease_run, **arguments)  # type: ignore[arg-type]
