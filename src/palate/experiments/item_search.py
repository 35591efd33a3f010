"""A trained run's items, found by what somebody writes and ordered by what they like."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from palate.data.attributes import Mask
from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.evaluation.ranking import Values
from palate.experiments.recommend import known_histories
from palate.experiments.run import Run
from palate.recommenders.base import ReadsItems, Recommender
from palate.search.index import SearchIndex
from palate.search.items.conditions import Conditions
from palate.search.items.documents import index_of, temporary_index
from palate.search.items.search import FoundItem, FoundItems, ItemSearch, ItemSearchConfig
from palate.search.stages import read

SEARCH = "search"  # folder of the index in a run
LEXICAL = "bm25"  # stages that need no model


def opened(run: Run, catalogue: Catalogue | None = None) -> SearchIndex:
    """The index of a run's catalogue, in the run's folder: made when first asked for, and brought
    up to date where the catalogue is not what it was made of.

    Args:
        catalogue: in place of the run's own, as a server may know more items; its index is not
            kept. Neither is one of a folder that cannot be written to.
    """
    place: Path = run.path(SEARCH)
    if catalogue is not None or not os.access(place if place.exists() else run.folder, os.W_OK):
        return temporary_index(catalogue or run.catalogue())
    return index_of(run.catalogue(), place)


class LazySearch:
    """A search of items that is opened when it is first asked; threads may share it."""

    def __init__(
        self,
        run: Run,
        config: ItemSearchConfig,
        catalogue: Catalogue | None = None,
        unknown: Mask | None = None,
    ) -> None:
        """
        Args:
            catalogue: in place of the run's own; see :func:`opened`.
            unknown: [i] as of :class:`~palate.search.items.search.ItemSearch`.

        Raises:
            ConfigError: the pipeline cannot be read.
        """
        read(config.pipeline)
        self._run, self.config = run, config
        self._catalogue, self._unknown = catalogue, unknown
        self._lock = threading.Lock()
        self._opened: ItemSearch | None = None

    @property
    def search(self) -> ItemSearch:
        """The search itself."""
        with self._lock:
            if self._opened is None:
                index = opened(self._run, self._catalogue)
                catalogue = self._catalogue or self._run.catalogue()
                self._opened = ItemSearch(catalogue, index, self.config, self._unknown)
            return self._opened

    @property
    def installed(self) -> bool:
        """Whether all that a search by words needs is there."""
        return all(find_spec(name) is not None for name in ("bm25s", "Stemmer"))

    @property
    def by_meaning(self) -> bool:
        """It finds items whose texts do not hold the words."""
        return self.search.by_meaning

    def relevance(self, text: str) -> Values:
        """[i] how well each item answers, of 0 to 1."""
        return self.search.relevance(text)


def text_search(run: Run, stages: str = LEXICAL) -> LazySearch | None:
    """What a dialogue asks for items by words; None where nothing is installed that can.

    Raises:
        ConfigError: the pipeline cannot be read.
    """
    found = LazySearch(run, ItemSearchConfig(pipeline=stages))
    return found if found.installed or stages != LEXICAL else None


def unknown_items(recommender: Recommender, histories: Histories, catalogue: Catalogue) -> Mask:
    """[i] items that the recommender has learned nothing of: nobody had them, and it reads no
    texts."""
    if isinstance(recommender, ReadsItems):
        return np.zeros(len(catalogue), dtype=bool)
    counts = np.bincount(histories.items, minlength=len(catalogue))
    unknown: Mask = counts[: len(catalogue)] == 0
    return unknown


def find(
    run: Run,
    text: str,
    *,
    history: Sequence[int] | None = None,
    user: str | None = None,
    filters: Sequence[str] = (),
    k: int = 10,
    leave_out_seen: bool = False,
    config: ItemSearchConfig | None = None,
) -> FoundItems:
    """The best *k* items of a run for a query, and for a person where one is given.

    Args:
        history: item indices, oldest first, of somebody new.
        user: somebody whose events were in the data.
        filters: conditions on attributes; see :class:`~palate.search.items.conditions.Conditions`.
        leave_out_seen: what the person had is left out, not marked.

    Raises:
        RunError: the user is unknown, or both a user and a history are given.
        ConfigError: an empty query, a filter that is no condition, or a pipeline that is none.
    """
    if not text.strip():
        raise ConfigError("the query is empty: say what you are looking for")
    catalogue, taste, unknown, seen = run.catalogue(), None, None, frozenset[int]()
    allowed = Conditions(catalogue).mask(filters) if filters else None
    if history is not None or user is not None:
        known = known_histories(run, catalogue, history, user)
        recommender = run.recommender()
        taste = recommender.score(known)[0]
        unknown = unknown_items(recommender, run.histories(), catalogue)
        seen = frozenset(known.items.tolist())
    if leave_out_seen and seen:
        allowed = np.ones(len(catalogue), dtype=bool) if allowed is None else allowed
        allowed[list(seen)] = False
    search = ItemSearch(catalogue, opened(run), config, unknown)
    return search.search(text, taste, k=k, allowed=allowed, seen=seen)


def sentence(one: FoundItem, weight: float) -> str:
    """What came of relevance and what of taste, in words."""
    if one.named:
        return "the query is its title, so that taste does not count"
    relevance = f"relevance {one.relevance:.2f} (place {one.by_relevance})"
    if weight == 0:
        return relevance
    if one.taste is None:
        return f"{relevance} × {1 - weight:g}; nobody had it yet, so that taste is neutral"
    taste = f"taste {one.taste:.2f} (place {one.by_taste})"
    return f"{relevance} × {1 - weight:g} + {taste} × {weight:g}"
