"""A pipeline: rewriters, retrievers, fusion, re-rankers, one after another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from palate.search.fusion import RRF, Fusion
from palate.search.index import SearchIndex, Snapshot
from palate.search.results import (
    RAW,
    Expansion,
    Query,
    Reranker,
    Results,
    Retriever,
    Rewriter,
    WeightedText,
    added,
)

POOL = 100  # documents that a retriever is asked for where more stages follow


@runtime_checkable
class RetrievesMeans(Protocol):
    """A retriever that can search for the mean of several texts' vectors."""

    def retrieve_means(
        self, queries: Sequence[Query], texts: Sequence[Sequence[str]], k: int
    ) -> list[Results]:
        """One list per query, for the mean of its vector and those of its *texts*."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A retriever that keeps something of every document, as vectors."""

    def prepare(self, snapshot: Snapshot) -> None:
        """Compute what is not there yet."""
        ...


class Pipeline:
    """Finds documents in several stages; itself a :class:`~palate.search.results.Retriever`.

    All stages of one call see one state of the index.
    """

    def __init__(
        self,
        index: SearchIndex,
        retrievers: Sequence[Retriever],
        rewriters: Sequence[Rewriter] = (),
        fusion: Fusion | None = None,
        rerankers: Sequence[Reranker] = (),
        name: str = "pipeline",
    ) -> None:
        self.index = index
        self.rewriters = list(rewriters)
        self.retrievers = list(retrievers)
        self.fusion = fusion or RRF()
        self.rerankers = list(rerankers)
        self.name = name

    @property
    def stages(self) -> list[str]:
        """The names of the stages in their order; the fusion's only where there is one."""
        several = len(self.retrievers) > 1 or bool(self.rewriters)
        return [
            *(one.name for one in self.rewriters),
            *(one.name for one in self.retrievers),
            *([self.fusion.name] if several else []),
            *(one.name for one in self.rerankers),
        ]

    @property
    def remarks(self) -> list[str]:
        """What a person should know of its retrievers, as that no model was within reach."""
        return [one for stage in self.retrievers for one in getattr(stage, "remarks", ())]

    def prepare(self) -> None:
        """Compute what the retrievers keep of documents, so that the first query need not."""
        with self.index.reading() as snapshot:
            for retriever in self.retrievers:
                if isinstance(retriever, Prepares):
                    retriever.prepare(snapshot)

    def retrieve(self, queries: Sequence[Query], k: int) -> list[Results]:
        """One list of at most *k* hits per query.

        Every hit's provenance tells which stages placed it, and where; ``seconds`` and ``cost``
        what each stage spent.
        """
        with self.index.reading() as snapshot:
            pool = max(k, POOL) if self._several or self.rerankers else k
            results = self._found(queries, pool)
            for reranker in self.rerankers:
                start = time.perf_counter()
                before = [sum(one.seconds.values()) for one in results]
                results = reranker.rerank(results, snapshot)
                share = (time.perf_counter() - start) / max(len(results), 1)
                results = [
                    one if sum(one.seconds.values()) > spent else one.spent(reranker.name, share)
                    for one, spent in zip(results, before, strict=True)
                ]
            return [replace(one, hits=one.hits[:k]) for one in results]

    @property
    def _several(self) -> bool:
        return len(self.retrievers) > 1 or bool(self.rewriters)

    def _found(self, queries: Sequence[Query], k: int) -> list[Results]:
        if not self._several:
            return self.retrievers[0].retrieve(queries, k)
        expansions = self._expanded(queries)
        lists: list[list[Results]] = [[] for _ in queries]
        weights: list[list[float]] = [[] for _ in queries]
        for retriever in self.retrievers:
            means = isinstance(retriever, RetrievesMeans)
            asked = [
                (place, text)
                for place, one in enumerate(expansions)
                for text in one.texts
                # The mean that takes in the raw query is searched for in its place.
                if not (means and one.dense and text.stage == RAW)
            ]
            found = retriever.retrieve([_asked(queries[p], text) for p, text in asked], k)
            for (place, text), one in zip(asked, found, strict=True):
                lists[place].append(_told(one, queries[place], text))
                weights[place].append(text.weight)
            if isinstance(retriever, RetrievesMeans):
                with_means = [p for p, one in enumerate(expansions) if one.dense]
                found = retriever.retrieve_means(
                    [queries[p] for p in with_means], [expansions[p].dense for p in with_means], k
                )
                for place, one in zip(with_means, found, strict=True):
                    lists[place].append(one)
                    weights[place].append(1.0)
        return [
            self._fused(expansion, some, shares, k)
            for expansion, some, shares in zip(expansions, lists, weights, strict=True)
        ]

    def _expanded(self, queries: Sequence[Query]) -> list[Expansion]:
        expansions = [Expansion(query) for query in queries]
        for rewriter in self.rewriters:
            start = time.perf_counter()
            written = rewriter.rewrite(queries)
            share = (time.perf_counter() - start) / max(len(queries), 1)
            expansions = [
                _both(one, more, rewriter.name, share)
                for one, more in zip(expansions, written, strict=True)
            ]
        return expansions

    def _fused(
        self, expansion: Expansion, lists: Sequence[Results], weights: Sequence[float], k: int
    ) -> Results:
        start = time.perf_counter()
        fused = self.fusion.fuse(lists, k, weights) if lists else Results(expansion.query)
        fused = fused.spent(self.fusion.name, time.perf_counter() - start)
        return replace(
            fused,
            seconds=added(expansion.seconds, fused.seconds),
            cost=added(expansion.cost, fused.cost),
        )


def _asked(query: Query, text: WeightedText) -> Query:
    return replace(query, text=text.text)


def _told(found: Results, query: Query, text: WeightedText) -> Results:
    """The list under the query as it was asked; its hits say which text found them."""
    if text.stage == RAW:
        return replace(found, query=query)
    note = f"{text.stage}: {text.text}"
    hits = []
    for hit in found:
        last = hit.provenance[-1]
        signed = replace(last, note=note if not last.note else f"{note}; {last.note}")
        hits.append(replace(hit, provenance=(*hit.provenance[:-1], signed)))
    return replace(found, query=query, hits=tuple(hits))


def _both(one: Expansion, more: Expansion, name: str, share: float) -> Expansion:
    """Two expansions as one; a raw query that was given another weight keeps it."""
    raw = next(text for text in more.texts if text.stage == RAW)
    kept = next(text for text in one.texts if text.stage == RAW)
    others = (*one.texts, *more.texts)
    seconds = more.seconds or {name: share}
    return replace(
        one,
        texts=(
            raw if raw.weight != 1.0 or raw.text != kept.text else kept,
            *(text for text in others if text.stage != RAW),
        ),
        dense=(*one.dense, *more.dense),
        seconds=added(one.seconds, seconds),
        cost=added(one.cost, more.cost),
    )
