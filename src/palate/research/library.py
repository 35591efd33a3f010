"""Papers for a reader, from the papers that they have.

By text, for any corpus and a reader whom nobody knows; by a recommender of this project too, where
there is a run that learned from what many readers have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from palate.config import Config
from palate.errors import DataError
from palate.research.corpus import Corpus
from palate.research.desk import Desk, Found, Ranked, fuse
from palate.research.papers import Paper, by_title, normalised
from palate.research.readers import bibtex, json_lines, markdown


class LibraryConfig(Config):
    """Settings of recommending by a library."""

    recent: int = Field(30, ge=1)
    """Papers of the library that count, the last of the list."""
    citations: bool = True
    """Follow citations from the library, too, where the corpus has them."""
    others: float = Field(1.0, ge=0)
    """Weight of the list of a recommender that learned from other readers, beside 1 for text."""


@dataclass(frozen=True)
class Library:
    """What a reader has.

    Attributes:
        papers: in the order of the file.
    """

    papers: list[Paper]

    def known(self, corpus: Corpus) -> list[str]:
        """Ids of those that the corpus has, by id, DOI or title."""
        titles = by_title(corpus)
        found = []
        for paper in self.papers:
            for name in (paper.id, str(paper.extra.get("doi", ""))):
                if name and name in corpus:
                    found.append(name)
                    break
            else:
                if (same := titles.get(normalised(paper.title))) is not None:
                    found.append(same.id)
        return list(dict.fromkeys(found))


def read_library(path: Path) -> Library:
    """A library: a ``.bib``, Markdown or JSON lines file, or a title a line.

    Raises:
        DataError: there is nothing in it.
    """
    if path.suffix == ".bib":
        return Library(bibtex.read(path))
    if path.suffix == ".md":
        return Library(markdown.papers(path))
    if path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        return Library(json_lines.read(path))
    from palate.search.layouts.base import lines

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    titles = [line.strip(" -*\t") for _, line in lines(path) if line.strip(" -*\t")]
    if not titles:
        raise DataError(f"{path}: no title in it; one a line")
    return Library([Paper(f"line-{row}", title) for row, title in enumerate(titles, start=1)])


def recommend(
    desk: Desk,
    library: Library,
    k: int = 10,
    config: LibraryConfig | None = None,
    others: Found | None = None,
) -> list[Ranked]:
    """The *k* best papers that the reader does not have.

    Args:
        desk: the papers that may be recommended, and ways to search them.
        others: papers that a recommender ranks for this reader, best first.
    """
    config = config or LibraryConfig()
    have = set(library.known(desk.allowed))
    titles = {normalised(paper.title) for paper in library.papers}
    used = library.papers[-config.recent :]
    depth = min(len(desk.allowed), 10 * k + len(have))
    lists: list[tuple[str, float, Found]] = []
    for way in ("bm25", "dense"):
        if way in desk.finder.ways:
            asked = [f"{paper.title} {paper.abstract}".strip() for paper in used]
            found = desk.search(asked, way, depth)
            lists += [
                (f"like “{paper.title}”", 1 / len(used), one)
                for paper, one in zip(used, found, strict=True)
            ]
    if config.citations and have:
        from palate.research.graph import neighbours

        near = neighbours(desk.allowed, sorted(have), depth)
        if near:
            lists.append(("citations tie it to your papers", 1.0, near))
    if others:
        lists.append(("readers with papers like yours have it", config.others, others))
    ranked = fuse(lists, len(desk.allowed))
    new = [
        one
        for one in ranked
        if one.paper not in have and normalised(desk.allowed.title(one.paper)) not in titles
    ]
    return new[:k]


def by_recommender(
    items: Sequence[str], scores: Sequence[float], corpus: Corpus, titles: Mapping[str, str]
) -> Found:
    """A recommender's list in the ids of the corpus: by id, else by title.

    Args:
        items: ids of the recommender's catalogue, best first.
        titles: of those items.
    """
    known = by_title(corpus)
    found: dict[str, float] = {}
    for item, score in zip(items, scores, strict=True):
        same = known.get(normalised(titles.get(item, "")))
        name = item if item in corpus else same.id if same is not None else None
        if name is not None:
            found.setdefault(name, float(score))
    return list(found.items())
