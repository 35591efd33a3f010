"""Experiments that rank the items of a catalogue."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from palate.data.cases import Split
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.experiments.atomic import write_parquet
from palate.experiments.evaluate import measure
from palate.experiments.kinds import Kind
from palate.experiments.report import write_report
from palate.experiments.run import Run, stored_histories


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


def keep_data(run: Run, dataset: Dataset) -> None:
    """Write what the run recommends from where the data are gone."""
    write_parquet(run.path("catalogue.parquet"), dataset.catalogue.frame)
    write_parquet(run.path("histories.parquet"), stored_histories(dataset))


def config(
    method: str, settings: dict[str, Any], data: DataConfig, seed: int, fingerprint: str = ""
) -> dict[str, Any]:
    """``config.yaml`` of a run."""
    return {
        "method": method,
        "settings": settings,
        "data": data.model_dump(mode="json"),
        "seed": seed,
    }


def _load(data: DataConfig, progress: bool) -> Dataset:
    return load(data, progress=progress)


def _split(dataset: Dataset, data: DataConfig) -> Split:
    return make_split(dataset, data.split, data.split_seed, data.test_users)


ITEMS = Kind(
    name="items",
    data=DataConfig,
    run=Run,
    absolute=absolute,
    load=_load,
    split=_split,
    config=config,
    about_data=about_data,
    keep_data=keep_data,
    measure=measure,
    write_report=write_report,
    needs=lambda method, settings: None,
)
