"""When it matters how old a document is, and by how much."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import Field

from palate.config import Config
from palate.search.index import Snapshot
from palate.search.results import Results

DAY = 86_400.0
STAGE = "freshness"
_NOW = re.compile(
    r"\b(?:latest|newest|most recent|recently?|current(?:ly)?|today|tonight|yesterday|"
    r"now(?:adays)?|this (?:week|month|year|season|quarter)|at the moment|up[- ]to[- ]date|"
    r"as of|so far|breaking|news|still)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class FreshnessConfig(Config):
    """Settings of freshness."""

    tau: float = Field(90.0, gt=0)
    """Days after which a document counts 1/e of what it did, where time matters."""


@dataclass(frozen=True)
class Wanted:
    """The time that a question is about, in seconds since 1970: from ``start`` to ``end``."""

    start: float
    end: float


def wanted(question: str, now: float | None = None) -> Wanted | None:
    """The time that a question is about: a year that it names, or now; None where time does not
    matter."""
    years = [int(year) for year in _YEAR.findall(question)]
    if years:
        first = datetime(min(years), 1, 1, tzinfo=UTC).timestamp()
        return Wanted(first, datetime(max(years) + 1, 1, 1, tzinfo=UTC).timestamp())
    if _NOW.search(question):
        now = time.time() if now is None else now
        return Wanted(now, now)
    return None


def freshened(
    results: Results, snapshot: Snapshot, config: FreshnessConfig, now: float | None = None
) -> Results:
    """The list with scores times ``exp(-age / tau)``, where the question is about a time.

    Age is counted in days from that time. A document without a time counts as tau old. Scores that
    are not positive, as logarithms, are replaced by ``1 / (60 + rank)`` before.
    """
    when = wanted(results.query.text, now)
    if when is None or not results.hits:
        return results
    scores = [hit.score for hit in results]
    if min(scores) <= 0:
        scores = [1 / (60 + rank) for rank in range(1, len(scores) + 1)]
    times = [snapshot.document(hit.document).time for hit in results]
    new = [s * math.exp(-_age(t, when, config.tau)) for s, t in zip(scores, times, strict=True)]
    order = _by_score(new)
    placed = results.reordered(order, STAGE, [new[place] for place in order])
    return replace(placed, query=results.query)


def _age(time_: float | None, when: Wanted, tau: float) -> float:
    """In taus; 0 within the time that is wanted."""
    if time_ is None:
        return 1.0
    return max(when.start - time_, time_ - when.end, 0.0) / DAY / tau


def _by_score(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda place: (-scores[place], place))


def day(time_: float | None) -> str:
    """A time as ``2024-05-31``; empty where it is not known."""
    return "" if time_ is None else datetime.fromtimestamp(time_, UTC).strftime("%Y-%m-%d")
