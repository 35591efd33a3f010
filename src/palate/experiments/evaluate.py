"""Judge a trained method on the test cases, and write down what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import cycle
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.evaluation.cost import Meter, flops, latency
from palate.evaluation.evaluate import Domains, Evaluation, evaluate
from palate.evaluation.ranking import top_k
from palate.evaluation.significance import holm, paired_test
from palate.experiments.atomic import write_json, write_parquet
from palate.experiments.report import write_report
from palate.experiments.run import PRIMARY, Run
from palate.recommenders.base import Controlled, Recommender, Scores

INTERVALS = ("ndcg@10", "hr@10", "mrr")
REQUESTS, REQUEST_SECONDS = 100, 10.0  # timed one by one: so many, or for so long
ATTRIBUTES = ("genres", "genre", "categories", "category")
RANKED = {"domain": "whole catalogue", "own domain": "own domain only"}
RECENT = 10  # events of a test history that are kept to be shown


def evaluate_run(run: Run, progress: bool = False) -> dict[str, float]:
    """Load a run's model, rank its test cases again, and bring its files up to date.

    Raises:
        RunError: the run's data is gone, or is not what it was.
    """
    measure(run, run.recommender(), run.split(), progress)
    write_report(run)
    return run.metrics()


def measure(run: Run, recommender: Recommender, split: Split, progress: bool) -> None:
    """Rank the test cases; write predictions, cases, cost and, last of all, the metrics."""
    scorer = _Timed(recommender)
    with Meter() as meter, _bar(len(split.test), progress) as advance:
        found = evaluate(
            scorer,
            split.test,
            train=split.train.sequences(),
            n_items=split.n_items,
            features=attributes(split.catalogue),
            domains=domains_of(split.catalogue),
            progress=advance,
        )
    write_parquet(run.path("predictions.parquet"), _predictions(found, split))
    write_parquet(run.path("cases.parquet"), _cases(found, split))
    before = run.cost()
    cost = {
        "score_seconds": scorer.seconds,
        "users_per_second": len(found) / max(scorer.seconds, 1e-9),
        "peak_bytes": max(before["peak_bytes"], meter.peak_bytes_absolute),
        **request_cost(recommender, split),
    }
    write_json(run.path("cost.json"), before | cost)
    results: dict[str, Any] = {
        "split": split.name,
        "notes": list(split.notes),
        "cases": len(found),
        "items": split.n_items,
        "metrics": found.metrics(),
        "intervals": {name: found.interval(name) for name in INTERVALS},
        "slices": [asdict(one) for one in found.slices(PRIMARY)],
    }
    by_domain = _by_domain(found)
    if by_domain:
        results["domains"] = by_domain
    if isinstance(recommender, Controlled):
        results["controls"] = _controls(recommender.controls(), found, split, progress)
    write_json(run.path("metrics.json"), results)


def domains_of(catalogue: Catalogue) -> Domains | None:
    """The domains of a catalogue, where it has several."""
    if len(catalogue.domains) < 2:
        return None
    return Domains(catalogue.domains, catalogue.domain_codes)


def _by_domain(found: Evaluation) -> list[dict[str, Any]]:
    """For each domain with targets a row ranked over the whole catalogue, and one within it."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for metric in INTERVALS:
        for one in found.domain_slices(metric):
            row = rows.setdefault(
                (one.label, one.by),
                {"domain": one.label, "ranked": RANKED[one.by], "cases": one.users}
                | {"metrics": {}, "intervals": {}},
            )
            row["metrics"][metric] = one.value
            row["intervals"][metric] = one.interval
    return list(rows.values())


def _controls(
    controls: Mapping[str, Callable[[Histories], Scores]],
    found: Evaluation,
    split: Split,
    progress: bool,
) -> list[dict[str, Any]]:
    """How each control does on the test cases, and whether that is chance beside the method."""
    rows, ps, values = [], [], found.per_user(PRIMARY)
    for name, score in controls.items():
        with _bar(len(split.test), progress, name) as advance:
            control = evaluate(
                score,
                split.test,
                train=split.train.sequences(),
                n_items=split.n_items,
                progress=advance,
            )
        own = control.per_user(PRIMARY)
        row = {metric: float(control.per_user(metric).mean()) for metric in INTERVALS}
        rows.append({"name": name, "metrics": row})
        ps.append(paired_test(values, own))
    return [row | {"p": float(p)} for row, p in zip(rows, holm(ps), strict=True)]


@contextmanager
def _bar(total: int, shown: bool, name: str | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar over the test cases, for the method or for a control of that name."""
    console = Console(stderr=True)
    told = "evaluating" if name is None else f"control: {escape(name)}"
    columns = (TextColumn(told), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task(told, total=total)
        yield lambda done: bar.advance(task, done)


class _Timed:
    """A scorer that adds up the seconds spent in the model itself."""

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender
        self.seconds = 0.0

    def __call__(self, histories: Histories) -> Scores:
        start = time.perf_counter()
        scores = self.recommender.score(histories)
        self.seconds += time.perf_counter() - start
        return scores


def request_cost(recommender: Recommender, split: Split) -> dict[str, float | int]:
    """What one user's request takes: score the catalogue, mask what was seen, take ten."""
    some = split.test.histories.take(np.arange(min(REQUESTS, len(split.test))))
    requests = cycle([some.take(np.array([number])) for number in range(len(some))])

    def request() -> None:
        histories = next(requests)
        top_k(recommender.score(histories), 10, (histories.items, histories.offsets))

    timed = latency(request, REQUESTS, limit=REQUEST_SECONDS)
    cost: dict[str, float | int] = {
        "p50_ms": timed.p50_ms,
        "p99_ms": timed.p99_ms,
        "requests": timed.calls,
    }
    operations = flops(lambda: recommender.score(next(requests)))
    # Only torch's operations are counted: a method that uses none of them is not free.
    return cost | ({"flops_per_request": operations} if operations else {})


def attributes(catalogue: Catalogue) -> np.ndarray | None:
    """[items, attributes] 1 for each genre (or category) an item has; None if none is known.

    They say how diverse a list is.
    """
    column = next((name for name in ATTRIBUTES if name in catalogue.frame.columns), None)
    if column is None:
        return None
    values = catalogue.labels(column)
    pairs = pl.DataFrame({"row": np.arange(len(values)), "name": values}).explode("name")
    pairs = pairs.filter(pl.col("name").is_not_null() & (pl.col("name") != ""))
    if pairs.is_empty():
        return None
    columns = pairs["name"].cast(pl.Categorical).to_physical().to_numpy()
    matrix = np.zeros((len(catalogue), int(columns.max()) + 1), dtype=np.float32)
    matrix[pairs["row"].to_numpy(), columns] = 1
    return matrix


def _predictions(found: Evaluation, split: Split) -> pl.DataFrame:
    """``user, item, rank, score``, one row per recommended item, rank 1 first."""
    n, k = found.top_items.shape
    rows = np.repeat(np.arange(n), k)
    items, scores = found.top_items.ravel(), found.top_scores.ravel()
    there = items >= 0  # fewer than k items may be left to recommend
    users = pl.Series(found.users, dtype=pl.String)
    names = split.catalogue.frame["item"]
    return pl.DataFrame(
        {
            "user": users.gather(rows[there]),
            "item": names.gather(items[there]),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), n)[there],
            "score": scores[there].astype(np.float32),
        }
    )


def _cases(found: Evaluation, split: Split) -> pl.DataFrame:
    """The test cases with the rank (1 is best) of what the user took next."""
    histories = split.test.histories
    names = split.catalogue.frame["item"]
    ids = split.catalogue.items
    recent = [[ids[item] for item in history[-RECENT:]] for history in histories]
    frame = pl.DataFrame(
        {
            "user": pl.Series(found.users, dtype=pl.String),
            "target": names.gather(split.test.targets),
            "rank": found.ranks + 1,
            "events": histories.lengths,
            "known": found.popularity[found.targets],  # training users of the target
            "recent": pl.Series(recent, dtype=pl.List(pl.String)),
        }
    )
    if found.domains is None or found.domain_ranks is None:
        return frame
    domains = pl.Series(found.domains.names).gather(found.domains.codes[found.targets])
    return frame.with_columns(domain=domains, domain_rank=found.domain_ranks + 1)
