"""How far two judges agree, on documents and on systems.

Legend: n judgements, g grades, s systems, q queries.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from palate.evaluation.ranking import Values

Weights = Literal["none", "quadratic"]


class ConstantRaterWarning(UserWarning):
    """A rater gave everything the same grade, so that agreement beyond chance is not defined."""


def confusion(a: Sequence[int], b: Sequence[int], grades: int) -> Values:
    """[g, g] how often the first gave the row's grade where the second gave the column's."""
    table = np.zeros((grades, grades))
    np.add.at(table, (np.asarray(a, dtype=int), np.asarray(b, dtype=int)), 1)
    return table


def kappa(table: Values, weights: Weights = "none") -> float:
    """Cohen's kappa of a confusion table; weighted where far apart is worse than near.

    ``1 - sum(w * observed) / sum(w * expected)`` (Cohen, 1960 and 1968); for w = 1 off the
    diagonal it is ``(po - pe) / (1 - pe)``, and quadratic weights are
    ``(i - j) ** 2 / (g - 1) ** 2``. Where a rater gave one grade alone it is 0, with a warning:
    whatever they agree on, chance would have it too.

    Args:
        table: [g, g] counts.
    """
    table = np.asarray(table, dtype=float)
    total = table.sum()
    rows, columns = table.sum(1), table.sum(0)
    if total == 0 or rows.max() == total or columns.max() == total:
        warnings.warn("a rater gave one grade alone: kappa is 0", ConstantRaterWarning, 2)
        return 0.0
    i, j = np.indices(table.shape)
    if weights == "quadratic":
        w = (i - j) ** 2 / max(1, (len(table) - 1) ** 2)
    else:
        w = (i != j).astype(float)
    expected = np.outer(rows, columns) / total
    return float(1 - (w * table).sum() / (w * expected).sum())


def krippendorff(grades: Values, level: Literal["nominal", "interval"] = "interval") -> float:
    """Krippendorff's alpha of many raters, some of whom may be silent.

    Args:
        grades: [raters, n], NaN where a rater said nothing.
        level: whether far apart is worse than near.
    """
    columns = [column[~np.isnan(column)] for column in np.asarray(grades, dtype=float).T]
    units = [column for column in columns if len(column) > 1]
    if not units:
        return 0.0

    def apart(x: Values, y: Values) -> Values:
        difference = x[:, None] - y[None]
        return difference**2 if level == "interval" else (difference != 0).astype(float)

    n = sum(map(len, units))
    observed = sum(apart(unit, unit).sum() / (len(unit) - 1) for unit in units) / n
    everything = np.concatenate(units)
    expected = apart(everything, everything).sum() / (n * (n - 1))
    if expected == 0:
        warnings.warn("all gave one grade alone: alpha is 0", ConstantRaterWarning, 2)
        return 0.0
    return float(1 - observed / expected)


def over_queries(
    values: Mapping[str, tuple[Sequence[int], Sequence[int]]],
    measure: Callable[[Values], float],
    grades: int,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Bootstrap interval of an agreement, queries drawn with replacement: judgements of one query
    hang together.

    Args:
        values: by query, both judges' grades of the same documents.
        measure: of a confusion table, such as :func:`kappa`.
    """
    tables = np.stack([confusion(a, b, grades) for a, b in values.values()])
    random = np.random.default_rng(seed)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantRaterWarning)
        for _ in range(resamples):
            times = np.bincount(random.integers(0, len(tables), len(tables)), minlength=len(tables))
            found.append(measure(np.tensordot(times, tables, 1)))
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class SystemAgreement:
    """How alike two judges rank systems.

    Attributes:
        systems: how many; below 10 the others say little.
        tau: Kendall's tau-b.
        spearman: correlation of ranks.
        largest_drop: most places that a system falls from one ranking to the other.
    """

    systems: int
    tau: float
    spearman: float
    largest_drop: int


def system_agreement(a: Sequence[float], b: Sequence[float]) -> SystemAgreement:
    """Of two judges' scores of the same systems.

    Args:
        a: [s] mean score of each system by one judge's grades.
        b: [s] by the other's.
    """
    from scipy.stats import kendalltau, spearmanr

    if len(set(a)) < 2 or len(set(b)) < 2:
        warnings.warn("a judge scores all systems alike: tau is 0", ConstantRaterWarning, 2)
        return SystemAgreement(len(a), 0.0, 0.0, 0)
    ranks = [np.argsort(np.argsort(-np.asarray(x), kind="stable")) for x in (a, b)]
    tau, rho = kendalltau(a, b).statistic, spearmanr(a, b).statistic
    return SystemAgreement(len(a), float(tau), float(rho), int((ranks[1] - ranks[0]).max()))
