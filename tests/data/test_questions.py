"""Questions about events, and logs cut into periods."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.periods import history, periods
from palate.data.questions import Questions
from palate.errors import ConfigError, DataError

lists = st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=9), min_size=1, max_size=6)


def rated(sequences: list[list[int]], seed: int = 0) -> Histories:
    random = np.random.default_rng(seed)
    return Histories.of(sequences, liked=[list(random.random(len(s)) < 0.5) for s in sequences])


@given(lists)
def test_what_is_liked_goes_with_its_event_through_cases(sequences: list[list[int]]) -> None:
    whole = rated(sequences)
    places = np.arange(len(whole.items))
    cases = Questions.about(whole, places).cases()
    assert whole.liked is not None
    assert cases.histories.liked is not None
    assert cases.liked is not None
    again = cases.sequences()
    for number, (start, place) in enumerate(zip(whole.offsets[whole.rows()], places, strict=True)):
        known = slice(start, place + 1)
        assert again[number].tolist() == whole.items[known].tolist()
        mine = slice(again.offsets[number], again.offsets[number + 1])
        assert again.liked is not None
        assert again.liked[mine].tolist() == whole.liked[known].tolist()


def test_cases_hold_so_many_events_before_the_question() -> None:
    questions = Questions.about(rated([[1, 2, 3, 4], [5, 6]]), np.array([3, 5]))
    assert [one.tolist() for one in questions.cases(2).histories] == [[2, 3], [5]]
    assert questions.cases(2).targets.tolist() == [4, 6]


@given(lists, st.integers(0, 5))
def test_drawn_items_are_ones_their_user_never_touched(
    sequences: list[list[int]], seed: int
) -> None:
    whole = Histories.of(sequences)
    questions = Questions.of_likes(whole, np.arange(len(whole.items)), 9, seed)  # 8 is untouched
    rows = whole.rows()
    drawn = questions.take(np.flatnonzero(~questions.liked))
    assert len(drawn) == len(whole.items)
    for place, item in zip(drawn.places, drawn.items, strict=True):
        assert item not in whole[rows[place]]
    assert questions.next_items().items.tolist() == whole.items.tolist()
    assert (np.diff(questions.places) >= 0).all()


def test_where_likes_are_known_nothing_is_drawn() -> None:
    whole = rated([[1, 2, 3]])
    questions = Questions.of_likes(whole, np.arange(3), 9, 0)
    assert whole.liked is not None
    assert questions.liked.tolist() == whole.liked.tolist()


@pytest.mark.parametrize("by", ["count", "time"])
def test_periods_cut_a_log_in_time(ml100k: Dataset, by: str) -> None:
    several = periods(ml100k, 6, by, known=10)  # type: ignore[arg-type]
    times, sequences = ml100k.times, ml100k.sequences
    rows = sequences.rows()
    asked = np.concatenate([one.all.places for one in several])
    assert len(asked) == (sequences.lengths - 10).clip(0).sum()
    assert (asked - sequences.offsets[rows[asked]] >= 10).all()
    for earlier, later in itertools.pairwise(several):
        assert times[earlier.all.places].max() <= times[later.all.places].min()
        assert times[earlier.train.places].max() <= times[earlier.validation.places].min()
        assert len(earlier.validation) == round(0.1 * len(earlier))
    if by == "count":
        assert max(map(len, several)) - min(map(len, several)) <= 1
    else:
        spans = [one.stop - one.start for one in several]
        assert max(spans) <= (times.max() - times.min()) / 6 + 1
    assert len(history(several[:3])) == sum(map(len, several[:3]))


def test_likes_are_four_fifths_of_the_scale_unless_said(ml100k: Dataset) -> None:
    ratings = ml100k.interactions["rating"].to_numpy()[ml100k.order]
    liked = ml100k.sequences.liked
    assert ml100k.like_from == 4.0
    assert liked is not None
    assert (liked == (ratings >= 4)).all()


def made(events: int, clock: bool = True) -> Dataset:
    frame = pl.DataFrame(
        {
            "user": ["a"] * events,
            "item": [f"i{n % 5}" for n in range(events)],
            "time": list(range(events)),
        }
    )
    items = pl.DataFrame({"item": [f"i{n}" for n in range(5)], "title": list("abcde")})
    return Dataset("made", Catalogue(items), frame, has_clock=clock)


def test_errors_say_what_to_do() -> None:
    with pytest.raises(DataError, match="--time-column"):
        periods(made(500, clock=False), 3)
    with pytest.raises(DataError, match="fewer periods"):
        periods(made(60), 3)
    with pytest.raises(ConfigError, match="1 periods"):
        periods(made(500), 1)


def test_an_event_that_nobody_rated_was_liked() -> None:
    dataset = made(3)
    frame = dataset.interactions.with_columns(rating=pl.Series([5.0, None, 1.0]))
    told = Dataset("made", dataset.catalogue, frame, like_from=4.0).sequences.liked
    assert told is not None
    assert told.tolist() == [True, True, False]
