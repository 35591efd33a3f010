"""What every benchmark writes beside its numbers, so that someone else can repeat them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
RESULTS = HERE / "results"
LIBRARIES = ("palate", "torch", "transformers", "numpy", "scipy", "polars", "rectools", "implicit")


def record(
    name: str,
    results: dict[str, Any],
    command: str,
    *,
    seed: int | None = None,
    folder: Path = RESULTS,
) -> Path:
    """Write *results* with their provenance to ``<folder>/<name>.json``.

    Args:
        command: what a person types, in the root of the repository, to get these numbers again.
        seed: of the run; None where nothing is drawn at random.

    Returns:
        The file written.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    document = {
        "name": name,
        "command": command,
        "seed": seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "results": results,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def commit() -> str | None:
    """The commit that is checked out, ``+changes`` where tracked files differ from it."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None  # a copy without its history
    return head + ("+changes" if changed else "")


def machine() -> dict[str, Any]:
    """The hardware: processor, cores this process may use, memory, and the GPU where one is."""
    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }
    gpu = _gpu()
    return found | ({"gpu": gpu} if gpu else {})


def versions() -> dict[str, str]:
    """Python and those of the libraries that are installed."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=HERE, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _gpu() -> str | None:
    try:
        import torch
    except ImportError:
        return None
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
