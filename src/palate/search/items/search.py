"""Items by what somebody writes, mixed with what they like.

    s(i) = (1 - w) * relevance(i) + w * taste(i)

Both are of 0 to 1 within what the query found: relevance is the pipeline's score over the best,
taste the share of the found items that the recommender places below. What is not found is not
shown, whatever somebody likes; w is 0 where the query is an item's title.

Legend: i items of the catalogue, h items that were found.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.data.attributes import Mask
from palate.data.catalogue import Catalogue
from palate.evaluation.ranking import Values
from palate.search.index import SearchIndex
from palate.search.items.taste import mixed, proportions, shares
from palate.search.items.titles import Titles
from palate.search.pipeline import Pipeline, RetrievesMeans
from palate.search.results import Hit, Query
from palate.search.stages import pipeline

PIPELINE = "bm25 + dense > convex(weights={bm25: 2, dense: 1})"
KINDS = ("genres", "categories")  # columns of names of kinds
GROWTH = 4  # by so much more is looked for where filters left too few


class ItemSearchConfig(Config):
    """Settings of a search for items."""

    pipeline: str = PIPELINE
    """Stages that find items, as ``bm25``, ``hybrid`` or a YAML file."""
    taste: float = Field(0.4, ge=0, le=1)
    """Weight of the person's taste; the rest is relevance. 0 is relevance alone."""
    pool: int = Field(200, ge=1)
    """Items that are found before taste orders them."""


@dataclass(frozen=True)
class FoundItem:
    """An item of a list.

    Attributes:
        item: its index in the catalogue.
        score: what it was ordered by; comparable within one list.
        relevance: of 0 to 1, within what was found.
        taste: likewise; None where nothing is known of the person, or of the item.
        by_relevance: its place if only relevance counted, from 1.
        by_taste: its place if only taste counted; None as *taste*.
        seen: the person had it.
        named: the query is its title.
        hit: where it was found, stage by stage.
    """

    item: int
    score: float
    relevance: float
    taste: float | None
    by_relevance: int
    by_taste: int | None
    seen: bool
    named: bool
    hit: Hit


@dataclass(frozen=True)
class FoundItems:
    """A list of items.

    Attributes:
        items: best first.
        weight: that taste had.
        found: how many items were found of which these are the best.
        remarks: what the person should know.
    """

    items: tuple[FoundItem, ...]
    weight: float
    found: int
    remarks: tuple[str, ...] = ()


class ItemSearch:
    """A catalogue that is searched for people."""

    def __init__(
        self,
        catalogue: Catalogue,
        index: SearchIndex,
        config: ItemSearchConfig | None = None,
        unknown: Mask | None = None,
    ) -> None:
        """
        Args:
            index: of the catalogue; see :func:`~palate.search.items.documents.index_of`.
            unknown: [i] items that the recommender has learned nothing of. They are neither
                raised nor lowered by taste.

        Raises:
            ConfigError: the pipeline cannot be read.
        """
        self.catalogue, self.index = catalogue, index
        self.config = config or ItemSearchConfig()
        self.pipeline: Pipeline = pipeline(index, self.config.pipeline)
        self._unknown = np.zeros(len(catalogue), dtype=bool) if unknown is None else unknown

    def search(
        self,
        text: str,
        taste: npt.NDArray[np.floating] | None = None,
        *,
        k: int = 10,
        allowed: Mask | None = None,
        seen: Collection[int] = (),
        weight: float | None = None,
    ) -> FoundItems:
        """The best *k* items for a query and a person.

        Args:
            taste: [i] a recommender's scores; None where nothing is known of the person.
            allowed: [i] what may be shown; None is all.
            seen: items that the person had; they are marked.
            weight: of taste, in place of the setting.
        """
        named = {item for item in self._titles.named(text) if allowed is None or allowed[item]}
        hits = self._with_named(self._hits(text, k, allowed), named)
        items = np.array([self._places[hit.document] for hit in hits], dtype=np.int64)
        wanted = self.config.taste if weight is None else weight
        share = 0.0 if taste is None or named else wanted
        relevance = proportions(np.array([hit.score for hit in hits]))
        known = np.zeros(len(items), dtype=bool) if taste is None else ~self._unknown[items]
        liked = np.full(len(items), np.nan)
        if taste is not None:
            liked[known] = taste[items[known]]
        standing = shares(liked)
        scores = mixed(relevance, standing, share)
        exact = np.isin(items, sorted(named))
        order = np.lexsort((np.arange(len(items)), -scores, ~exact))
        by_taste = np.argsort(np.argsort(-standing, kind="stable"), kind="stable") + 1
        rows = [
            FoundItem(
                item=int(items[at]),
                score=float(scores[at]),
                relevance=float(relevance[at]),
                taste=float(standing[at]) if known[at] else None,
                by_relevance=at + 1,
                by_taste=int(by_taste[at]) if known[at] else None,
                seen=int(items[at]) in seen,
                named=bool(exact[at]),
                hit=hits[at],
            )
            for at in order[:k].tolist()
        ]
        return FoundItems(tuple(rows), share, len(items), self._remarks())

    @property
    def by_meaning(self) -> bool:
        """It finds items that share no word with the query."""
        return any(isinstance(one, RetrievesMeans) for one in self.pipeline.retrievers)

    def relevance(self, text: str) -> Values:
        """[i] how well each item answers a query, of 0 to 1; 0 for what is not found."""
        found = np.zeros(len(self.catalogue))
        [results] = self.pipeline.retrieve([Query("query", text)], len(self.catalogue))
        told = proportions(np.array([hit.score for hit in results]))
        for hit, value in zip(results, told.tolist(), strict=True):
            if self._may(hit, None):
                found[self._places[hit.document]] = value
        return found

    def _hits(self, text: str, k: int, allowed: Mask | None) -> list[Hit]:
        """What is found and may be shown: a pool, or all where filters leave less."""
        depth = max(k, self.config.pool)
        while True:
            asked = min(depth, len(self.catalogue))
            [results] = self.pipeline.retrieve([Query("query", text)], asked)
            found = [hit for hit in results if self._may(hit, allowed)]
            whole = len(results) < asked or asked == len(self.catalogue)
            if whole or len(found) >= max(k, self.config.pool):
                return found[: max(k, self.config.pool)]
            depth = GROWTH * depth

    def _may(self, hit: Hit, allowed: Mask | None) -> bool:
        """It is an item that may be shown; another process may have indexed more than these."""
        place = self._places.get(hit.document)
        return place is not None and (allowed is None or bool(allowed[place]))

    def _with_named(self, hits: list[Hit], named: Collection[int]) -> list[Hit]:
        """Titles of words that everybody says ("It") are found too, though no stage has."""
        there = {hit.document for hit in hits}
        ids = [self.catalogue.items[item] for item in sorted(named)]
        top = max((hit.score for hit in hits), default=1.0)
        missing = [Hit(one, top).found("title", 1, top) for one in ids if one not in there]
        return [*missing, *hits]

    def _remarks(self) -> tuple[str, ...]:
        stages = (*self.pipeline.rewriters, *self.pipeline.retrievers, *self.pipeline.rerankers)
        return tuple(one for stage in stages for one in getattr(stage, "remarks", ()))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {item: place for place, item in enumerate(self.catalogue.items)}

    @cached_property
    def _titles(self) -> Titles:
        catalogue = self.catalogue
        columns = [catalogue.labels(name) for name in KINDS if name in catalogue.frame.columns]
        kinds = {kind for column in columns for kinds in column for kind in kinds}
        return Titles(catalogue.titles, kinds)
