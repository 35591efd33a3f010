"""From what a language model wrote to items of the catalogue, with statistics mixed in.

BIGRec's second step (Bao et al., "A Bi-Step Grounding Paradigm for Large Language Models in
Recommendation Systems", arXiv:2308.08434, ACM TORS 2025), as arrays.

Legend: u users, i items of the catalogue, h width of an embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from palate.data.cases import Cases
from palate.evaluation.ranking import Values, rank_targets

Matrix = npt.NDArray[np.float32]
Metric = Callable[[npt.NDArray[np.int64]], Values]

SMALL = [step / 100 for step in range(100)]
LARGE = [float(step) for step in range(1, 100)]
GAMMAS = {"popularity": [0.0, *LARGE], "cf": [*SMALL, *LARGE]}
"""The released code's grids of what statistics may count for."""


def distances(written: torch.Tensor, items: torch.Tensor) -> Matrix:
    """[u, i] Euclidean distance of what was written [u, h] to each item [i, h], in float32.

    Not by the matrix product that is usual for many points: with squared norms in the tens of
    thousands it would lose the digits that tell near titles apart.
    """
    found = torch.cdist(written.float(), items.float(), compute_mode="donot_use_mm_for_euclid_dist")
    return found.numpy()


def normalised(values: Matrix) -> Matrix:
    """[..., i] each row stretched to 0 … 1; a row of equal values becomes zeros."""
    low = values.min(-1, keepdims=True)
    spread = values.max(-1, keepdims=True) - low
    return (values - low) / np.where(spread > 0, spread, 1)


def injected(distance: Matrix, weights: Matrix, gamma: float) -> Matrix:
    """[u, i] distances made shorter for items of weight (eq. 3): ``D (1 + W) ** -gamma``.

    The nearest item has distance 0 and keeps it, whatever gamma is: the first place never changes.

    Args:
        distance: [u, i].
        weights: [i] or [u, i] popularity or scores of a recommender; normalised here, as are the
            distances.
    """
    return normalised(distance) * (1 + normalised(weights)) ** -np.float32(gamma)


def best_gamma(
    distance: Matrix,
    weights: Matrix,
    cases: Cases,
    metric: Metric,
    grid: Sequence[float],
) -> float:
    """The gamma of *grid* with the best mean of *metric* over the cases; the smallest of equals.

    Args:
        metric: [u] ranks -> [u] values, e.g. NDCG@10.
    """
    return best_gammas(distance, weights, cases, {"": metric}, grid)[""]


def best_gammas(
    distance: Matrix,
    weights: Matrix,
    cases: Cases,
    metrics: Mapping[str, Metric],
    grid: Sequence[float],
) -> dict[str, float]:
    """The same for several metrics, which each have a gamma of their own, as released."""
    seen = (cases.histories.items, cases.histories.offsets)
    near, heavy = normalised(distance), 1 + normalised(weights)
    means: dict[str, list[float]] = {name: [] for name in metrics}
    for gamma in grid:
        ranks = rank_targets(-(near * heavy ** -np.float32(gamma)), cases.targets, seen)
        for name, metric in metrics.items():
            means[name].append(float(metric(ranks).mean()))
    return {name: grid[int(np.argmax(found))] for name, found in means.items()}
