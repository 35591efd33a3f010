"""Histories as counts: the users-by-items matrix, and how popular each item is.

The baselines that look at no order share these. Legend: u users, n items, e events.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from palate.data.cases import Histories
from palate.errors import DataError


def user_item_matrix(
    histories: Histories, n_items: int, values: npt.NDArray[np.float32] | None = None
) -> sparse.csr_array:
    """[u, n] float32: the values of a history's events, added up per item.

    Args:
        values: [e] what each event weighs; 1 where not given, so that cells are counts.

    Raises:
        DataError: a history holds an index outside the catalogue.
    """
    check_indices(histories, n_items)
    if values is None:
        values = np.ones(len(histories.items), dtype=np.float32)
    matrix = sparse.csr_array(
        (values, histories.items, histories.offsets), shape=(len(histories), n_items), copy=True
    )
    matrix.sum_duplicates()
    return matrix


def check_indices(histories: Histories, n_items: int) -> None:
    """Raise a DataError unless all events are about items of the catalogue."""
    outside = (histories.items < 0) | (histories.items >= n_items)
    if outside.any():
        raise DataError(
            f"a history holds item index {histories.items[outside][0]}; the catalogue has "
            f"{n_items} items, counted from 0; was the model trained on another catalogue?"
        )


def binary_matrix(histories: Histories, n_items: int) -> sparse.csr_array:
    """[u, n] float32: 1 where an item occurs in a history, however often."""
    matrix = user_item_matrix(histories, n_items)
    matrix.data[:] = 1
    return matrix


def item_counts(histories: Histories, n_items: int) -> npt.NDArray[np.float32]:
    """[n] number of events of each item."""
    return np.bincount(histories.items, minlength=n_items).astype(np.float32)


def with_fallback(
    scores: npt.NDArray[np.float32], popularity: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """[u, n] the scores, where rows that are all zero become the items' *popularity*.

    A row of zeros says nothing: its history is empty, or holds only items that training
    never saw. Popularity is the best ranking that needs no history.
    """
    silent = ~scores.any(axis=1)
    scores[silent] = popularity
    return scores
