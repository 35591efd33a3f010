"""How well answers tell what people liked from what they did not.

Legend: n questions, b resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]


def auc(answers: Values, liked: Flags) -> float:
    """Area under the ROC curve: how often something liked has the higher answer, ties half.

    Returns:
        the area; .5 where all were liked, or none, so that nothing can be told.
    """
    from scipy.stats import rankdata  # takes a second to import

    ups = int(liked.sum())
    downs = len(liked) - ups
    if not ups or not downs:
        return 0.5
    ranks = rankdata(answers)
    return float((ranks[liked].sum() - ups * (ups + 1) / 2) / (ups * downs))


def over_periods(
    ours: Sequence[Values],
    theirs: Sequence[Values],
    liked: Sequence[Flags] | None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, tuple[float, float], float]:
    """Two models on the same questions, period by period: the difference of their averages.

    In each resample questions are drawn anew within each period; a period's value is the AUC of
    the answers, or the mean of values, averaged over seeds; periods count alike.

    Args:
        ours: of each period [s, n] answers (or values) of s seeds; theirs: those of the other.
        liked: of each period [n]; None where the numbers are values of questions.

    Returns:
        the difference; its 95 % interval from percentiles; p, twice the smaller share of
        resamples on either side of zero.
    """
    random = np.random.default_rng(seed)
    sizes = [several.shape[1] for several in ours]
    judged = [
        [[_judge(row, None if liked is None else liked[period]) for row in rows] for rows in both]
        for period, both in enumerate(zip(ours, theirs, strict=True))
    ]

    def difference(drawn: Sequence[Values]) -> float:
        parts = [
            np.mean([judge(times) for judge in one]) - np.mean([judge(times) for judge in other])
            for (one, other), times in zip(judged, drawn, strict=True)
        ]
        return float(np.mean(parts))

    def resampled() -> list[Values]:
        return [np.bincount(random.integers(0, n, n), minlength=n).astype(float) for n in sizes]

    found = np.array([difference(resampled()) for _ in range(resamples)])
    low, high = np.percentile(found, [2.5, 97.5])
    side = min((found <= 0).mean(), (found >= 0).mean())
    p = min(1.0, 2 * max(float(side), 1 / resamples))
    return difference([np.ones(n) for n in sizes]), (float(low), float(high)), p


def _judge(row: Values, liked: Flags | None) -> Callable[[Values], float]:
    """The metric of one model's answers, of how many times each question counts.

    For AUC the answers are sorted once, in place of in every resample.
    """
    if liked is None:
        return lambda times: float(row @ times / times.sum())
    values, places = np.unique(row, return_inverse=True)

    def area(times: Values) -> float:
        ups, downs = (
            np.bincount(places, weights=times * flags, minlength=len(values))
            for flags in (liked, ~liked)
        )
        pairs = ups.sum() * downs.sum()
        below = downs.cumsum() - downs / 2  # those with the same answer count half
        return float(ups @ below / pairs) if pairs else 0.5

    return area
