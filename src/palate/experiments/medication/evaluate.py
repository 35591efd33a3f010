"""Judge a method that recommends medications on the test patients, and write down what came out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import MedicationCases
from palate.evaluation.cost import Meter, flops, latency
from palate.evaluation.decisions import PENALTIES, best_threshold, decide
from palate.evaluation.medication import PER_PATIENT, RATE, Judged, interaction_rate
from palate.experiments.atomic import write_json, write_parquet
from palate.experiments.run import Run
from palate.recommenders.medication.base import MedicationRecommender, known_targets

REQUESTS, REQUEST_SECONDS, SEVERAL = 100, 10.0, 100


def measure(
    run: Run, recommender: MedicationRecommender, split: HospitalSplit, progress: bool
) -> None:
    """Decide by validation, judge the test patients; write cases, cost and, last, the metrics."""
    test, known = split.test, known_targets(split.test)
    interactions = split.hospital.interactions
    with Meter() as meter, _working("evaluating", progress):
        validation = recommender.score(split.validation.without_targets())
        start = time.perf_counter()
        scores = recommender.score(test.without_targets())
        seconds = time.perf_counter() - start
    wanted = recommender.config.interaction_penalty
    points: dict[float, tuple[float, Judged]] = {}
    for penalty in sorted({*PENALTIES, wanted}):
        threshold = best_threshold(
            validation, known_targets(split.validation), interactions, penalty
        )
        chosen = decide(scores, threshold, interactions, penalty)
        points[penalty] = threshold, Judged(scores, chosen, known, interactions, test.single)
    threshold, found = points[wanted]
    write_parquet(run.path("cases.parquet"), _cases(found))
    cost = run.cost() | {
        "score_seconds": seconds,
        "users_per_second": len(test) / max(seconds, 1e-9),
        "peak_bytes": max(run.cost()["peak_bytes"], meter.peak_bytes_absolute),
        **request_cost(recommender, test.without_targets()),
    }
    write_json(run.path("cost.json"), cost)
    results: dict[str, Any] = {
        "split": split.name,
        "notes": [*split.notes, *_notes(found, split.hospital.interactions_note)],
        "cases": int(found.judgeable.sum()),
        "items": split.n_medications,
        "threshold": threshold,
        "penalty": wanted,
        "metrics": found.metrics(),
        "intervals": found.intervals(),
        "groups": [
            {
                "group": name,
                "cases": int(which.sum()),
                "metrics": found.metrics(which),
                "intervals": found.intervals(which),
            }
            for name, which in found.groups().items()
        ],
        "curve": [
            {"penalty": penalty, "threshold": at} | judged.metrics()
            for penalty, (at, judged) in points.items()
        ],
        "given": {
            "drugs": float(known[found.judgeable].sum(1).mean()),
            RATE: interaction_rate(known, interactions),
        },
        "caution": split.hospital.caution,
    }
    write_json(run.path("metrics.json"), results)


def _notes(found: Judged, interactions: str) -> list[str]:
    notes, left = [f"interactions: {interactions}"], int((~found.judgeable).sum())
    if left:
        notes.append(f"{left} test patients were given nothing that is ranked; they are left out")
    return notes


def _cases(found: Judged) -> pl.DataFrame:
    """A row per test patient who was given something: metrics and counts, nothing else."""
    rows = found.judgeable
    interacting, pairs = found.pairs
    return pl.DataFrame(
        {
            "single": found.single[rows],
            "given": found.target[rows].sum(1),
            **{name: found.per_patient[name] for name in PER_PATIENT},
            "interacting": interacting,
            "pairs": pairs,
        }
    )


def request_cost(
    recommender: MedicationRecommender, cases: MedicationCases
) -> dict[str, float | int]:
    """What it takes to score one patient, and a hundred at once."""
    some = cases.take(np.arange(min(REQUESTS, len(cases))))
    ones = [some.take(np.array([number])) for number in range(len(some))]
    requests = cycle(ones)
    timed = latency(lambda: recommender.score(next(requests)), REQUESTS, limit=REQUEST_SECONDS)
    several = cases.take(np.arange(SEVERAL) % len(cases))
    batch = latency(lambda: recommender.score(several), 10, 2, limit=REQUEST_SECONDS)
    cost: dict[str, float | int] = {
        "p50_ms": timed.p50_ms,
        "p99_ms": timed.p99_ms,
        "requests": timed.calls,
        "hundred_ms": batch.p50_ms,
    }
    operations = flops(lambda: recommender.score(next(requests)))
    return cost | ({"flops_per_request": operations} if operations else {})


@contextmanager
def _working(what: str, shown: bool) -> Iterator[None]:
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield
        return
    with console.status(what):
        yield
