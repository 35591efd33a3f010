"""Data that claims are put to the test on and that the project may not pass on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ML_100K = "ml-100k"
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "lastfm": ("lastfm-llara", {}),
    "movietweetings": ("movietweetings-100k", {"k_core": 5}),
    "games": ("amazon-games-2018", {"users": 5000, "k_core": 3}),
}
"""Data sets to recommend from: the folder of each, and what is kept of it."""


def shared() -> Path:
    """Where the data are."""
    folder = Path(os.environ.get("PALATE_SHARED_DATA", "../shared/data"))
    if not folder.is_dir():
        raise SystemExit(f"no folder {folder}: set PALATE_SHARED_DATA")
    return folder


def data_of(name: str) -> Any:
    """How the data set of that name is read: MovieLens-100K, which palate fetches, or of these."""
    from palate.data.load import DataConfig

    if name == ML_100K:
        return DataConfig(data=ML_100K)
    folder, filters = DATA[name]
    return DataConfig(data=str(shared() / folder), **filters)
