"""Dates and guards: nothing from after a survey, no survey, and never the survey itself."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import DataError, LeakageError
from palate.research.corpus import Corpus, Guards, check_guarded
from palate.research.papers import Paper, day, is_survey


def test_days_err_on_the_safe_side() -> None:
    assert day("2024") == datetime.date(2024, 12, 31)
    assert day("2024", "first") == datetime.date(2024, 1, 1)
    assert day("2024-02") == datetime.date(2024, 2, 29)
    assert day("2024-02-03T10:00:00Z") == datetime.date(2024, 2, 3)
    assert day(" ") is None


@pytest.mark.parametrize("date", ["soon", "2024-13", "2024-02-30", "24"])
def test_what_is_no_date_is_said(date: str) -> None:
    with pytest.raises(DataError, match="no date"):
        day(date)


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_a_year_ends_after_all_its_days(date: datetime.date) -> None:
    last, first = day(str(date.year)), day(str(date.year), "first")
    assert last is not None
    assert first is not None
    assert first <= date <= last
    assert day(date.isoformat()) == date


@pytest.mark.parametrize(
    ("title", "survey"),
    [
        ("A Survey on Recommendation", True),
        ("Deep Learning: A Systematic Literature Review", True),
        ("Software Surveys", True),
        ("An online survey of readers", False),
        ("A Survey of 200 Software Developers", True),
        ("What survey respondents say", False),
        ("Surveying the land", False),
    ],
)
def test_surveys_by_title(title: str, survey: bool) -> None:
    assert is_survey(title) is survey


def test_guards(corpus: Corpus) -> None:
    allowed, left = corpus.allowed("2020", "t", "The Topic, itself!")
    assert allowed.ids == ["a", "b", "c"]
    assert (left.late, left.undated, left.surveys, left.itself) == (1, 1, 1, 1)
    assert str(left) == "1 not from before, 1 of unknown date, 1 surveys, 1 the survey itself"


def test_strictly_before(corpus: Corpus) -> None:
    assert "d" not in corpus.allowed("2020-02-28")[0]
    assert "d" in corpus.allowed("2020-02-29")[0]
    assert "c" not in corpus.allowed("2019-12-31")[0]  # the day itself
    with pytest.raises(DataError, match="no paper may be used"):
        corpus.allowed("2018-12-31")  # the first is of 2018, so perhaps of that day
    assert corpus.allowed("2019-01-01")[0].ids == ["a"]


def test_guards_are_turned_off_by_name(corpus: Corpus) -> None:
    everything = Guards(before=False, surveys=True, undated=True)
    allowed, _ = corpus.allowed("", "t", guards=everything)
    assert allowed.ids == ["a", "b", "c", "d", "e", "s"]  # the survey itself stays out


def test_the_survey_is_known_by_its_title(corpus: Corpus) -> None:
    allowed, left = corpus.allowed("2030", title="the topic ITSELF")
    assert "t" not in allowed
    assert left.itself == 1


def test_a_part_sees_only_its_own_citations(corpus: Corpus) -> None:
    allowed, _ = corpus.allowed("2020", "t")
    assert corpus.cited_by("a") == ["b", "c", "t"]
    assert allowed.cited_by("a") == ["b", "c"]
    assert corpus.written_by("Bob") == ["c", "e"]
    assert allowed.written_by("Bob") == ["c"]
    assert allowed.cites("c") == ["a", "b"]


def test_what_cannot_be_used(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no paper may be used"):
        corpus.allowed("1990")
    with pytest.raises(DataError, match="without a date"):
        corpus.allowed("")
    with pytest.raises(DataError, match="earlier one"):
        Corpus([Paper("a", "x"), Paper("a", "y")])
    with pytest.raises(DataError, match="no id"):
        Corpus([Paper("", "x")])


def test_lists_that_know_too_much(corpus: Corpus) -> None:
    check_guarded(corpus, ["a", "b"], "2020", "topic")
    with pytest.raises(LeakageError, match="not from before"):
        check_guarded(corpus, ["a", "d"], "2020", "topic")
    with pytest.raises(LeakageError, match="itself"):
        check_guarded(corpus, ["t"], "2022", "The topic itself")
    with pytest.raises(LeakageError, match="not in the corpus"):
        check_guarded(corpus, ["z"], "2020", "topic")
