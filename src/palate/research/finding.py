"""Searching a corpus for one topic: only what the topic may know comes back.

The whole corpus is indexed once, and what a topic may not know is dropped from the lists; a list
that becomes too short is asked for again, deeper (ResearchArena re-queries so too).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from palate.data.sources.cache import cache_folder
from palate.errors import ConfigError, RunError
from palate.evaluation.ranking import Indices
from palate.research.corpus import Corpus
from palate.search.documents import Document
from palate.search.index import IndexConfig, SearchIndex
from palate.search.lexical import BM25, BM25Config
from palate.search.results import Query, Retriever
from palate.search.segment import FLAT

Found = list[tuple[str, float]]
HEADING, ABSTRACT = "heading", "abstract"
LEXICAL: dict[str, BM25Config] = {
    "bm25": BM25Config(weights={HEADING: 0, ABSTRACT: 0}),
    "bm25-title": BM25Config(weights={FLAT: 0, HEADING: 1, ABSTRACT: 0}),
    "bm25-abstract": BM25Config(weights={FLAT: 0, HEADING: 0, ABSTRACT: 1}),
    "bm25-rm3": BM25Config(weights={HEADING: 0, ABSTRACT: 0}, feedback="rm3"),
}
DEPTH = 4  # how much deeper a list that became too short is asked for again


def index_corpus(
    corpus: Corpus,
    folder: Path | None = None,
    told: Callable[[int], None] | None = None,
) -> SearchIndex:
    """The corpus as an index with fields for title and abstract, made once and kept.

    Args:
        folder: where; by default a folder of the user's cache, named by what is in the corpus.
        told: called with 1 for every paper that is added.
    """
    folder = folder or cache_folder("research") / _digest(corpus)
    try:
        index = SearchIndex(folder)
        if len(index.snapshot()) == len(corpus):
            return index
    except RunError:
        index = SearchIndex.create(folder, IndexConfig(fields=(HEADING, ABSTRACT)))
    index.add(
        (
            Document(
                paper.id,
                paper.body,
                paper.title,
                {HEADING: paper.title, ABSTRACT: paper.abstract},
            )
            for paper in corpus
        ),
        told=told,
    )
    return index


def lexical(index: SearchIndex) -> dict[str, Retriever]:
    """The ways to search by words: title and abstract together, or each alone, and RM3."""
    return {name: BM25(config, index, name) for name, config in LEXICAL.items()}


class Finder:
    """Searches for what one topic may know.

    Attributes:
        allowed: the papers that may come back.
        ways: names of the retrievers.
    """

    def __init__(self, retrievers: Mapping[str, Retriever], allowed: Corpus, total: int) -> None:
        """
        Args:
            total: papers in the index, and so the longest list there is.
        """
        self._retrievers = retrievers
        self._total = total
        self.allowed = allowed

    @property
    def ways(self) -> list[str]:
        """Names of the retrievers."""
        return list(self._retrievers)

    def search(self, texts: Sequence[str], way: str, k: int) -> list[Found]:
        """The *k* best papers for each text, best first, with scores.

        Raises:
            ConfigError: there is no such way to search.
        """
        if way not in self._retrievers:
            raise ConfigError(f"no way to search is called '{way}'; there are {self.ways}")
        found: dict[int, Found] = {}
        open_ = [place for place, text in enumerate(texts) if text.strip()]
        depth = min(2 * k, self._total)
        while open_:
            queries = [Query(str(place), texts[place]) for place in open_]
            again = []
            for place, results in zip(
                open_, self._retrievers[way].retrieve(queries, depth), strict=True
            ):
                kept = [(h.document, h.score) for h in results if h.document in self.allowed]
                found[place] = kept[:k]
                if len(kept) < k and len(results) >= depth and depth < self._total:
                    again.append(place)
            open_, depth = again, min(DEPTH * depth, self._total)
        return [found.get(place, []) for place in range(len(texts))]


def memory_bm25(texts: Sequence[str], question: str) -> Indices:
    """[m] places of the texts that share a word with the question, best first."""
    with tempfile.TemporaryDirectory() as folder:
        index = SearchIndex.create(Path(folder) / "index")
        index.add(Document(str(place), text) for place, text in enumerate(texts))
        (results,) = BM25(BM25Config(), index).retrieve([Query("q", question)], len(texts))
        return np.array([int(document) for document in results.documents], dtype=np.int64)


def _digest(corpus: Corpus) -> str:
    digest = hashlib.sha256()
    for paper in corpus:
        for part in (paper.id, paper.title, paper.abstract, paper.text):
            digest.update(part.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:24]
