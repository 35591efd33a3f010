"""Dense search: passages whose vectors are near the query's.

A document counts by its best passage. Exact search is the default: up to about a million
vectors nothing is faster that finds the same. Vectors lie beside the segment that they belong to;
a new segment needs those of its own documents only.

Legend: n documents of a segment, p passages of them, h size of a vector, q queries.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError, SourceError
from palate.language.encoder import Encoder, Pooling
from palate.search.index import SearchIndex, Snapshot, View
from palate.search.passages import passages
from palate.search.postings import Array, read_array, write_array
from palate.search.progress import counting
from palate.search.results import Query, Results
from palate.search.segment import Segment
from palate.search.selection import best, gathered
from palate.search.vectors import cached

CELLS = 2**25  # similarities computed at a time; bounds memory
DEFAULT = "minilm"
Told = Callable[[int], None]


class DenseConfig(Config):
    """Settings of dense search."""

    model: str = DEFAULT
    """minilm, a hub id or folder of an encoder, a causal language model, or lsa for none."""
    pooling: Pooling = "auto"
    """What stands for a text: the mean of its tokens' states, the first (cls) or the last."""
    query_prefix: str = ""
    """Put before each query; BGE: 'Represent this sentence for searching relevant passages: '."""
    document_prefix: str = ""
    """Put before each passage; E5: 'passage: '."""
    max_tokens: int | None = Field(None, ge=1)
    """Cut texts to so many tokens; by default what the model takes, at most 512."""
    search: Literal["exact", "faiss", "hnsw"] = "exact"
    """Exact by NumPy, exact by faiss, or a graph of neighbours by faiss (fast, not exact)."""
    feedback: Literal["none", "rocchio"] = "none"
    """Search again for a vector moved towards those of the first documents."""
    feedback_documents: int = Field(10, ge=1)
    """So many of them."""
    alpha: float = Field(1.0, ge=0)
    """Weight of the query in that vector."""
    beta: float = Field(0.75, ge=0)
    """Weight of the documents."""
    device: str = "auto"
    """Where the model runs."""


class SegmentVectors:
    """The vectors of one segment.

    Attributes:
        data: [p, h]
        starts: [n + 1] passages of document ``i`` are ``starts[i]:starts[i + 1]``.
    """

    def __init__(self, data: Array, starts: Array) -> None:
        self.data = data
        self.starts = starts
        counts = np.diff(starts)
        self.owners = np.repeat(np.arange(len(counts)), counts)  # [p]
        self.having = np.flatnonzero(counts)  # documents with a passage
        self.single = bool((counts <= 1).all())
        self._faiss: dict[str, Any] = {}

    def nearest(
        self, view: View, queries: Array, k: int, how: str
    ) -> list[tuple[Array, Array, Array]]:
        """For each query: places of the best documents, their scores, their passages."""
        if not len(self.data):
            empty = np.empty(0, dtype=np.int64)
            return [(empty, empty.astype(np.float32), empty)] * len(queries)
        if how != "exact":
            return [self._by_faiss(view, query, k, how) for query in queries]
        found = []
        step = max(1, CELLS // len(self.data))
        for start in range(0, len(queries), step):
            near = self.data @ queries[start : start + step].T  # [p, q]
            found += [self._best(view, near[:, i], k) for i in range(near.shape[1])]
        return found

    def _best(self, view: View, near: Array, k: int) -> tuple[Array, Array, Array]:
        scores = np.full(len(view.segment), -np.inf, dtype=np.float32)
        near = np.ascontiguousarray(near)
        scores[self.having] = (
            near if self.single else np.maximum.reduceat(near, self.starts[self.having])
        )
        scores[~view.alive] = -np.inf
        places = best(scores, view.segment.ranks, k, floor=-np.inf)
        numbers = np.full(len(places), -1, dtype=np.int64)
        for row, place in enumerate(places.tolist()):
            start, end = self.starts[place], self.starts[place + 1]
            if end - start > 1:
                numbers[row] = int(near[start:end].argmax())
        return places, scores[places], numbers

    def _by_faiss(
        self, view: View, query: Array, k: int, how: str
    ) -> tuple[Array, Array, Array]:
        import faiss

        index = self._built(how)
        wanted = view.alive[self.owners]
        count = min(k, int(wanted.sum())) if self.single else min(4 * k, int(wanted.sum()))
        packed = np.packbits(wanted, bitorder="little")
        chosen = faiss.IDSelectorBitmap(packed)
        while True:
            if how == "hnsw":
                options = faiss.SearchParametersHNSW(sel=chosen, efSearch=max(128, count))
            else:
                options = faiss.SearchParameters(sel=chosen)
            scores, numbers = index.search(query[None], count, params=options)
            known = numbers[0] >= 0
            owners = self.owners[numbers[0][known]]
            distinct, first = np.unique(owners, return_index=True)  # the best stands first
            if len(distinct) >= k or count >= wanted.sum() or not known.all():
                break
            count = min(4 * count, int(wanted.sum()))
        values, picked = scores[0][known][first], numbers[0][known][first]
        order = np.lexsort((view.segment.ranks[distinct], -values))[:k]
        places = distinct[order]
        inside = picked[order] - self.starts[places]
        inside[self.starts[places + 1] - self.starts[places] < 2] = -1
        return places, values[order], inside

    def _built(self, how: str) -> Any:
        import faiss

        if how not in self._faiss:
            size = self.data.shape[1]
            if how == "hnsw":
                index = faiss.IndexHNSWFlat(size, 32, faiss.METRIC_INNER_PRODUCT)
                index.hnsw.efConstruction = 128
            else:
                index = faiss.IndexFlatIP(size)
            index.add(np.ascontiguousarray(self.data))
            self._faiss[how] = index
        return self._faiss[how]


class Dense:
    """Finds documents by the vectors of their passages.

    Attributes:
        name: what it is called in traces.
        remarks: what a person should know, as that no model was within reach.
    """

    Config = DenseConfig
    kind = "retriever"

    def __init__(self, config: DenseConfig, index: SearchIndex, name: str = "dense") -> None:
        if config.search != "exact":
            try:
                import faiss  # noqa: F401
            except ImportError:
                raise ConfigError(
                    f"search={config.search} needs faiss: pip install 'palate[search]'"
                ) from None
        self.config = config
        self.index = index
        self.name = name
        self.remarks: list[str] = []
        self._encoder: Encoder | None = None

    def retrieve(self, queries: Sequence[Query], k: int) -> list[Results]:
        """One list per query, of the documents with the nearest passages."""
        return self.retrieve_means(queries, [()] * len(queries), k)

    def retrieve_means(
        self, queries: Sequence[Query], texts: Sequence[Sequence[str]], k: int
    ) -> list[Results]:
        """One list per query, for the mean of its vector and those of its *texts*.

        HyDE: Gao et al., "Precise zero-shot dense retrieval without relevance labels", ACL 2023,
        with texts that a model wrote as answers.
        """
        if not queries:
            return []
        with self.index.reading() as snapshot:
            self.prepare(snapshot)
            start = time.perf_counter()
            vectors = self._query_vectors(snapshot, queries, texts)
            results = self.search(snapshot, queries, vectors, k)
            if self.config.feedback == "rocchio":
                vectors = self._moved(snapshot, vectors, results)
                results = self.search(snapshot, queries, vectors, k, "rocchio")
            share = (time.perf_counter() - start) / len(queries)
            return [one.spent(self.name, share) for one in results]

    def search(
        self, snapshot: Snapshot, queries: Sequence[Query], vectors: Array, k: int, note: str = ""
    ) -> list[Results]:
        """One list per query, for its vector; [q, h]."""
        parts: list[list[tuple[Segment, Array, Array, Array | None]]] = [[] for _ in queries]
        for view in snapshot.views:
            own = self.vectors(snapshot, view)
            for row, (places, scores, inside) in enumerate(
                own.nearest(view, vectors, k, self.config.search)
            ):
                parts[row].append((view.segment, places, scores, inside))
        return [
            gathered(query, part, k, self.name, note)
            for query, part in zip(queries, parts, strict=True)
        ]

    def prepare(self, snapshot: Snapshot) -> None:
        """Compute the vectors that are not there yet, with a progress bar if it takes long."""
        for view in snapshot.views:
            self.vectors(snapshot, view)

    def encoder(self, snapshot: Snapshot) -> Encoder:
        """What makes vectors of texts."""
        from palate.search.lsa import LSA

        def lsa() -> LSA:
            return LSA.of(snapshot, self.index.analyzer, self.index.folder)

        if self._encoder is None and self.config.model != "lsa":
            from palate.language.encoder import load_encoder

            try:
                self._encoder = load_encoder(
                    self.config.model, pooling=self.config.pooling,
                    max_tokens=self.config.max_tokens, device=self.config.device,
                )  # fmt: skip
            except SourceError as error:
                if self.config.model != DEFAULT:
                    raise
                if not self.remarks:
                    self.remarks.append(
                        "no encoder is within reach, so vectors are TF-IDF with a truncated SVD "
                        f"(lsa), which are worse: {error}"
                    )
        if self._encoder is not None:
            return self._encoder
        return snapshot.once("lsa", lsa)

    def vectors(self, snapshot: Snapshot, view: View) -> SegmentVectors:
        """The vectors of a segment: from its folder, or computed and put there."""
        encoder = self.encoder(snapshot)
        key = f"{encoder.fingerprint}-{self.config.document_prefix}"
        return view.segment.once(
            ("vectors", key), lambda: _vectors(snapshot, view, encoder, self.config.document_prefix)
        )

    def _query_vectors(
        self, snapshot: Snapshot, queries: Sequence[Query], texts: Sequence[Sequence[str]]
    ) -> npt.NDArray[np.float32]:
        encoder = self.encoder(snapshot)
        vectors = encoder.encode([self.config.query_prefix + query.text for query in queries])
        flat = [self.config.document_prefix + text for several in texts for text in several]
        if not flat:
            return vectors
        written, start = encoder.encode(flat), 0
        for row, several in enumerate(texts):
            end = start + len(several)
            vectors[row] = (vectors[row] + written[start:end].sum(0)) / (len(several) + 1)
            start = end
        return _unit(vectors)

    def _moved(
        self, snapshot: Snapshot, vectors: Array, results: Sequence[Results]
    ) -> npt.NDArray[np.float32]:
        """Queries' vectors moved towards the mean of their first documents' best passages."""
        encoder = self.encoder(snapshot)
        moved = self.config.alpha * vectors
        for row, one in enumerate(results):
            first = one.hits[: self.config.feedback_documents]
            texts = []
            for hit in first:
                parts = passages(snapshot.document(hit.document), *_cut(snapshot))
                texts.append(parts[hit.passage or 0])
            if texts:
                key = _key(encoder, self.config.document_prefix)
                found = cached(key, encoder.size, texts, self._encoding(encoder))
                moved[row] += self.config.beta * found.mean(0)
        return _unit(moved)

    def _encoding(self, encoder: Encoder) -> Callable[[Sequence[str]], Array]:
        prefix = self.config.document_prefix
        return lambda texts: encoder.encode([prefix + text for text in texts])


def _vectors(snapshot: Snapshot, view: View, encoder: Encoder, prefix: str) -> SegmentVectors:
    segment, name = view.segment, f"vectors-{_key(encoder, prefix)[:16]}"
    if (segment.folder / f"{name}.starts.npy").exists():
        return SegmentVectors(
            read_array(segment.folder, f"{name}.data"), read_array(segment.folder, f"{name}.starts")
        )
    texts: list[str] = []
    counts = np.zeros(len(segment), dtype=np.int64)
    living = np.flatnonzero(view.alive)
    for place, document in zip(
        living.tolist(), snapshot.store.numbered(segment.numbers[living].tolist()), strict=True
    ):
        parts = passages(document, *_cut(snapshot))
        counts[place] = len(parts)
        texts += parts
    with counting(f"vectors of {len(texts):,} passages", len(texts)) as told:
        data = cached(
            _key(encoder, prefix), encoder.size, texts,
            lambda some: encoder.encode([prefix + text for text in some]), told,
        )  # fmt: skip
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    _keep(segment, name, data, starts)
    return SegmentVectors(data, starts)


def _keep(segment: Segment, name: str, data: Array, starts: Array) -> None:
    """Beside the segment, the starts last: where they are, all is."""
    staged = f".{name}.{os.getpid()}"
    try:
        for part, array in (("data", data), ("starts", starts)):
            write_array(segment.folder, f"{staged}.{part}", array)
            (segment.folder / f"{staged}.{part}.npy").replace(segment.folder / f"{name}.{part}.npy")
    except OSError:  # an index that this person may only read: they stay in memory
        return


def _key(encoder: Encoder, prefix: str) -> str:
    import hashlib

    return hashlib.sha256(f"{encoder.fingerprint}\n{prefix}".encode()).hexdigest()


def _cut(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.config.passage_words, snapshot.config.passage_overlap


def _unit(vectors: Array) -> npt.NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled
