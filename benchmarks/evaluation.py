"""Full-ranking evaluation against the least that torch could do: score, mask, top 10.

6,040 users and 3,706 items, the size of MovieLens-1M, with a million events in the histories.
Scores are products of random factors, so that nothing but evaluation is measured. The evaluator
finds ranks, lists, and every accuracy and list metric at 1, 5 and 10; the bare loop stops at ten
item numbers a user and says nothing of how good they are. Both see the same batches in turn,
several times over, and the medians are compared: on the clock, and in processor time, which other
work on the machine disturbs less. Expected: ratios below 2.

    python benchmarks/evaluation.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from palate.data.cases import Cases, Histories
from palate.evaluation.evaluate import Evaluation, evaluate
from record import record

USERS, ITEMS, EVENTS, FACTORS, BATCH = 6_040, 3_706, 1_000_209, 64, 256


def workload(seed: int) -> tuple[Cases, np.ndarray, np.ndarray]:
    """Cases with histories of skewed lengths and items, and the factors of users and items."""
    random = np.random.default_rng(seed)
    weights = random.lognormal(sigma=1, size=USERS)
    lengths = np.maximum(1, weights / weights.sum() * EVENTS).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    items = (ITEMS * random.random(offsets[-1]) ** 2).astype(np.int64)  # some far more popular
    cases = Cases(Histories(items, offsets), random.integers(0, ITEMS, USERS))
    users, factors = (
        random.standard_normal((n, FACTORS), dtype=np.float32) for n in (USERS, ITEMS)
    )
    return cases, users, factors


def bare(cases: Cases, users: np.ndarray, factors: np.ndarray) -> torch.Tensor:
    """[u, 10] the best unseen items, in torch alone."""
    left, right = torch.from_numpy(users), torch.from_numpy(factors).T
    items, offsets = (torch.from_numpy(a) for a in (cases.histories.items, cases.histories.offsets))
    found = []
    for start in range(0, USERS, BATCH):
        scores = left[start : start + BATCH] @ right
        ends = offsets[start : start + BATCH + 1]
        rows = torch.repeat_interleave(torch.arange(len(ends) - 1), ends.diff())
        scores[rows, items[ends[0] : ends[-1]]] = -torch.inf
        found.append(torch.topk(scores, 10).indices)
    return torch.cat(found)


def ours(cases: Cases, users: np.ndarray, factors: np.ndarray) -> tuple[Evaluation, dict]:
    """The whole evaluation and its metrics."""
    left, right = torch.from_numpy(users), torch.from_numpy(factors).T
    start = 0

    def score(histories: Histories) -> np.ndarray:
        nonlocal start
        rows = left[start : start + len(histories)]
        start += len(histories)
        return (rows @ right).numpy()

    result = evaluate(
        score, cases, train=cases.histories, n_items=ITEMS, ks=(1, 5, 10), batch_size=BATCH
    )
    return result, result.metrics()


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one call: on the clock, and of all processors together."""
    clock, processors = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processors


def compare(work: tuple, rounds: int) -> dict:
    """Both in turn, *rounds* times, with the threads that torch is set to."""
    mine, least = [], []
    for _ in range(rounds):
        mine.append(timed(lambda: ours(*work)))
        least.append(timed(lambda: bare(*work)))
    (wall, busy), (least_wall, least_busy) = (
        np.median(times, axis=0).tolist() for times in (mine, least)
    )
    return {
        "threads": torch.get_num_threads(),
        "palate": {"seconds": wall, "processor_seconds": busy},
        "bare_torch": {"seconds": least_wall, "processor_seconds": least_busy},
        "ratio": wall / least_wall,
        "processor_ratio": busy / least_busy,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    work = workload(options.seed)
    evaluation, _ = ours(*work)
    if not np.array_equal(evaluation.top_items, bare(*work).numpy()):
        raise SystemExit("the two disagree about the lists: the timings would mean nothing")
    rows = []
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        rows.append(compare(work, options.rounds))
        print(rows[-1])
    events = len(work[0].histories.items)
    results = {"users": USERS, "items": ITEMS, "events": events, "by_threads": rows}
    command = f"python benchmarks/evaluation.py --seed {options.seed} --rounds {options.rounds}"
    print(record("evaluation", results, command, seed=options.seed))


if __name__ == "__main__":
    main()
