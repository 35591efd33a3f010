"""A log cut into periods, for models that go on learning.

Shi et al., "Preliminary Study on Incremental Learning for Large Language Model-based Recommender
Systems", arXiv:2312.15599, section 3: after each period a model may learn from all periods so
far, and serves the next one.

Legend: p periods, n questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from palate.data.dataset import Dataset
from palate.data.questions import Questions
from palate.data.splits import date
from palate.errors import ConfigError, DataError

VALIDATION = 0.1
"""The newest share of a period's questions, by which a model of that period is chosen."""


@dataclass(frozen=True)
class Period:
    """One period: what is learned from after it, and asked before.

    Attributes:
        train: the older nine tenths.
        validation: the newest tenth.
        start: time of the first question, in the unit of the source.
        stop: time of the last.
    """

    train: Questions
    validation: Questions
    start: int
    stop: int

    @property
    def all(self) -> Questions:
        """All questions of the period: the test of a model that was trained before it."""
        return self.train.and_(self.validation)

    def __len__(self) -> int:
        return len(self.train) + len(self.validation)


def periods(
    dataset: Dataset,
    count: int,
    by: Literal["count", "time"] = "count",
    known: int = 10,
    newest: int | None = None,
    seed: int = 0,
) -> list[Period]:
    """[p] periods, oldest first; each event with *known* earlier ones of its user is a question.

    Where nobody says what they liked, each event stands beside an item drawn at random that its
    user never touched.

    Args:
        by: ``count`` makes periods of as many events each, ``time`` of the same duration.
        newest: use so many of the newest events only.
        seed: of the drawn items.

    Raises:
        DataError: there are no times, or too few events for so many periods.
    """
    if count < 2:
        raise ConfigError(f"{count} periods: one to learn from and one to be tested on are needed")
    if not dataset.has_clock:
        raise DataError(
            f"{dataset.name}: the events have an order but no times, so they cannot be cut into "
            "periods; name a column with --time-column"
        )
    places = asked_places(dataset, known)[-newest if newest else None :]
    times = dataset.times[places]
    if by == "count":
        bounds = np.linspace(0, len(places), count + 1).round().astype(int)
    else:
        edges = np.linspace(times[0], times[-1], count + 1) if len(times) else np.zeros(count + 1)
        bounds = np.searchsorted(times, edges)
        bounds[-1] = len(times)
    sizes = np.diff(bounds)
    if sizes.min() < 20:
        raise DataError(
            f"{dataset.name}: of {count} periods, number {int(sizes.argmin()) + 1} has "
            f"{sizes.min()} events whose user has {known} earlier ones, too few to learn from and "
            "to test on; ask for fewer periods"
        )
    return [_period(dataset, places[start:stop], seed) for start, stop in pairwise(bounds)]


def asked_places(dataset: Dataset, known: int) -> np.ndarray:
    """[n] places of the events with *known* earlier ones of their user, by time, ties by place."""
    sequences = dataset.sequences
    places = sequences.places(known)
    return places[np.argsort(dataset.times[places], kind="stable")]


def _period(dataset: Dataset, places: np.ndarray, seed: int) -> Period:
    cut = len(places) - max(1, round(VALIDATION * len(places)))
    n_items = len(dataset.catalogue)
    train, validation = (
        Questions.of_likes(dataset.sequences, part, n_items, seed)
        for part in (places[:cut], places[cut:])
    )
    times = dataset.times[places]
    return Period(train, validation, int(times[0]), int(times[-1]))


def history(periods: Sequence[Period]) -> Questions:
    """All questions of several periods, in their order."""
    together = periods[0].all
    for period in periods[1:]:
        together = together.and_(period.all)
    return together


def told(periods: Sequence[Period]) -> tuple[str, ...]:
    """What belongs beside every number on these periods."""
    first, last = periods[0], periods[-1]
    notes = [
        f"{len(periods)} periods of {min(map(len, periods)):,} to {max(map(len, periods)):,} "
        f"questions, from {date(first.start)} to {date(last.stop)}; a model that learned up to "
        "the end of one is tested on all of the next.",
    ]
    liked = history(periods).liked.mean()
    notes.append(f"{100 * liked:.0f} % of the questions are about what was liked.")
    return tuple(notes)
