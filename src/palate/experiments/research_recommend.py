"""Papers for a reader: by what they are about, and by a run that learned from other readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.errors import DataError
from palate.experiments.recommend import recommend
from palate.experiments.run import Run
from palate.recommenders.registry import configure
from palate.research.budget import Ledger
from palate.research.corpus import Guards
from palate.research.desk import Brief, Found
from palate.research.library import Library, by_recommender, read_library
from palate.research.library import recommend as by_library
from palate.research.papers import normalised
from palate.research.readers import read_corpus
from palate.research.workbench import BenchConfig, Workbench


@dataclass(frozen=True)
class Recommended:
    """One paper, and why."""

    id: str
    title: str
    date: str
    reasons: tuple[str, ...]


def recommend_papers(
    library: Path,
    corpus: Path,
    k: int = 10,
    learned: Path | None = None,
    before: str = "",
    bench: Mapping[str, Any] | None = None,
    told: Callable[[str], None] | None = None,
) -> list[Recommended]:
    """The *k* best papers of a corpus for who has a library.

    Args:
        learned: folder of a run whose items are papers; its titles are matched with the library's.
        before: only papers from strictly before that date; all by default.

    Raises:
        DataError: the library holds no paper that the run knows.
    """
    own = read_library(library)
    papers = read_corpus(corpus)
    config = configure("bench", dict(bench or {}), BenchConfig)
    assert isinstance(config, BenchConfig)
    if not before:  # nobody is judged here: whatever is there may be read
        guards = Guards(before=False, undated=True, surveys=True)
        config = config.model_copy(update={"guards": guards})
    desk = Workbench(papers, config, told=told).desk(Brief("", before), Ledger())
    others = _others(Run(learned), own, desk.allowed, 10 * k) if learned is not None else None
    return [
        Recommended(one.paper, papers[one.paper].title, papers[one.paper].date, one.reasons)
        for one in by_library(desk, own, k, others=others)
    ]


def _others(run: Run, library: Library, corpus: Any, k: int) -> Found:
    """What the run recommends to somebody with that library, in the corpus's ids."""
    catalogue = run.catalogue()
    place = {normalised(title): row for row, title in reversed(list(enumerate(catalogue.titles)))}
    ids = {item: row for row, item in enumerate(catalogue.items)}
    history = [
        row
        for paper in library.papers
        if (row := ids.get(paper.id, place.get(normalised(paper.title)))) is not None
    ]
    if not history:
        raise DataError(f"{run.folder}: the run knows none of the library's papers")
    found = recommend(run, history=history, k=k)
    titles = {one.item: one.title for one in found}
    return by_recommender([one.item for one in found], [one.score for one in found], corpus, titles)
