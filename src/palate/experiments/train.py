"""Train one method on one split, judge it on the test cases, and keep everything."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from palate.data.cases import Split
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.errors import RunError
from palate.evaluation.cost import Meter
from palate.experiments.atomic import replacing_files, write_json, write_parquet
from palate.experiments.environment import code_version, command_line, environment
from palate.experiments.evaluate import measure
from palate.experiments.report import write_report
from palate.experiments.run import Run, key, stored_histories
from palate.recommenders.base import FitContext, Recommender
from palate.recommenders.registry import configure, get
from palate.training.checkpoint import newest

RUNS = Path("runs")
TEACHERS = "teachers"  # key of config.yaml of a run that was distilled
BEGUN = "begun.json"  # beside checkpoints: when this training began, and what went before


def train(
    method: str,
    settings: dict[str, Any],
    data: DataConfig,
    seed: int = 0,
    folder: Path | None = None,
    progress: bool = False,
    resume: bool = False,
    command: str | None = None,
) -> Run:
    """Train *method* and evaluate it on the test cases.

    Args:
        settings: ``key: value`` as of :func:`palate.recommenders.registry.configure`.
        folder: of the run; by default a new one below ``runs/``.
        resume: continue a training in *folder* that was interrupted; a finished one is opened.
        command: what was typed, for the record; by default that of this process.

    Raises:
        ConfigError: an unknown method, or settings out of range.
        DataError: the data cannot be used.
        RunError: *folder* holds another run.
    """
    recommender = get(method)(configure(method, settings))
    data = absolute(data)
    dataset = load(data, progress=progress)
    split = make_split(dataset, data.split, data.split_seed, data.test_users)
    config = {
        "method": method,
        "settings": recommender.config.model_dump(mode="json"),
        "data": data.model_dump(mode="json"),
        "seed": seed,
    }
    folder = folder or _new_folder(f"{method}-{dataset.name}")
    leads = os.environ.get("RANK", "0") == "0"
    if not leads:  # of several processes that train together, the first one keeps the record
        if not (resume and (folder / "cost.json").exists()):
            recommender.fit(split, FitContext(seed, folder / "checkpoints", resume))
        return Run(folder, finished=False)
    if resume and (folder / "config.yaml").exists():
        run = unfinished(folder, config, dataset)
    else:
        run = begun(folder, config, dataset, command)
    return finish(run, recommender, dataset, split, progress)


def begun(
    folder: Path, config: dict[str, Any], dataset: Dataset, command: str | None = None
) -> Run:
    """A new run, with the record of what it will come from."""
    return Run.create(folder, config, about_run(config, dataset, command))


def about_run(
    config: dict[str, Any], dataset: Dataset, command: str | None = None
) -> dict[str, Any]:
    """``environment.json`` of a run that begins now."""
    code = code_version(config["method"])
    return environment() | {
        "command": command or command_line(),
        "seed": config["seed"],
        "data": about_data(dataset),
        "fingerprint": dataset.fingerprint,
        "code": code,
        "key": key(config, dataset.fingerprint, code),
    }


def resume_training(folder: Path, progress: bool = False) -> Run:
    """Continue a training that was interrupted, from what its folder holds."""
    run = Run(folder, finished=False)
    if TEACHERS in run.config:
        raise RunError(
            f"{folder}: a student of {len(run.config[TEACHERS])} teachers; the command that began "
            f"it goes on where it was: {run.environment()['command']}"
        )
    return train(
        run.method,
        run.config["settings"],
        run.data,
        run.seed,
        folder,
        progress=progress,
        resume=True,
    )


def unfinished(folder: Path, config: dict[str, Any], dataset: Dataset) -> Run:
    """The run in *folder*, if it is the one that *config* describes."""
    run = Run(folder, finished=False)
    differ = [name for name in config if run.config.get(name) != config[name]]
    if differ:
        raise RunError(
            f"{folder}: the training in this folder has other {' and '.join(differ)}; "
            f"resume it with its own, or choose another folder"
        )
    if run.environment()["fingerprint"] != dataset.fingerprint:
        raise RunError(
            f"{folder}: the data changed since this training began; put the old files back, or "
            f"train into another folder"
        )
    return run


def finish(
    run: Run,
    recommender: Recommender,
    dataset: Dataset,
    split: Split,
    progress: bool,
    fit: Callable[[Split, FitContext], Any] | None = None,
) -> Run:
    """Do what is not done yet of a run: train, then evaluate.

    Args:
        fit: how *recommender* is trained; by default by its own ``fit``.
    """
    if run.finished:
        return run
    if run.fitted:
        recommender = run.recommender()
    else:
        before = _seconds_before(run)
        write_json(run.path(BEGUN), {"seconds_before": before or 0.0})
        keep_data(run, dataset)
        context = FitContext(run.seed, run.path("checkpoints"), before is not None, progress)
        with Meter() as meter:
            (fit or recommender.fit)(split, context)
        keep(run, recommender, meter, before)
    run.path(BEGUN).unlink(missing_ok=True)
    shutil.rmtree(run.path("checkpoints"), ignore_errors=True)
    measure(run, recommender, split, progress)
    write_report(run)
    return run


def keep_data(run: Run, dataset: Dataset) -> None:
    """Write what the run recommends from where the data are gone."""
    write_parquet(run.path("catalogue.parquet"), dataset.catalogue.frame)
    write_parquet(run.path("histories.parquet"), stored_histories(dataset))


def _seconds_before(run: Run) -> float | None:
    """What a training took until the checkpoint from which it goes on; None if it is new."""
    last = newest(run.path("checkpoints"))
    if last is None or not run.path(BEGUN).exists():
        return None
    earlier = json.loads(run.path(BEGUN).read_text("utf-8"))["seconds_before"]
    return float(earlier) + last.stat().st_mtime - run.path(BEGUN).stat().st_mtime


def keep(run: Run, recommender: Recommender, meter: Meter, before: float | None = None) -> None:
    """Write the model, its learning curve and what it cost.

    Args:
        before: seconds until the checkpoint from which the training went on, if it did.
    """
    with replacing_files(run.folder) as staged:
        recommender.save(staged)
    learned = getattr(recommender, "learned", None)
    if learned is not None:
        rows = [{k: v for k, v in row.items() if math.isfinite(v)} for row in learned.history]
        curve = {"best": learned.best, "epochs": learned.epochs, "history": rows}
        write_json(run.path("training.json"), curve)
    cost = {
        "fit_seconds": meter.seconds + (before or 0.0),
        "peak_bytes": meter.peak_bytes_absolute,  # of the whole process
        "fit_bytes": meter.peak_bytes,  # of that, what training added
        "cuda_peak_bytes": meter.cuda_peak_bytes,
        "parameters": recommender.parameters,
        "trainable_parameters": recommender.trainable_parameters,
        "resumed": before is not None,
    }
    write_json(run.path("cost.json"), cost)


def about_data(dataset: Dataset) -> dict[str, Any]:
    """Name, terms, size, and what every step of preparation kept and dropped."""
    return {
        "name": dataset.name,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "users": len(dataset.users),
        "items": len(dataset.catalogue),
        "events": len(dataset.interactions),
        "like_from": dataset.like_from,
        "steps": [asdict(step) for step in dataset.steps],
    }


def absolute(data: DataConfig) -> DataConfig:
    """The same data from whatever folder: paths that exist are made absolute."""
    values = data.model_dump()
    for name in ("data", "interactions", "items"):
        value = values.get(name)
        if value is not None and Path(value).expanduser().exists():
            values[name] = str(Path(value).expanduser().resolve())
    for name, path in (values["domains"] or {}).items():
        if Path(path).expanduser().exists():
            values["domains"][name] = str(Path(path).expanduser().resolve())
    for update in values["updates"] or ():
        for name in ("interactions", "items", "forget"):
            path = update[name]
            update[name] = path and Path(path).expanduser().resolve()
    return DataConfig.model_validate(values)


def _new_folder(name: str) -> Path:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError("several processes train together: name the folder of their run")
    taken = (RUNS / name, *(RUNS / f"{name}-{number}" for number in range(2, 10_000)))
    return next(folder for folder in taken if not folder.exists())
