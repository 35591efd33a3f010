"""Pre-train one method on several domains, into a folder that trainings can start from."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from palate.data.joined import joined
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.errors import RunError
from palate.evaluation.cost import Meter
from palate.experiments.atomic import replacing_files, write_json
from palate.experiments.environment import code_version, command_line, environment
from palate.experiments.items import about_data, absolute
from palate.recommenders.base import FitContext, Learnt
from palate.recommenders.pretrained import BEGUN, CARD, WEIGHTS
from palate.recommenders.registry import configure, get, pretraining

PROMISE = ("method", "settings", "data", "seed", "fingerprints")
"""What a pre-training that is resumed must have in common with the one that was interrupted."""


def pretrain(
    method: str,
    settings: dict[str, Any],
    domains: Mapping[str, DataConfig],
    folder: Path,
    seed: int = 0,
    progress: bool = False,
    resume: bool = False,
    command: str | None = None,
) -> dict[str, Any]:
    """Pre-train *method* on the training events of all *domains*.

    Each domain is split as for a training, so that a method pre-trained here may be tested on the
    same domains without having seen what it is tested on.

    Args:
        settings: ``key: value`` of the method's ``Pretraining``.
        folder: where the result goes.
        resume: continue what was interrupted in *folder*.
        command: what was typed, for the record; by default that of this process.

    Returns:
        What ``pretrained.json`` says.

    Raises:
        ConfigError: a method that cannot be pre-trained, or settings out of range.
        DataError: the data cannot be used.
        RunError: *folder* holds something else.
    """
    config = configure(method, settings, pretraining(method))
    wanted = {domain: absolute(data) for domain, data in domains.items()}
    datasets = {domain: load(data, progress=progress) for domain, data in wanted.items()}
    split = joined(
        {
            domain: make_split(datasets[domain], data.split, data.split_seed)
            for domain, data in wanted.items()
        }
    )
    card = {
        "method": method,
        "settings": config.model_dump(mode="json"),
        "data": {domain: data.model_dump(mode="json") for domain, data in wanted.items()},
        "seed": seed,
        "fingerprints": {domain: dataset.fingerprint for domain, dataset in datasets.items()},
        "domains": {domain: about_data(dataset) for domain, dataset in datasets.items()},
    }
    leads = os.environ.get("RANK", "0") == "0"
    if leads:
        _begin(folder, card, resume)
    context = FitContext(seed, folder / "checkpoints", resume, progress and leads)
    with Meter() as meter:
        learnt = get(method)().pretrain(config, split, context)
    about = environment() | {"command": command or command_line(), "code": code_version(method)}
    card |= {"marks": learnt.marks, "seconds": meter.seconds, "environment": about}
    card |= _curve(learnt)
    if leads:
        with replacing_files(folder) as staged:
            save_file({n: v.contiguous() for n, v in learnt.tensors.items()}, staged / WEIGHTS)
            write_json(staged / CARD, card)
        (folder / BEGUN).unlink()
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return card


def resume_pretraining(folder: Path, progress: bool = False) -> dict[str, Any]:
    """Continue a pre-training that was interrupted, from what its folder holds.

    Raises:
        RunError: the folder holds none.
    """
    if (folder / CARD).is_file():
        card: dict[str, Any] = json.loads((folder / CARD).read_text("utf-8"))
        return card
    if not (folder / BEGUN).is_file():
        raise RunError(f"{folder}: no pre-training began here; start one with: palate pretrain")
    begun = json.loads((folder / BEGUN).read_text("utf-8"))
    domains = {name: DataConfig.model_validate(data) for name, data in begun["data"].items()}
    return pretrain(
        begun["method"],
        begun["settings"],
        domains,
        folder,
        begun["seed"],
        progress=progress,
        resume=True,
    )


def _begin(folder: Path, card: Mapping[str, Any], resume: bool) -> None:
    """Write down what was begun, or see that it is what is resumed."""
    if (folder / CARD).exists():
        raise RunError(f"{folder} holds a pre-trained model; name another folder with --out")
    if not (folder / BEGUN).exists():
        write_json(folder / BEGUN, card)
        return
    if not resume:
        raise RunError(
            f"{folder}: a pre-training that did not end; go on with: palate pretrain --resume "
            f"{folder}, or name another folder with --out"
        )
    begun = json.loads((folder / BEGUN).read_text("utf-8"))
    differ = [name for name in PROMISE if begun[name] != card[name]]
    if differ:
        raise RunError(
            f"{folder}: the pre-training that began here has other {' and '.join(differ)}; "
            f"start again in another folder"
        )


def _curve(learnt: Learnt) -> dict[str, Any]:
    """The learning curve, as :class:`~palate.experiments.run.Run` keeps it of a training."""
    learned = learnt.learned
    rows = [{k: v for k, v in row.items() if math.isfinite(v)} for row in learned.history]
    return {"best": learned.best, "epochs": learned.epochs, "history": rows}
