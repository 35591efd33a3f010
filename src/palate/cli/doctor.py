"""``palate doctor``: what a bug report needs to say about a machine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from palate.cli import console

PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "gguf",
    "safetensors",
    "tokenizers",
    "numpy",
    "scipy",
    "polars",
    "implicit",
    "pydantic",
    "typer",
)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show versions, machine, cache and which methods can be used: paste it into a bug report.

    Exit code 1 where something is broken.
    """
    with console.working("looking around"):
        facts = {
            "palate": _palate(),
            "packages": {name: _version(name) for name in PACKAGES},
            "machine": _machine(),
            "torch": _torch(),
            "cache": _cache(),
            "methods": _methods(),
        }
    broken = [name for name, state in facts["methods"].items() if state != "ok"]
    broken += [name for name, version in facts["packages"].items() if version == "missing"]
    if as_json:
        console.print_json({**facts, "broken": broken})
    else:
        for section, values in facts.items():
            console.table([section, ""], list(values.items()), left=2)
        print(f"broken: {', '.join(broken)}" if broken else "all methods can be imported")
    if broken:
        raise typer.Exit(1)


def _palate() -> dict[str, Any]:
    from palate import __version__

    return {
        "version": __version__,
        "from": str(Path(__file__).parents[1]),
        "python": f"{platform.python_version()} ({sys.executable})",
    }


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _machine() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "cores": f"{os.cpu_count()}, of which {allowed} usable",
        "memory": f"{_size(memory.total)}, of which {_size(memory.available)} free",
    }


def _torch() -> dict[str, Any]:
    try:
        import torch

        from palate.language.precision import choose_device, has_bf16
    except Exception as error:  # a report of what is broken must not break itself
        return {"import": f"fails: {error}"}
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "bf16 in hardware": "yes" if has_bf16(choose_device("auto")) else "no",
        "accelerator": ", ".join(gpus) or "none",
    }


def _cache() -> dict[str, Any]:
    from palate.data.sources.cache import cache_folder

    root = cache_folder("datasets").parent
    held = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return {
        "folder": str(root),
        "holds": _size(held),
        "free on its disk": _size(shutil.disk_usage(root).free),
    }


def _methods() -> dict[str, str]:
    from palate.errors import ConfigError
    from palate.recommenders import registry

    states = {}
    for method in registry.methods():
        try:
            registry.get(method.name)
            states[method.name] = "ok"
        except ConfigError as error:
            states[method.name] = str(error)
    return states


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
