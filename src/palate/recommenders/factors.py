"""Factors: a vector per item, and the vector of a user found from their history.

What the matrix factorisations share. Legend: u users, n items, d factors.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import linalg
from threadpoolctl import threadpool_limits

from palate.data.cases import Histories
from palate.recommenders.interactions import binary_matrix

Factors = npt.NDArray[np.float32]


@contextmanager
def quiet_threads() -> Iterator[None]:
    """Let implicit do the threading: BLAS under its loops is slower and makes it warn."""
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*threadpool", category=RuntimeWarning)
        yield


def for_implicit(matrix: sparse.csr_array) -> sparse.csr_matrix:
    """The matrix as implicit wants it: of the old sparse class, with 32-bit indices."""
    return sparse.csr_matrix(
        (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)),
        shape=matrix.shape,
    )


def fold_in(item_factors: Factors, confidence: sparse.csr_array, regularization: float) -> Factors:
    """[u, d] the vectors that best explain histories, the items' vectors standing still.

    For each user, ``(YᵀCY + λI)⁻¹ YᵀC p`` where C holds *confidence* (1 for items outside the
    history) and p is 1 for the history's items and 0 for the rest (Hu et al., "Collaborative
    Filtering for Implicit Feedback Datasets", ICDM 2008, equation 4).

    Args:
        item_factors: [n, d] the Y of the equation.
        confidence: [u, n] above 0 for the items of a history.
        regularization: the λ of the equation.
    """
    from implicit.cpu.als import AlternatingLeastSquares

    with quiet_threads():
        solver = AlternatingLeastSquares(
            factors=item_factors.shape[1], regularization=regularization
        )
        solver.item_factors = item_factors
        return solver.recalculate_user(np.arange(confidence.shape[0]), for_implicit(confidence))


def singular_vectors(histories: Histories, n_items: int, width: int) -> Factors:
    """[n, width] item vectors of unit variance from the singular value decomposition.

    Of the binary users-by-items matrix, each cell divided by the square roots of its user's and
    its item's number of events, so that neither busy people nor famous items rule. The first
    component, which is popularity, is left out; the others keep the square root of their spread
    (PureSVD: Cremonesi et al., RecSys 2010; as a start for neural models: LLMInit and others).
    Items without events, and dimensions that the data do not fill, are zero.
    """
    seen = binary_matrix(histories, n_items).astype(np.float64)
    people, fame = seen.sum(axis=1), seen.sum(axis=0)
    scale = sparse.diags_array(people.clip(1) ** -0.5)
    normal = scale @ seen @ sparse.diags_array(fame.clip(1) ** -0.5)
    vectors = np.zeros((n_items, width), dtype=np.float32)
    components = min(width + 1, min(normal.shape) - 1)
    if components < 2:
        return vectors
    start = np.full(min(normal.shape), min(normal.shape) ** -0.5)  # same answer every time
    _, spread, right = linalg.svds(sparse.csr_array(normal), k=components, v0=start)
    order = np.argsort(-spread)[1:]
    filled = (right[order].T * np.sqrt(spread[order].clip(0))).astype(np.float32)
    vectors[:, : filled.shape[1]] = filled / max(float(filled.std()), 1e-12)
    return vectors
