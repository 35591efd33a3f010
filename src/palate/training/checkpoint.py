"""The state of a training on disk: what a killed one needs to go on as if nothing had happened.

``checkpoint-<step>/`` holds weights, optimizer, schedule, random states and the trainer's record;
``best-<step>.safetensors`` beside it the weights of the best evaluation so far. Both appear
under their names only when complete, so whatever moment a process dies at, the newest checkpoint
can be resumed. Tensors are safetensors, all else is JSON: nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

MODEL = "model.safetensors"
RECORD = "trainer_state.json"
_OPTIMIZER = "optimizer.safetensors"
_AVERAGE = "average.safetensors"
_REST = "state.json"
_NAME = re.compile(r"checkpoint-(\d+)|best-(\d+)\.safetensors")

Tensors = dict[str, torch.Tensor]


def newest(folder: Path) -> Path | None:
    """The checkpoint with the most steps in *folder*, if there is one."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return max(found, key=lambda path: int(path.name.split("-")[1]), default=None)


def best(folder: Path, step: int) -> Path:
    """Where the weights of the best evaluation are kept."""
    return folder / f"best-{step}.safetensors"


def save_best(folder: Path, step: int, tensors: Tensors) -> None:
    """Keep the weights of an evaluation that was better than all before."""
    partial = folder / f"best-{step}.partial"
    save_file(tensors, partial)
    os.replace(partial, best(folder, step))


def save(
    folder: Path,
    step: int,
    best_step: int | None,
    tensors: Tensors,
    optimizer: dict[str, Any],
    average: Tensors,
    rest: dict[str, Any],
    record: str,
) -> None:
    """Write ``checkpoint-<step>`` and remove what it makes superfluous.

    Args:
        best_step: the step whose ``best`` file stays.
        optimizer: ``state_dict()`` of a torch optimizer.
        average: moving average of the weights; empty where none is kept.
        rest: anything JSON can hold.
        record: text of the trainer's own state.
    """
    partial = folder / f"checkpoint-{step}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(tensors, partial / MODEL)
    save_file(_flat(optimizer["state"]), partial / _OPTIMIZER)
    save_file(average, partial / _AVERAGE)
    rest = rest | {"groups": optimizer["param_groups"]}
    (partial / _REST).write_text(json.dumps(rest))
    (partial / RECORD).write_text(record)
    final = folder / f"checkpoint-{step}"
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    clear(folder, keep={final.name, best(folder, best_step or 0).name})


def load(checkpoint: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The optimizer's ``state_dict()`` and the rest that :func:`save` was given."""
    rest = json.loads((checkpoint / _REST).read_text())
    state: dict[int, Tensors] = {}
    for name, tensor in load_file(checkpoint / _OPTIMIZER).items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    return {"state": state, "param_groups": rest.pop("groups")}, rest


def load_average(checkpoint: Path) -> Tensors:
    """The moving average that :func:`save` was given."""
    return load_file(checkpoint / _AVERAGE)


def _flat(state: dict[int, dict[str, Any]]) -> Tensors:
    return {
        f"{index}.{key}": value.detach().cpu().contiguous().clone()
        for index, values in state.items()
        for key, value in values.items()
    }


def clear(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove all checkpoints, complete or not, but those named."""
    for path in [*folder.glob("checkpoint-*"), *folder.glob("best-*")]:
        if path.name in keep or not _NAME.fullmatch(path.name.replace(".partial", "")):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def random_states() -> dict[str, Any]:
    """The random states of this process, as JSON can hold them."""
    name, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [name, np.asarray(keys).tolist(), *rest],
        "torch": _hex(torch.get_rng_state()),
        "cuda": [_hex(state) for state in torch.cuda.get_rng_state_all()],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Put back what :func:`random_states` gave."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(_unhex(states["torch"]))
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([_unhex(state) for state in states["cuda"]])


def _hex(state: torch.Tensor) -> str:
    return state.numpy().tobytes().hex()


def _unhex(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
