"""Which version of a run comes from which, as names of folders and records of updates say."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

from palate.experiments.run import Run

RECORD = "update.json"
VERSION = re.compile(r"(.+)-v(\d+)")


def record(run: Run) -> dict[str, Any] | None:
    """``update.json`` of a run that an update made."""
    path = run.path(RECORD)
    if not path.exists():
        return None
    made: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return made


def stem_and_number(folder: str) -> tuple[str, int]:
    """``shop`` and 2 of ``shop-v2``; the first version bears no number."""
    found = VERSION.fullmatch(folder)
    return (found[1], int(found[2])) if found else (folder, 1)


def next_version(folder: Path) -> Path:
    """``runs/shop-v2`` after ``runs/shop``, ``runs/shop-v3`` after that; one that is not there."""
    folder = folder if folder.name not in ("", "..") else folder.resolve()
    stem, number = stem_and_number(folder.name)
    later = (folder.with_name(f"{stem}-v{n}") for n in count(number + 1))
    return next(each for each in later if not each.exists())
