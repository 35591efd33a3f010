"""Where fetched data and converted weights are kept, once for all projects of a user."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder(kind: str) -> Path:
    """The user's cache for one *kind* of thing (``datasets``, ``models``), made if absent.

    ``PALATE_CACHE`` moves the whole cache.
    """
    root = os.environ.get("PALATE_CACHE") or platformdirs.user_cache_dir("palate")
    folder = Path(root).expanduser() / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder
