"""From probabilities to a set of medications: a threshold, and what interactions cost.

Legend: p patients, v medications.
"""

from __future__ import annotations

import numpy as np

from palate.evaluation.medication import Flags, Values, overlap

THRESHOLDS: Values = np.arange(1, 50) / 50
"""The thresholds that are tried on validation: .02, .04, …, .98."""
PENALTIES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Penalties that the curve of accuracy against safety is drawn for."""


def decide(
    scores: Values, threshold: float, interactions: Flags | None = None, penalty: float = 0.0
) -> Flags:
    """[p, v] what is recommended: all above the threshold, less what interacts too much.

    Each patient's medications above the threshold are taken in the order of their probabilities.
    One is left out where its benefit, how far its probability is above the threshold, is less than
    the penalty times the number of medications taken before that it interacts with. A penalty of 0
    leaves nothing out, and one of 1 takes no medication that interacts with a more probable one.

    Args:
        scores: [p, v] probabilities.
        interactions: [v, v] which medications interact.
    """
    chosen: Flags = scores > threshold
    if not penalty or interactions is None:
        return chosen
    benefit = scores - threshold
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(len(scores))
    conflicts = np.zeros(scores.shape)
    chosen = chosen.copy()
    for place in range(int(chosen.sum(1).max(initial=0))):
        which = order[:, place]
        taken = chosen[rows, which] & (benefit[rows, which] >= penalty * conflicts[rows, which])
        chosen[rows, which] = taken
        conflicts[taken] += interactions[which[taken]]
    return chosen


def best_threshold(
    scores: Values, target: Flags, interactions: Flags | None = None, penalty: float = 0.0
) -> float:
    """The one of :data:`THRESHOLDS` that decides best, by mean Jaccard; the lowest of equals.

    To be found on validation patients: one found on those that are tested flatters the model.

    Args:
        scores: [p, v] probabilities; target: [p, v] what was given; patients who were given
            nothing do not count.
        interactions: [v, v]; penalty: as of :func:`decide`.
    """
    rows = target.any(1)
    if not rows.any():
        return 0.5
    scores, target = scores[rows], target[rows]
    found = [
        overlap(decide(scores, one, interactions, penalty), target)["jaccard"].mean()
        for one in THRESHOLDS.tolist()
    ]
    return float(THRESHOLDS[int(np.argmax(found))])
