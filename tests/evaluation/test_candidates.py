"""The sampled-candidate protocol: fair lists that stay the same, and answers read with care."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.cases import Cases, Histories
from palate.errors import ConfigError, DataError, ScoreError
from palate.evaluation.candidates import (
    CandidateSets,
    Choices,
    candidate_list,
    candidate_ranks,
    judge,
    named_titles,
)

TITLES = ["Heat (1995)", "Alien", "Aliens", "Alien Nation", "Alien", "", "It", "Кино", "千と千尋"]


def cases(n: int = 60, items: int = 40, seed: int = 0) -> Cases:
    random = np.random.default_rng(seed)
    lists = [random.integers(items, size=random.integers(0, 30)).tolist() for _ in range(n)]
    return Cases(Histories.of(lists), random.integers(items, size=n))


@given(st.integers(0, 10**6), st.integers(2, 20), st.integers(1, 12))
def test_lists_hold_the_target_once_and_nothing_visible(seed: int, m: int, visible: int) -> None:
    some = cases(8, seed=seed)
    sets = CandidateSets.draw(some, 40, m, visible, seed)
    assert sets.items.shape == (8, m)
    for history, target, items in zip(some.histories, some.targets, sets.items, strict=True):
        assert len(set(items.tolist())) == m
        others = set(items.tolist()) - {int(target)}
        assert len(others) == m - 1
        assert not others & set(history[-visible:].tolist())
    assert (
        np.take_along_axis(sets.items, sets.positions()[:, None], 1)[:, 0] == some.targets
    ).all()


def test_what_is_no_longer_visible_may_be_drawn() -> None:
    old = Cases(Histories.of([[*range(15), *range(15, 25)]]), np.array([30]))
    sets = CandidateSets.draw(old, 40, 30, visible=10)
    assert set(range(15)) <= set(sets.items[0].tolist())  # only they are left to be drawn


def test_negatives_and_places_are_even() -> None:
    random = np.random.default_rng(3)
    lists = np.array([candidate_list([0, 1], 2, 13, 4, random) for _ in range(6000)])
    drawn = np.bincount(lists.ravel(), minlength=13)
    assert drawn[:3].tolist() == [0, 0, 6000]
    assert abs(drawn[3:] / 6000 - 0.3).max() < 0.03
    places = np.bincount((lists == 2).argmax(1))
    assert abs(places / 6000 - 0.25).max() < 0.03


def test_a_case_has_the_same_list_alone_and_among_others() -> None:
    some = cases()
    whole, again = CandidateSets.draw(some, 40), CandidateSets.draw(some, 40)
    assert np.array_equal(whole.items, again.items)
    alone = CandidateSets.draw(some.take(np.array([7])), 40)
    assert np.array_equal(alone.items[0], whole.items[7])
    assert not np.array_equal(CandidateSets.draw(some, 40, seed=1).items, whole.items)


def test_a_catalogue_that_is_too_small_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"20 candidates need 19 other items; 18 are left"):
        CandidateSets.draw(Cases(Histories.of([[0, 1]]), np.array([2])), 21)
    CandidateSets.draw(Cases(Histories.of([[0, 1]]), np.array([2])), 22)


def test_lists_are_frozen_to_a_file(tmp_path: Path) -> None:
    some, path = cases(), tmp_path / "kept" / "candidates.jsonl"
    drawn = CandidateSets.draw(some, 40, visible=7, seed=5)
    drawn.save(path)
    assert '"sampled-candidate"' in path.read_text().splitlines()[0]
    read = CandidateSets.load(path, some)
    assert np.array_equal(read.items, drawn.items)
    assert np.array_equal(read.targets, drawn.targets)
    assert (read.visible, read.seed) == (7, 5)


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    some, path = cases(), tmp_path / "candidates.jsonl"
    CandidateSets.draw(some, 40).save(path)
    with pytest.raises(DataError, match="of other cases"):
        CandidateSets.load(path, cases(seed=1))
    with pytest.raises(DataError, match="no lists of candidates"):
        CandidateSets.load(tmp_path / "none.jsonl", some)
    lines = path.read_text().splitlines()
    target = int(some.targets[0])
    lines[1] = json.dumps({"target": target, "candidates": [(target + 1) % 40] * 20})
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="lacks its target"):
        CandidateSets.load(path, some)
    path.write_text(path.read_text().replace("[", "", 1))
    with pytest.raises(DataError, match="no lists of candidates"):
        CandidateSets.load(path, some)


def test_ranks_are_among_the_candidates_and_ties_against_the_model() -> None:
    sets = CandidateSets(np.array([[3, 0, 2], [1, 0, 3]]), np.array([0, 1]), 10, 0)
    full = np.array([[2.0, 9, 2, 1], [5, 6, 7, 1]])
    assert sets.scores(full).tolist() == [[1, 2, 2], [6, 5, 1]]
    assert candidate_ranks(sets.scores(full), sets).tolist() == [1, 0]
    with pytest.raises(ScoreError, match="NaN"):
        candidate_ranks(np.full((2, 3), np.nan), sets)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Fargo", []),
        ("", []),
        ("  \n", []),
        ("Heat (1995)", ["heat (1995)"]),
        ("heat (1995)\n", ["heat (1995)"]),
        ("HEAT  (1995)\nAlien", ["heat (1995)"]),  # what follows the first line is not read
        ("\nIt", ["it"]),
        ("I would say Heat (1995).", ["heat (1995)"]),
        ("Heat (1995), Alien", ["alien", "heat (1995)"]),
        ("Alien", ["alien"]),  # two items of one title
        ("Aliens", ["aliens"]),
        ("Alien Nation", ["alien nation"]),
        ("Surely Alien Nation!", ["alien nation"]),
        ("Alien Nation or Alien", ["alien", "alien nation"]),
        ("Alienated", []),
        ("the mitten", []),  # no "it" inside a word
        ("КИНО", ["кино"]),
        ("答えは千と千尋です", ["千と千尋"]),  # no spaces around words
    ],
)
def test_which_titles_an_answer_names(answer: str, found: list[str]) -> None:
    assert sorted(named_titles(answer, TITLES)) == found


def test_answers_are_valid_with_exactly_one_title_and_correct_with_the_targets() -> None:
    targets = np.array([0, 1, 4, 0, 0, 5])
    items = np.tile(np.arange(len(TITLES)), (6, 1))
    sets = CandidateSets(items, targets, 10, 0)
    answers = ["Heat (1995)", "Aliens", "Alien", "Heat (1995) or Alien", "?", ""]
    found = judge(answers, sets, TITLES)
    assert found.valid.tolist() == [True, True, True, False, False, False]
    assert found.correct.tolist() == [True, False, True, False, False, False]
    assert sets.by_position(found.correct)[[0, 1, 4]].tolist() == [1 / 3, 0, 1]
    assert np.isnan(sets.by_position(found.correct)[2])


def test_both_definitions_of_the_hit_ratio() -> None:
    """LLaRA on MovieLens: 95 answers, 92 valid, 42 right."""
    numbers = np.arange(95)
    found = Choices(numbers < 92, numbers < 42).metrics()
    assert round(found["sampled-candidate valid_ratio"], 4) == 0.9684
    assert round(found["sampled-candidate hr@1"], 4) == 0.4421
    assert round(found["sampled-candidate hr@1 of valid"], 4) == 0.4565
    nothing = Choices(numbers < 0, numbers < 0).metrics()
    assert nothing["sampled-candidate hr@1 of valid"] == 0
