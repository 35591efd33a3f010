"""How sure a number is, and whether two methods differ.

Everything here takes one value per user, in the same order of users for all methods.
Legend: u users, b resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from palate.evaluation.ranking import Values

CELLS = 2**21  # numbers drawn at a time; bounds memory
FEW = 64  # distinct values up to which drawing counts beats drawing users


def bootstrap_interval(
    values: Values, seed: int = 0, level: float = 0.95, resamples: int = 5000
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over users.

    Users are drawn with replacement (Efron and Tibshirani, "An Introduction to the Bootstrap",
    1993, section 13.3).
    """
    if len(values) == 0:
        raise ValueError("an interval needs the values of at least one user")
    random = np.random.default_rng(seed)
    means = np.concatenate(list(_means(np.asarray(values, dtype=float), resamples, random)))
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _means(values: Values, resamples: int, random: np.random.Generator) -> Iterator[Values]:
    """The means of *resamples* samples of users with replacement, a block at a time."""
    distinct, counts = np.unique(values, return_counts=True)
    n = len(values)
    if len(distinct) <= FEW:  # how often each value was drawn says all that the mean needs
        yield random.multinomial(n, counts / n, size=resamples) @ distinct / n
        return
    for block in _blocks(resamples, n):
        yield values[random.integers(0, n, size=(block, n))].mean(axis=1)


def ratio_interval(
    parts: Values,
    wholes: Values,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 5000,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a pooled ratio, ``parts.sum() / wholes.sum()``, over users.

    Args:
        parts: [u] what each user adds above the line; wholes: [u] and below it.
    """
    if len(parts) == 0:
        raise ValueError("an interval needs the values of at least one user")
    random = np.random.default_rng(seed)
    both = np.stack([parts, wholes], axis=1).astype(float)
    sums = np.concatenate(
        [
            both[random.integers(0, len(both), size=(block, len(both)))].sum(axis=1)
            for block in _blocks(resamples, 2 * len(both))
        ]
    )
    ratios = sums[:, 0] / np.maximum(sums[:, 1], 1e-12)
    tail = (1 - level) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return float(low), float(high)


def paired_test(a: Values, b: Values, seed: int = 0, permutations: int = 10_000) -> float:
    """Two-sided p of "the methods are alike", by flipping signs of the users' differences.

    Were they alike, each user's difference could as well have come out the other way round
    (Fisher's randomisation test; found the most trustworthy for retrieval by Smucker, Allan and
    Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007). The observed signs count as one of the permutations, so that p is
    never 0 (Phipson and Smyth, 2010).

    Args:
        a: [u] values of one method.
        b: [u] values of the other, for the same users.
    """
    if a.shape != b.shape or len(a) == 0:
        raise ValueError(f"paired values of the same users needed, not {a.shape} and {b.shape}")
    differences = np.asarray(a, dtype=float) - b
    differences = differences[differences != 0]  # their sign changes nothing
    observed = abs(differences.sum())
    least = observed * (1 - 1e-9)  # sums of the same numbers in another order count as equal
    random = np.random.default_rng(seed)
    n = len(differences)
    extreme = 0
    for block in _blocks(permutations, n):
        # The sum with random signs is twice the sum over a random half, minus the whole.
        bits = random.integers(0, 256, size=(block, (n + 7) // 8), dtype=np.uint8)
        chosen = np.unpackbits(bits, axis=1, count=n) @ differences
        extreme += int(np.count_nonzero(abs(2 * chosen - differences.sum()) >= least))
    return (extreme + 1) / (permutations + 1)


def _blocks(total: int, width: int) -> Iterator[int]:
    size = max(1, CELLS // max(width, 1))
    for start in range(0, total, size):
        yield min(size, total - start)


def holm(ps: Sequence[float]) -> Values:
    """The p-values adjusted for how many there are (Holm, 1979), in the order given.

    Reject where the adjusted value is below the level: the chance of any false rejection among
    all of them then stays below it.
    """
    values = np.asarray(ps, dtype=float)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
