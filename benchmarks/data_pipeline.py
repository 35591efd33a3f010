"""One million ratings read, filtered, remapped and split: palate beside a bare Polars script.

    python benchmarks/data_pipeline.py

Both read the same generated CSV (the shape of MovieLens 1M), keep the 5-core, number users and
items, sort by user and time and cut leave-one-out. palate checks the file and proves that
nothing leaks on the way. Writes benchmarks/results/data_pipeline.json; expected: ratio below 2.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from record import record


def movielens_1m_like(
    path: Path, seed: int, users: int = 6_040, items: int = 3_706, events: int = 1_000_209
) -> None:
    """Write a CSV with MovieLens 1M's size, skew and file order.

    Users have at least 20 events and a log-normal number of them, items a Zipf-like popularity;
    no user rates an item twice; rows are grouped by user and not in the order of time.
    """
    random = np.random.default_rng(seed)
    activity = random.lognormal(4.6, 0.95, users)
    counts = 20 + (activity / activity.sum() * (events - 20 * users)).astype(int)
    counts = np.minimum(counts, items - 1)
    while (left := events - counts.sum()) > 0:
        counts[random.integers(0, users, left)] += 1
        counts = np.minimum(counts, items - 1)
    popularity = np.log(1 / (np.arange(items) + 20.0))
    picked = [
        np.argpartition(-(popularity + random.gumbel(size=items)), count)[:count]
        for count in counts.tolist()
    ]
    user = np.repeat(np.arange(1, users + 1), counts)
    start = random.integers(956_703_932, 1_040_000_000, users)
    seconds = np.repeat(start, counts) + random.integers(0, 4_000, len(user)) * 60
    pl.DataFrame(
        {
            "userId": user,
            "movieId": np.concatenate(picked) + 1,
            "rating": random.integers(1, 6, len(user)),
            "timestamp": seconds,
        }
    ).write_csv(path)


def bare(path: Path, k: int) -> tuple[int, int, int]:
    """The same work as a short script would do it, without a check."""
    frame = pl.read_csv(path)
    while True:
        size = len(frame)
        frame = frame.filter((pl.len().over("userId") >= k) & (pl.len().over("movieId") >= k))
        if len(frame) == size:
            break
    users = frame.select(pl.col("userId").unique().sort()).with_row_index("user")
    items = frame.select(pl.col("movieId").unique().sort()).with_row_index("item")
    frame = frame.join(users, on="userId").join(items, on="movieId")
    frame = frame.sort("user", "timestamp", maintain_order=True)
    age = pl.int_range(pl.len()).reverse().over("user")
    frame = frame.with_columns(age=age)
    train = frame.filter(pl.col("age") >= 2)
    validation = frame.filter(pl.col("age") == 1)
    test = frame.filter(pl.col("age") == 0)
    return len(train), len(validation), len(test)


def ours(path: Path, k: int) -> tuple[int, int, int]:
    """The same work as ``palate`` does it."""
    dataset = load(DataConfig(interactions=path, k_core=k))
    split = make_split(dataset, "leave-one-out")
    return len(split.train.sequences().items), len(split.validation), len(split.test)


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--k-core", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        movielens_1m_like(path, options.seed)
        counts = bare(path, options.k_core), ours(path, options.k_core)
        if counts[0] != counts[1]:
            raise SystemExit(f"the pipelines disagree: {counts}")
        # In turns, so that both meet the same noise of the machine.
        times = [
            (
                seconds(lambda: bare(path, options.k_core)),
                seconds(lambda: ours(path, options.k_core)),
            )
            for _ in range(options.repeats)
        ]
    polars, palate = (float(np.median(column)) for column in zip(*times, strict=True))
    result = {
        "events": dict(zip(("train", "validation", "test"), counts[0], strict=True)),
        "polars_threads": pl.thread_pool_size(),
        "seconds_bare_polars": round(polars, 4),
        "seconds_palate": round(palate, 4),
        "ratio": round(palate / polars, 3),
        "all_seconds": [[round(a, 4), round(b, 4)] for a, b in times],
    }
    command = f"python benchmarks/data_pipeline.py --seed {options.seed}"
    path = record("data_pipeline", result, command, seed=options.seed)
    print(f"{path}\n{json.dumps(result)}")


if __name__ == "__main__":
    main()
