"""Users in buckets: by how much they did, how known what they went for is, and its domain.

Legend: u users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palate.evaluation.ranking import Indices, Values
from palate.evaluation.significance import bootstrap_interval

BUCKETS = 4


@dataclass(frozen=True)
class Slice:
    """A metric over some of the users.

    Attributes:
        by: ``activity`` (events in the history), ``popularity`` (training users of the target),
            ``domain`` (of the target) or ``own domain``: the same, ranked among the items of that
            domain only.
        label: the bucket in words, e.g. ``21 to 64 events``; of a domain its name.
        low: least value of the bucket; of a domain its position among them.
        high: greatest.
        users: how many there are in it.
        value: mean of the metric over them.
        interval: bootstrap interval of that mean.
    """

    by: str
    label: str
    low: int
    high: int
    users: int
    value: float
    interval: tuple[float, float]


def quantile_buckets(values: Indices, n: int = BUCKETS) -> Indices:
    """[u] bucket of each value, from 0: *n* of about the same size, or fewer.

    Equal values share a bucket. Zeros are a bucket of their own, the first: a user without a
    history and an item that training never saw are another matter than few events.
    """
    some = values[values > 0]
    if len(some) == 0:
        return np.zeros(len(values), dtype=np.int64)
    edges = np.quantile(some, np.arange(1, n) / n, method="inverted_cdf")
    buckets = np.where(values > 0, 1 + np.searchsorted(edges, values), 0)
    return np.unique(buckets, return_inverse=True)[1].reshape(-1)  # numbered without gaps


def slices_by(by: str, values: Indices, metric: Values, seed: int = 0) -> list[Slice]:
    """The *metric* [u] in each bucket of *values* [u], lowest first."""
    buckets = quantile_buckets(values)
    rows = []
    for bucket in range(buckets.max(initial=-1) + 1):
        inside = buckets == bucket
        low, high = int(values[inside].min()), int(values[inside].max())
        rows.append(
            Slice(
                by=by,
                label=_label(by, low, high),
                low=low,
                high=high,
                users=int(inside.sum()),
                value=float(metric[inside].mean()),
                interval=bootstrap_interval(metric[inside], seed),
            )
        )
    return rows


def slices_of_domains(
    by: str, domains: Indices, names: Sequence[str], metric: Values, seed: int = 0
) -> list[Slice]:
    """The *metric* [u] in each of the *domains* [u] that has a user, in the order of *names*."""
    rows = []
    for domain in np.unique(domains).tolist():
        inside = metric[domains == domain]
        interval = bootstrap_interval(inside, seed)
        mean = float(inside.mean())
        rows.append(Slice(by, names[domain], domain, domain, len(inside), mean, interval))
    return rows


def _label(by: str, low: int, high: int) -> str:
    if high == 0:
        return {"activity": "no history", "popularity": "never seen in training"}[by]
    unit = {"activity": "event", "popularity": "user"}[by] + ("" if high == 1 else "s")
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
