"""Lists whose items differ: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

Legend: c candidates, d width of an item's vector.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def mmr(scores: Values, similarity: Values, diversity: float, k: int) -> list[int]:
    """Places of *k* candidates, each the best by its score less its likeness to those before it.

    Args:
        scores: [c] of the candidates, in any unit; they are brought to 0 … 1.
        similarity: [c, c] how alike two are, 1 for the same.
        diversity: 0 goes by scores alone, 1 by difference alone (after the first).
    """
    spread = scores.max() - scores.min() if len(scores) else 0.0
    worth = (scores - scores.min()) / spread if spread > 0 else np.zeros(len(scores))
    chosen: list[int] = []
    nearest = np.zeros(len(scores))  # to what was chosen
    free = np.ones(len(scores), dtype=bool)
    while len(chosen) < min(k, len(scores)):
        value = (1 - diversity) * worth - diversity * nearest if chosen else worth
        best = int(np.where(free, value, -np.inf).argmax())
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, similarity[best])
    return chosen


def cosine(vectors: npt.NDArray[np.floating]) -> Values:
    """[c, c] cosines of vectors [c, d]; of a zero vector with anything, 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    return (unit @ unit.T).astype(np.float64)


def jaccard(labels: list[frozenset[str]]) -> Values:
    """[c, c] share of labels in common; 0 where neither has any, 1 with itself."""
    names = {name: place for place, name in enumerate(sorted(frozenset().union(*labels)))}
    held = np.zeros((len(labels), len(names)))
    for row, one in enumerate(labels):
        held[row, [names[name] for name in one]] = 1
    common = held @ held.T
    sizes = held.sum(axis=1)
    union = sizes[:, None] + sizes[None, :] - common
    found = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    np.fill_diagonal(found, 1.0)
    return found
