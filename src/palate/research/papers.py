"""Papers, and when they were published.

A date that is only a year counts as its last day for a paper that may be found, and as its first
day for the survey that asks: both err on the side of leaving a paper out, so that nothing
published after the survey can slip in (ResearchArena, Kang and Xiong, arXiv:2406.10291, section 3,
takes 31 December for papers).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from palate.errors import DataError

Edge = Literal["last", "first"]
DATE = re.compile(r"^\s*(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?:[T ].*)?\s*$")
LONGEST_MONTH = 31
SURVEY = re.compile(
    r"\b(surveys?|systematic (literature )?reviews?|literature reviews?|state of the art review|"
    r"systematic mapping)\b",
    re.IGNORECASE,
)
QUESTIONNAIRE = re.compile(
    r"\b(surveys? (of|among) \w*\s?(users|students|practitioners|developers)|web surveys?|"
    r"survey (data|respondents?|questions?|responses?|participants?)|"
    r"(online|user|panel|household) surveys?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Paper:
    """One paper.

    Attributes:
        id: unique in its corpus.
        text: the full text, where there is one.
        date: ISO date, or only year, or year and month; empty where it is not known.
        keywords: as its authors or a library gave them.
        references: ids that it cites, in its corpus or not.
        citations: how often it was cited when the corpus was made; None if unknown. It says
            something of the time after a survey, so nothing that is evaluated may read it.
    """

    id: str
    title: str
    abstract: str = ""
    text: str = ""
    date: str = ""
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    citations: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def body(self) -> str:
        """What is searched besides the title: the abstract, and the text where there is one."""
        return " ".join(part for part in (self.abstract, self.text) if part)

    @property
    def is_survey(self) -> bool:
        """True if its title says that it surveys a field, and not people."""
        return is_survey(self.title)


def is_survey(title: str) -> bool:
    """True if a title says that the paper surveys a field.

    ResearchArena asks GPT-4 whether a title with "survey" in it organises a field or reports a
    questionnaire; here the words around it decide.
    """
    return bool(SURVEY.search(title)) and not QUESTIONNAIRE.search(title)


def day(date: str, edge: Edge = "last") -> datetime.date | None:
    """The day that a date stands for; None if it is empty.

    Args:
        date: ``2024``, ``2024-05``, ``2024-05-17``, with anything after a ``T`` or space ignored.
        edge: which day a year or a month stands for.

    Raises:
        DataError: it is no date.

    Example:
        >>> day("2024"), day("2024-02"), day("2024", "first")
        (datetime.date(2024, 12, 31), datetime.date(2024, 2, 29), datetime.date(2024, 1, 1))
    """
    if not str(date).strip():
        return None
    found = DATE.match(str(date))
    if found is None:
        raise DataError(f"'{date}' is no date: write it as 2024, 2024-05 or 2024-05-17")
    year, month, of_month = (int(part) if part else None for part in found.groups())
    assert year is not None
    last = edge == "last"
    month = month or (12 if last else 1)
    try:
        if of_month is not None:
            return datetime.date(year, month, of_month)
        begins = datetime.date(year, month, 1)
        if not last:
            return begins
        following = datetime.date(year + month // 12, month % 12 + 1, 1) if year < 9999 else None
        if following is None:
            return datetime.date(year, month, LONGEST_MONTH)
        return following - datetime.timedelta(days=1)
    except ValueError:
        raise DataError(f"'{date}' is no date: there is no such day") from None


def normalised(title: str) -> str:
    """A title without case, punctuation and spare spaces, to tell that two are one."""
    return " ".join(re.findall(r"\w+", title.casefold()))


def by_title(papers: Iterable[Paper]) -> dict[str, Paper]:
    """The first paper of each normalised title."""
    found: dict[str, Paper] = {}
    for paper in papers:
        found.setdefault(normalised(paper.title), paper)
    return found
