"""How well answers tell what people liked from what they did not.

Legend: n questions, b resamples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Values = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]


def auc(answers: Values, liked: Flags) -> float:
    """Area under the ROC curve: how often something liked has the higher answer, ties half.

    Returns:
        the area; .5 where all were liked, or none, so that nothing can be told.
    """
    ups = int(liked.sum())
    downs = len(liked) - ups
    if not ups or not downs:
        return 0.5
    ranks = rankdata(answers)
    return float((ranks[liked].sum() - ups * (ups + 1) / 2) / (ups * downs))


def auc_difference(
    ours: Values, theirs: Values, liked: Flags, resamples: int = 1000, seed: int = 0
) -> tuple[float, tuple[float, float], float]:
    """Difference of two AUCs on the same questions, its 95 % interval, and p, by paired bootstrap.

    Args:
        ours: [n] answers; theirs: [n] those of the other model.

    Returns:
        the difference; its interval from percentiles; twice the smaller share of resamples on
        either side of zero.
    """
    random = np.random.default_rng(seed)
    found = np.empty(resamples)
    for number in range(resamples):
        drawn = random.integers(0, len(liked), len(liked))
        found[number] = auc(ours[drawn], liked[drawn]) - auc(theirs[drawn], liked[drawn])
    low, high = np.percentile(found, [2.5, 97.5])
    side = min((found <= 0).mean(), (found >= 0).mean())
    p = min(1.0, 2 * max(float(side), 1 / resamples))
    return auc(ours, liked) - auc(theirs, liked), (float(low), float(high)), p
