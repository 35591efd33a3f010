"""How good recommended medications are: per patient, pooled over interactions, by group.

A patient without any prescribed medication cannot be judged (there is no precision to find), and
is left out of every average; how many there are is told.

Legend: p patients, v medications, b resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from palate.evaluation.significance import bootstrap_interval, ratio_interval

Values = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

PER_PATIENT = ("prauc", "jaccard", "f1", "precision", "recall", "drugs")
RATE = "interaction_rate"
GROUPS = ("single", "multi")


def prauc(scores: Values, target: Flags) -> Values:
    """[p] area under the precision-recall curve of each patient's own ranking of the medications.

    It is the average precision, as scikit-learn's ``average_precision_score`` has it for one
    patient: equal scores are one step of the curve. NaN where nothing was prescribed.

    Args:
        scores: [p, v] higher is more likely; target: [p, v] what was prescribed.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, 1)
    hits = np.take_along_axis(target, order, 1)
    places = np.arange(scores.shape[1])
    # Where several have one score, all of them are found when the last of them is.
    last = np.ones(scores.shape, dtype=bool)
    last[:, :-1] = ranked[:, :-1] != ranked[:, 1:]
    ends = np.where(last, places, scores.shape[1] - 1)
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    precision = hits.cumsum(1) / (places + 1)
    found = (np.take_along_axis(precision, ends, 1) * hits).sum(1)
    with np.errstate(invalid="ignore"):
        values: Values = found / hits.sum(1)
    return values


def overlap(chosen: Flags, target: Flags) -> dict[str, Values]:
    """[p] ``jaccard``, ``precision``, ``recall`` and ``f1`` of each patient's set, 0 for no hit.

    F1 is the harmonic mean of the patient's own precision and recall, as in GAMENet, SafeDrug and
    LEADER; it is not the macro F1 over medications.
    """
    hits = (chosen & target).sum(1)
    return {
        "jaccard": _share(hits, (chosen | target).sum(1)),
        "f1": _share(2 * hits, chosen.sum(1) + target.sum(1)),
        "precision": _share(hits, chosen.sum(1)),
        "recall": _share(hits, target.sum(1)),
    }


def _share(part: npt.NDArray[np.integer], whole: npt.NDArray[np.integer]) -> Values:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def pairs(chosen: Flags, interactions: Flags) -> tuple[Counts, Counts]:
    """Of each patient's set: [p] the pairs that interact, and [p] all pairs.

    Args:
        interactions: [v, v] symmetric, without a diagonal.
    """
    given = chosen.astype(np.float32)
    interacting = np.einsum("pv,pv->p", given @ interactions.astype(np.float32), given) / 2
    sizes = chosen.sum(1)
    return np.rint(interacting).astype(np.int64), sizes * (sizes - 1) // 2


def interaction_rate(chosen: Flags, interactions: Flags) -> float:
    """Share of interacting pairs among all pairs that are given together, pooled over patients."""
    interacting, together = pairs(chosen, interactions)
    return float(interacting.sum() / max(together.sum(), 1))


@dataclass(frozen=True)
class Judged:
    """Scores and the sets that were chosen by them, beside what was prescribed.

    Attributes:
        scores: [p, v] probabilities.
        chosen: [p, v] what is recommended.
        target: [p, v] what was prescribed.
        interactions: [v, v] which medications interact.
        single: [p] patients without an earlier visit.
    """

    scores: Values
    chosen: Flags
    target: Flags
    interactions: Flags
    single: Flags

    @cached_property
    def judgeable(self) -> Flags:
        """[p] patients who were prescribed something."""
        return np.asarray(self.target.any(1))

    @cached_property
    def per_patient(self) -> dict[str, Values]:
        """[judgeable p] each metric of :data:`PER_PATIENT`."""
        rows = self.judgeable
        chosen, target = self.chosen[rows], self.target[rows]
        return {
            "prauc": prauc(self.scores[rows], target),
            **overlap(chosen, target),
            "drugs": chosen.sum(1).astype(float),
        }

    @cached_property
    def pairs(self) -> tuple[Counts, Counts]:
        """[judgeable p] interacting pairs, and all pairs."""
        return pairs(self.chosen[self.judgeable], self.interactions)

    def metrics(self, which: Flags | None = None) -> dict[str, float]:
        """Means over patients and the pooled rate of interactions.

        Args:
            which: [judgeable p] some of the patients; all if not given.
        """
        rows = slice(None) if which is None else which
        found = {name: float(values[rows].mean()) for name, values in self.per_patient.items()}
        interacting, together = (counts[rows] for counts in self.pairs)
        return found | {RATE: float(interacting.sum() / max(together.sum(), 1))}

    def intervals(self, which: Flags | None = None) -> dict[str, tuple[float, float]]:
        """95 % bootstrap interval of each metric over patients."""
        rows = slice(None) if which is None else which
        found = {
            name: bootstrap_interval(np.asarray(values[rows], dtype=float))
            for name, values in self.per_patient.items()
        }
        interacting, together = (counts[rows].astype(float) for counts in self.pairs)
        return found | {RATE: ratio_interval(interacting, together)}

    def groups(self) -> dict[str, Flags]:
        """[judgeable p] who is in each group that has anyone."""
        single = self.single[self.judgeable]
        both = dict(zip(GROUPS, (single, ~single), strict=True))
        return {name: flags for name, flags in both.items() if flags.any()}
