"""An approximate index for catalogues that are too long to score item by item.

It serves recommenders whose scores are products of two vectors (``Represents``): the nearest items
to a history's vector are found in a graph (HNSW, Malkov and Yashunin, arXiv:1603.09320) in place
of a product with every item.

Legend: i items, d width, n histories, k items wanted.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.errors import ConfigError

LINKS = 32  # of an item in the graph
BUILT = 80  # candidates that are looked at while it is built
MEASURED = 200  # histories by which its recall is told
K = 100  # of which recall is told

Vectors = npt.NDArray[np.float32]


class Index:
    """The items of a catalogue by their vectors.

    Attributes:
        recall: share of the true first 100 that the index finds, on histories as it will meet.
    """

    def __init__(self, items: Vectors, probes: Vectors, width: int = 128) -> None:
        """
        Args:
            items: [i, d].
            probes: [n, d] vectors of histories, by which the recall is measured.
            width: candidates that a search looks at; more find more and take longer.

        Raises:
            ConfigError: faiss is not installed.
        """
        try:
            faiss: Any = importlib.import_module("faiss")
        except ImportError:
            raise ConfigError("--index hnsw needs faiss: pip install faiss-cpu") from None
        made: Any = faiss.IndexHNSWFlat(items.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        made.hnsw.efConstruction = BUILT
        made.add(np.ascontiguousarray(items, dtype=np.float32))
        self._index, self._width = made, width
        self._parameters = faiss.SearchParametersHNSW
        self.recall = self._recall(items, probes[:MEASURED])

    def search(self, vectors: Vectors, k: int) -> tuple[npt.NDArray[np.int64], Vectors]:
        """[n, k] the nearest items, best first, and their scores; -1 where fewer were found."""
        found = self._parameters(efSearch=max(self._width, 2 * k))
        wanted = np.ascontiguousarray(vectors, dtype=np.float32)
        scores, items = self._index.search(wanted, k, params=found)
        return items.astype(np.int64), scores

    def _recall(self, items: Vectors, probes: Vectors) -> float | None:
        if not len(probes):
            return None
        k = min(K, len(items))
        true = np.argpartition(-(probes @ items.T), k - 1, axis=1)[:, :k]
        found, _ = self.search(probes, k)
        same = [len(set(a) & set(b)) for a, b in zip(true.tolist(), found.tolist(), strict=True)]
        return float(np.mean(same) / k)
