"""A corpus of papers, and the part of it that a survey may be written from.

Guards are on unless someone turns them off by name: only papers from strictly before the survey,
no surveys, and never the survey itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from palate.config import Config
from palate.errors import DataError, LeakageError
from palate.research.papers import Paper, day, is_survey, normalised


class Guards(Config):
    """What keeps a survey's own knowledge out of what it is found from."""

    before: bool = True
    """Leave out papers that are not from strictly before the survey."""
    undated: bool = False
    """Keep papers whose date is not known."""
    surveys: bool = False
    """Keep papers whose title says that they survey a field."""


@dataclass(frozen=True)
class Left:
    """How many papers were left out, and why.

    Attributes:
        late: from the day of the survey or after it.
        undated: their date is not known.
        surveys: their title says that they survey a field.
        itself: the survey.
    """

    late: int = 0
    undated: int = 0
    surveys: int = 0
    itself: int = 0

    def __str__(self) -> str:
        told = {
            "not from before": self.late,
            "of unknown date": self.undated,
            "surveys": self.surveys,
            "the survey itself": self.itself,
        }
        return ", ".join(f"{count:,} {what}" for what, count in told.items() if count) or "none"


class Corpus:
    """Papers in a fixed order, by id.

    Raises:
        DataError: an id is empty or stands twice.
    """

    def __init__(self, papers: Iterable[Paper], name: str = "corpus") -> None:
        self.name = name
        self._papers: dict[str, Paper] = {}
        for row, paper in enumerate(papers, start=1):
            if not paper.id:
                raise DataError(f"{name}: paper {row} ('{paper.title[:60]}') has no id")
            if paper.id in self._papers:
                raise DataError(f"{name}: paper {row} has the id '{paper.id}' of an earlier one")
            self._papers[paper.id] = paper

    def __len__(self) -> int:
        return len(self._papers)

    def __iter__(self) -> Iterator[Paper]:
        return iter(self._papers.values())

    def __contains__(self, paper: object) -> bool:
        return paper in self._papers

    def __getitem__(self, paper: str) -> Paper:
        return self._papers[paper]

    @property
    def ids(self) -> list[str]:
        """All ids, in order."""
        return list(self._papers)

    def text(self, document: str) -> str:
        """Abstract and text of a paper (:class:`palate.search.results.Texts`)."""
        return self._papers[document].body

    def title(self, document: str) -> str:
        """Title of a paper."""
        return self._papers[document].title

    @cached_property
    def cited_by(self) -> dict[str, tuple[str, ...]]:
        """Of each paper those of this corpus that cite it."""
        found: dict[str, list[str]] = {}
        for paper in self:
            for other in dict.fromkeys(paper.references):
                if other in self._papers and other != paper.id:
                    found.setdefault(other, []).append(paper.id)
        return {paper: tuple(others) for paper, others in found.items()}

    @cached_property
    def cites(self) -> dict[str, tuple[str, ...]]:
        """Of each paper those of this corpus that it cites."""
        return {
            paper.id: tuple(
                other
                for other in dict.fromkeys(paper.references)
                if other in self._papers and other != paper.id
            )
            for paper in self
        }

    @cached_property
    def by_author(self) -> dict[str, tuple[str, ...]]:
        """The papers of each author, by the name as it is written."""
        found: dict[str, list[str]] = {}
        for paper in self:
            for author in dict.fromkeys(paper.authors):
                found.setdefault(author, []).append(paper.id)
        return {author: tuple(papers) for author, papers in found.items()}

    def allowed(
        self,
        before: str,
        survey: str = "",
        title: str = "",
        guards: Guards | None = None,
    ) -> tuple[Corpus, Left]:
        """The part that a survey may be written from, and what was left out.

        Args:
            before: date of the survey; papers have to be from strictly before it.
            survey: id of the survey, if it is in the corpus.
            title: its title; whatever carries it is left out as the survey itself.

        Raises:
            DataError: nothing is left, or there is no date although one is needed.
        """
        guards = guards or Guards()
        limit = day(before, "first")
        if guards.before and limit is None:
            raise DataError("a survey without a date: say before when papers are to be from")
        itself = normalised(title)
        why: Counter[str] = Counter()
        kept = []
        for paper in self:
            if reason := self._reason(paper, limit, survey, itself, guards):
                why[reason] += 1
            else:
                kept.append(paper)
        left = Left(**why)
        if not kept:
            raise DataError(f"{self.name}: no paper may be used; left out: {left}")
        return Corpus(kept, self.name), left

    def _reason(
        self, paper: Paper, limit: object, survey: str, title: str, guards: Guards
    ) -> str | None:
        if paper.id == survey or (title and normalised(paper.title) == title):
            return "itself"
        if guards.before:
            when = day(paper.date)
            if when is None and not guards.undated:
                return "undated"
            if when is not None and when >= limit:  # type: ignore[operator]
                return "late"
        if not guards.surveys and is_survey(paper.title):
            return "surveys"
        return None


def check_guarded(corpus: Corpus, found: Sequence[str], before: str, title: str) -> None:
    """Raise a LeakageError if a list holds a paper that the survey may not know."""
    limit = day(before, "first")
    for paper in found:
        if paper not in corpus:
            raise LeakageError(f"paper '{paper}' is not in the corpus {corpus.name}")
        when = day(corpus[paper].date)
        if limit is not None and when is not None and when >= limit:
            raise LeakageError(f"paper '{paper}' is from {when}, not from before {limit}")
        if normalised(corpus[paper].title) == normalised(title):
            raise LeakageError(f"paper '{paper}' is the survey itself")
