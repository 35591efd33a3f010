"""A new period of data comes: the next version of a run.

The old run is never written to. The new one is made in a hidden folder beside its place and moved
there when it is whole, so that what is interrupted leaves nothing but the old version.

The default follows LSAT (arXiv:2312.15599): a short-term model learns from the newest period alone,
from scratch, and is mixed with the long-term one by the weight that is best on the period's
validation questions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.data.catalogue import Catalogue
from palate.data.updates import Update
from palate.errors import RunError
from palate.evaluation.cost import Meter
from palate.experiments.atomic import write_json
from palate.experiments.evaluate import measure
from palate.experiments.items import keep_data
from palate.experiments.lineage import RECORD, next_version, record
from palate.experiments.report import write_report
from palate.experiments.run import Run
from palate.experiments.strategies import trained_on
from palate.experiments.train import about_run, keep
from palate.experiments.update_plan import MERGES, Plan, plan
from palate.experiments.versions import by_likes, by_rank, check_free, unseen
from palate.recommenders.base import FitContext, Recommender
from palate.recommenders.lsat import LSAT
from palate.recommenders.registry import configure, get
from palate.recommenders.updates import Answers, JudgesLikes, Updates, Weights


@dataclass(frozen=True)
class Made:
    """What an update trained.

    Attributes:
        started: items of the catalogue on which the weights that stay were begun; a short-term
            model begins with the same ones.
        epochs: of the training, where it has any.
    """

    recommender: Recommender
    started: int
    epochs: float | None = None


def update(
    run: Run,
    brought: Update | Path,
    items: Path | None = None,
    strategy: str | None = None,
    folder: Path | None = None,
    progress: bool = False,
    command: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Run:
    """The next version of *run*, with the events that are brought learned.

    Args:
        brought: an update, or a file of later events with *items*, what is new in them.
        strategy: as of :func:`palate.experiments.update_plan.plan`.
        folder: of the new version; by default ``RUN-v2``, ``RUN-v3`` … beside the run.
        command: what was typed, for the record; by default that of this process.
        about: what else the record is to say, such as where the events came from.

    Raises:
        ConfigError: a strategy that there is not, or not for this method.
        DataError: the update cannot be used.
        RunError: *folder* holds something, or the run's data are gone or changed.
    """
    start = time.perf_counter()
    place = next_version(run.folder) if folder is None else folder
    check_free(place)
    planned = plan(run, brought, items, strategy)
    with unseen(run.folder.resolve().name, place.parent) as hidden:
        new = Run.create(
            hidden, planned.config, about_run(planned.config, planned.dataset, command)
        )
        keep_data(new, planned.dataset)
        old = run.recommender()
        with Meter() as meter:
            made = _made(planned, old, progress)
        keep(new, made.recommender, meter)
        measure(new, made.recommender, planned.split, progress)
        told = _told(planned, made) | {"versions": _versions(planned, made, old, new)}
        seconds = {"training": meter.seconds, "all": time.perf_counter() - start}
        write_json(new.path(RECORD), told | {"seconds": seconds, **(about or {})})
        write_report(new)
        place = next_version(run.folder) if folder is None else folder
        try:
            os.rename(hidden, place)
        except OSError:
            raise RunError(
                f"{place} came to hold something meanwhile; name another with --out"
            ) from None
    return Run(place)


def _made(planned: Plan, old: Recommender, progress: bool) -> Made:
    catalogue, seed = planned.dataset.catalogue, planned.run.seed
    context = FitContext(seed, progress=progress)
    if planned.strategy == "full":
        fresh = get(planned.method)(configure(planned.method, planned.settings))
        fresh.fit(planned.split, context)
        learned = getattr(fresh, "learned", None)
        return Made(fresh, len(catalogue), None if learned is None else learned.epochs)
    learner = planned.learner()
    assert isinstance(learner, Updates)
    long, started = _weights(old), _started(planned.run)
    if planned.strategy not in MERGES:
        learner.begin(catalogue, seed)
        proximal = planned.strategy == "peso"
        learned = trained_on(
            learner, long, planned.train, planned.validation, context, proximal=proximal
        )
        learner.refresh(planned.split, context)
        return Made(learner, started, learned.epochs)
    first = _first(learner, catalogue, started, seed)
    learner.begin(catalogue, seed)
    learner.take(long)
    long = learner.weights()
    learner.take(first)
    learned = learner.learn(planned.train, planned.validation, context)
    short = learner.weights()
    learner.refresh(planned.split, context)
    mixture = LSAT(configure("lsat", planned.settings))
    return Made(mixture.join(learner, long, short, planned.validation), started, learned.epochs)


def _first(learner: Updates, catalogue: Catalogue, started: int, seed: int) -> Weights:
    """The weights that the long-term model began with, for the grown catalogue.

    A larger table of items draws more random numbers, so all that is drawn after it would differ.
    """
    learner.begin(Catalogue(catalogue.frame.head(started)), seed)
    smaller = learner.weights()
    learner.begin(catalogue, seed)
    learner.take(smaller)
    return learner.weights()


def _started(run: Run) -> int:
    made = record(run)
    return len(run.catalogue()) if made is None else int(made["started"])


def _weights(old: Recommender) -> Weights:
    """What stays, or is trained on: of lsat the long-term model."""
    if isinstance(old, LSAT):
        return old.long
    assert isinstance(old, Updates)
    return old.weights()


def _told(planned: Plan, made: Made) -> dict[str, Any]:
    found: dict[str, Any] = {
        "from": str(planned.run.folder.resolve()),
        "strategy": planned.strategy,
        "new": planned.new(),
        "questions": planned.questions(),
        "epochs": made.epochs,
        "started": made.started,
    }
    if planned.strategy in MERGES:
        assert isinstance(made.recommender, LSAT)
        found["share"] = made.recommender.share
        found["tried"] = {str(share): value for share, value in made.recommender.tried.items()}
    return found


def _versions(planned: Plan, made: Made, old: Recommender, new: Run) -> dict[str, Any]:
    """Both versions on the same test part: ranked, and where likes are judged, asked."""
    known = len(planned.before.catalogue)
    found = {"ndcg@10": by_rank(old, known, new, planned.split)}
    if isinstance(planned.learner(), JudgesLikes):
        recommender = made.recommender
        assert isinstance(recommender, LSAT | JudgesLikes)
        answers: Answers = recommender.predict(planned.test)
        found["auc"] = by_likes(_carried(planned, old), answers, planned.test)
    return found


def _carried(planned: Plan, old: Recommender) -> Answers:
    """What the old version answers about the grown catalogue."""
    learner = planned.learner()
    assert isinstance(learner, Updates)
    learner.begin(planned.dataset.catalogue, planned.run.seed)
    if not isinstance(old, LSAT):
        learner.take(_weights(old))
        return learner.predict(planned.test)
    both = []
    for weights in (old.long, old.short):
        learner.take(weights)
        both.append(learner.weights())
    mixture = LSAT(old.config).mix(learner, both[0], both[1], old.share)
    return mixture.predict(planned.test)
