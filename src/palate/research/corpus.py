"""A corpus of papers, and the part of it that a survey may be written from.

Guards are on unless someone turns them off by name: only papers from strictly before the survey,
no surveys, and never the survey itself.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from palate.config import Config
from palate.errors import DataError, LeakageError
from palate.research.papers import Paper, day, is_survey, normalised

WORD = re.compile(r"[^\W\d_]{4,}")


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


@dataclass(frozen=True)
class Fact:
    """What a paper's date and title say.

    Attributes:
        day: from when it is, at the latest; None if that is not known.
        survey: it surveys a field.
        title: normalised.
        words: of the title, those of four letters and more.
    """

    day: datetime.date | None
    survey: bool
    title: str
    words: frozenset[str]


class Corpus:
    """Papers in a fixed order, by id.

    Raises:
        DataError: an id is empty or stands twice.
    """

    def __init__(
        self, papers: Iterable[Paper], name: str = "corpus", whole: Corpus | None = None
    ) -> None:
        """
        Args:
            whole: the corpus that this is a part of; what was worked out there serves here.
        """
        self.name = name
        self._whole = whole or self
        self._facts: dict[str, Fact] = {} if whole is None else whole._facts
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

    def fact(self, paper: str) -> Fact:
        """What its date and its title say, worked out once."""
        known = self._facts.get(paper)
        if known is None:
            one = self._papers[paper]
            title = normalised(one.title)
            words = frozenset(WORD.findall(title))
            known = self._facts[paper] = Fact(day(one.date), is_survey(one.title), title, words)
        return known

    @cached_property
    def fingerprint(self) -> str:
        """Letters that stand for all that is known of the papers."""
        digest = hashlib.sha256()
        for paper in self:
            told = (paper.id, paper.title, paper.abstract, paper.text, paper.date,
                    *paper.authors, "", *paper.keywords, "", *paper.references)  # fmt: skip
            digest.update("\0".join(told).encode("utf-8", "replace") + b"\n")
        return digest.hexdigest()[:16]

    def cites(self, paper: str) -> list[str]:
        """Those of this corpus that a paper cites."""
        references = dict.fromkeys(self._papers[paper].references)
        return [other for other in references if other in self._papers and other != paper]

    def cited_by(self, paper: str) -> list[str]:
        """Those of this corpus that cite a paper."""
        return [other for other in self._whole._citing.get(paper, ()) if other in self._papers]

    def written_by(self, author: str) -> list[str]:
        """The papers of this corpus by an author, by the name as it is written."""
        return [paper for paper in self._whole._writing.get(author, ()) if paper in self._papers]

    def about(self, keyword: str) -> list[str]:
        """The papers of this corpus that have a keyword, in whatever case it is written."""
        having = self._whole._having.get(normalised(keyword), ())
        return [paper for paper in having if paper in self._papers]

    @cached_property
    def _citing(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for paper in self:
            for other in dict.fromkeys(paper.references):
                if other != paper.id:
                    found.setdefault(other, []).append(paper.id)
        return found

    @cached_property
    def _writing(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for paper in self:
            for author in dict.fromkeys(paper.authors):
                found.setdefault(author, []).append(paper.id)
        return found

    @cached_property
    def _having(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for paper in self:
            for keyword in dict.fromkeys(map(normalised, paper.keywords)):
                found.setdefault(keyword, []).append(paper.id)
        return found

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
        return Corpus(kept, self.name, self._whole), left

    def _reason(
        self,
        paper: Paper,
        limit: datetime.date | None,
        survey: str,
        title: str,
        guards: Guards,
    ) -> str | None:
        fact = self.fact(paper.id)
        if paper.id == survey or (title and fact.title == title):
            return "itself"
        if guards.before and limit is not None:
            if fact.day is None and not guards.undated:
                return "undated"
            if fact.day is not None and fact.day >= limit:
                return "late"
        return "surveys" if fact.survey and not guards.surveys else None


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
