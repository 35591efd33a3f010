"""Vectors without a model: TF-IDF and a truncated singular value decomposition.

Latent semantic analysis (Deerwester et al. 1990): what can be had where no encoder is within
reach. It is fitted to the index, and fitted again when the index has doubled or halved.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy.sparse.linalg import svds

from palate.errors import ConfigError
from palate.search.analysis import Analyzer
from palate.search.index import Snapshot
from palate.search.segment import FLAT

SIZE = 256
TERMS = 50_000  # the most frequent ones


class LSA:
    """An encoder that was fitted to an index.

    Attributes:
        documents: how many it was fitted to.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        terms: Sequence[str],
        idf: npt.NDArray[np.float32],
        components: npt.NDArray[np.float32],
        documents: int,
    ) -> None:
        self.name = "lsa"
        self.documents = documents
        self._analyzer = analyzer
        self._terms = list(terms)
        self._place = {term: place for place, term in enumerate(terms)}
        self._idf = idf
        self._components = components  # [terms, size]
        self.size = components.shape[1]
        told = hashlib.sha256("\n".join(terms).encode() + idf.tobytes())
        told.update(np.ascontiguousarray(components).data)
        self.fingerprint = told.hexdigest()

    @classmethod
    def of(cls, snapshot: Snapshot, analyzer: Analyzer, folder: Path) -> LSA:
        """The one that is kept in *folder* if it still fits, else a new one, kept there."""
        path, now = folder / "lsa.safetensors", len(snapshot)
        kept = cls._read(path, analyzer)
        if kept is not None and kept.documents / 2 <= now <= kept.documents * 2:
            return kept
        fresh = cls.fit(snapshot, analyzer)
        staged = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            fresh._write(staged)
            staged.replace(path)
        except OSError:  # an index that this person may only read
            staged.unlink(missing_ok=True)
        return fresh

    @classmethod
    def fit(cls, snapshot: Snapshot, analyzer: Analyzer) -> LSA:
        """Fit it to the documents of an index.

        Raises:
            ConfigError: too few documents.
        """
        counts, terms = _counts(snapshot)
        frequency = np.asarray((counts > 0).sum(axis=0)).ravel()
        kept = np.flatnonzero(frequency >= 2)
        kept = np.sort(kept[np.argsort(-frequency[kept], kind="stable")][:TERMS])
        if min(counts.shape[0], len(kept)) < 3:
            raise ConfigError("lsa needs three documents or more that share words")
        counts, frequency = counts[:, kept], frequency[kept]
        idf = (1 + np.log((1 + counts.shape[0]) / (1 + frequency))).astype(np.float32)
        counts.data = 1 + np.log(counts.data)
        matrix = _unit_rows((counts @ sp.diags(idf)).tocsr()).astype(np.float32)
        size = min(SIZE, min(matrix.shape) - 1)
        start = np.random.default_rng(0).standard_normal(min(matrix.shape)).astype(np.float32)
        _, _, right = svds(matrix, k=size, v0=start)
        return cls(
            analyzer, [terms[i] for i in kept], idf, right.T.astype(np.float32), len(snapshot)
        )

    def encode(
        self, texts: Sequence[str], told: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """[n, h] float32: one vector of length 1 per text; zero where it has no known word."""
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in enumerate(texts):
            found = [self._place[t] for t in self._analyzer.terms(text) if t in self._place]
            if found:
                places, counts = np.unique(found, return_counts=True)
                weights = (1 + np.log(counts)) * self._idf[places]
                vector = weights.astype(np.float32) @ self._components[places]
                vectors[row] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        if told is not None:
            told(len(texts))
        return vectors

    def _write(self, path: Path) -> None:
        blob = np.frombuffer("\n".join(self._terms).encode(), dtype=np.uint8)
        tensors = {"idf": self._idf, "components": self._components, "terms": blob}
        save_file(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()},
            path,
            {"documents": str(self.documents)},
        )

    @classmethod
    def _read(cls, path: Path, analyzer: Analyzer) -> LSA | None:
        try:
            with safe_open(path, "np") as file:
                terms = file.get_tensor("terms").tobytes().decode().split("\n")
                documents = int((file.metadata() or {})["documents"])
                return cls(
                    analyzer, terms, file.get_tensor("idf"), file.get_tensor("components"), documents
                )
        except (OSError, SafetensorError, KeyError):
            return None


def _counts(snapshot: Snapshot) -> tuple[sp.csr_matrix, list[str]]:
    """How often terms stand in the living documents: [documents, terms], and the terms."""
    words = sorted({
        term
        for view in snapshot.views
        if (postings := view.segment.postings(FLAT)) is not None
        for term in postings.terms.whole()
    })  # fmt: skip
    place = {term: number for number, term in enumerate(words)}
    parts = []
    for view in snapshot.views:
        postings = view.segment.postings(FLAT)
        if postings is None:
            continue
        own = np.array([place[term] for term in postings.terms.whole()], dtype=np.int64)
        columns = np.repeat(own, np.diff(postings.starts))
        values = postings.values.astype(np.float32)
        shape = (len(view.segment), len(words))
        part = sp.csr_matrix((values, (postings.documents, columns)), shape=shape)
        parts.append(part[np.flatnonzero(view.alive)])
    whole = sp.vstack(parts).tocsr() if parts else sp.csr_matrix((0, len(words)))
    return whole, [word.decode() for word in words]


def _unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.diags(1 / np.maximum(norms, 1e-12)) @ matrix
