"""What benchmarks and claims write beside their numbers, so that others can repeat them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from palate.experiments.environment import environment

RESULTS = Path(__file__).parent / "results"


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
        seed: of the run; None where nothing is drawn at random, or where *results* say more.

    Returns:
        The file written.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    document = {
        "name": name,
        "command": command,
        "seed": seed,
        "environment": environment(),
        "results": results,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path
