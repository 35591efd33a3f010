"""How much of each domain there should be, and which documents look like a target.

Legend: d domains, n documents, b buckets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from palate.evaluation.ranking import Values
from palate.search.corpus.parse import normalised

BUCKETS = 10_000


def shares(counts: Mapping[str, int], alpha: float = 0.5) -> dict[str, float]:
    """Share of each domain, proportional to ``count ** alpha``: below 1, small ones gain."""
    powers = {name: float(count) ** alpha if count else 0.0 for name, count in counts.items()}
    total = sum(powers.values()) or 1.0
    return {name: power / total for name, power in powers.items()}


def weights(counts: Mapping[str, int], alpha: float = 0.5) -> dict[str, float]:
    """How often a document of each domain should be read, 1 on average over documents."""
    total = sum(counts.values())
    wanted = shares(counts, alpha)
    return {name: wanted[name] * total / count for name, count in counts.items() if count}


def quotas(counts: Mapping[str, int], budget: int, alpha: float = 0.5) -> dict[str, int]:
    """How many documents of each domain to keep, *budget* in all, none more often than once.

    A domain that has less than its share is kept whole, and what it leaves is shared out among the
    others (water filling); fractions go to those with the largest.
    """
    budget = min(budget, sum(counts.values()))
    found = dict.fromkeys(counts, 0)
    open_ = {name: count for name, count in counts.items() if count}
    left = budget
    while open_:
        wanted = shares(open_, alpha)
        whole = [name for name, count in open_.items() if wanted[name] * left >= count]
        if not whole:
            break
        for name in whole:
            found[name] = open_.pop(name)
            left -= found[name]
    if open_:
        wanted = {name: share * left for name, share in shares(open_, alpha).items()}
        found |= {name: int(value) for name, value in wanted.items()}
        rest = left - sum(int(value) for value in wanted.values())
        by_fraction = sorted(wanted, key=lambda name: (int(wanted[name]) - wanted[name], name))
        for name in by_fraction[:rest]:
            found[name] += 1
    return found


def hashed(texts: Sequence[str], buckets: int = BUCKETS) -> Values:
    """[b] how often words and pairs of words fall into each bucket."""
    counts = np.zeros(buckets)
    for text in texts:
        np.add.at(counts, _buckets(text, buckets), 1.0)
    return counts


def importance(
    texts: Sequence[str], target: Sequence[str], raw: Sequence[str], buckets: int = BUCKETS
) -> Values:
    """[n] log-likelihood ratio of each text under the target's words against the raw ones'.

    Xie et al., "Data Selection for Language Models via Importance Resampling", NeurIPS 2023.
    """
    wanted, common = hashed(target, buckets) + 1, hashed(raw, buckets) + 1
    ratio = np.log(wanted / wanted.sum()) - np.log(common / common.sum())
    return np.array([ratio[_buckets(text, buckets)].sum() for text in texts])


def gumbel_top(log_weights: Values, count: int, seed: int = 0) -> list[int]:
    """Positions of a sample without replacement, each drawn in proportion to its weight, in the
    order of positions."""
    random = np.random.default_rng(seed)
    noisy = log_weights + random.gumbel(size=len(log_weights))
    return sorted(np.argsort(-noisy, kind="stable")[:count].tolist())


def _buckets(text: str, buckets: int) -> np.ndarray:
    words = normalised(text).split()
    grams = [*words, *(f"{a} {b}" for a, b in pairwise(words))]
    return np.array([_hash(gram) % buckets for gram in grams], dtype=np.int64)


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little"
    )
