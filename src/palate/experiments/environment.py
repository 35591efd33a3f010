"""Where a result came from: versions, machine, code, commit."""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import palate
from palate.recommenders.registry import Kind, get

PACKAGES = (
    "numpy",
    "polars",
    "scipy",
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "implicit",
    "scikit-learn",
)
HOME = Path(palate.__file__).parent
# The rooms that a result depends on. Report, command line and the like may change freely.
ROOMS = ("data", "language", "evaluation", "training", "recommenders")


def environment() -> dict[str, Any]:
    """What a stranger needs to know about the machine and the software of a run."""
    return {
        "palate": palate.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "accelerator": _accelerator(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def command_line() -> str:
    """The command as it was typed, near enough to be typed again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def rooms_version(*rooms: str) -> str:
    """Version of some rooms: it changes when their code does."""
    digest = hashlib.sha256()
    for path in sorted(path for room in rooms for path in (HOME / room).rglob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return f"{palate.__version__}+{digest.hexdigest()[:12]}"


def code_version(method: str, kind: Kind = "items") -> str:
    """Version of everything that decides a result: it changes when the code does."""
    digest = hashlib.sha256()
    sources = sorted(path for room in ROOMS for path in (HOME / room).rglob("*.py"))
    own = inspect.getsourcefile(get(method, kind))
    if own is not None and HOME not in Path(own).parents:  # a method of another package
        sources.append(Path(own))
    for path in sources:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return f"{palate.__version__}+{digest.hexdigest()[:12]}"


def commit() -> str | None:
    """Commit of palate's own source where it is a Git checkout, marked if it was edited since."""
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head}, edited" if head and _git("status", "--porcelain", ".") else head


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(HOME), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _accelerator() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
