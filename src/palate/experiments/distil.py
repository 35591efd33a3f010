"""From trained runs to a small fast one: the student of any recommenders of the house."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from palate.data.dataset import Dataset
from palate.data.splits import make_split
from palate.errors import ConfigError, RunError
from palate.experiments.run import Run, weights_of
from palate.experiments.train import TEACHERS, begun, finish, unfinished
from palate.recommenders.base import FitContext, Recommender
from palate.recommenders.distil import lessons, taught
from palate.recommenders.pupils import WHO, Distils, LearnsTargets
from palate.recommenders.registry import configure, get
from palate.training.distillation import DistilConfig


def distil(
    teachers: Sequence[Run],
    student: str,
    folder: Path,
    settings: dict[str, Any] | None = None,
    config: DistilConfig | None = None,
    seed: int = 0,
    progress: bool = False,
    command: str | None = None,
) -> Run:
    """Train *student* on the data of its teachers and on what they say; an ordinary run.

    All learn from the same split: a teacher never saw what the student is tested on. What
    teachers say is kept in the user's cache, by their weights and data. A training in *folder*
    that was interrupted is continued, and one that ended is opened.

    Args:
        teachers: one or more finished runs of any methods, on the same data and split.
        student: a method that can be taught.
        settings: the student's, where they are not to be its defaults.

    Raises:
        ConfigError: the method cannot be taught, or settings out of range.
        RunError: the teachers differ in their data, or *folder* holds another run.
    """
    if not teachers:
        raise ConfigError("no teacher: name one run or more")
    config = config or DistilConfig()
    pupil = get(student)(configure(student, settings or {}))
    if not isinstance(pupil, Distils | LearnsTargets):
        raise ConfigError(f"'{student}' cannot be taught; {WHO} can")
    first = teachers[0]
    dataset = first.dataset()
    _check_alike(teachers, dataset)
    split = make_split(dataset, first.data.split, first.data.split_seed, first.data.test_users)
    about = {
        "method": student,
        "settings": pupil.config.model_dump(mode="json"),
        "data": first.data.model_dump(mode="json"),
        "seed": seed,
        TEACHERS: [
            {"run": str(one.folder.resolve()), "method": one.method, "weights": weights_of(one)}
            for one in teachers
        ],
        "distillation": config.model_dump(mode="json"),
    }
    if (folder / "config.yaml").exists():
        run = unfinished(folder, about, dataset)
    else:
        run = begun(folder, about, dataset, command)

    def fit(split_: Any, context: FitContext) -> None:
        known: list[tuple[str, str, Recommender]] = [
            (one.method, f"{weights_of(one)}-{dataset.fingerprint[:12]}", one.recommender())
            for one in teachers
        ]
        told = lessons(known, split_, config, seed, progress)
        taught(pupil, told, split_, config, context)

    return finish(run, pupil, dataset, split, progress, fit)


def _check_alike(teachers: Sequence[Run], dataset: Dataset) -> None:
    """That all teachers learned from the same events, and were tested on the same ones."""
    first = teachers[0]
    for other in teachers[1:]:
        if other.environment()["fingerprint"] != dataset.fingerprint:
            raise RunError(
                f"{other.folder}: learned from other data than {first.folder}; teachers of one "
                "student share their data, so train one of them again"
            )
        for name in ("split", "split_seed"):
            if getattr(other.data, name) != getattr(first.data, name):
                raise RunError(
                    f"{other.folder}: its {name.replace('_', ' ')} is another than that of "
                    f"{first.folder}, so it may have seen what the student is tested on"
                )
