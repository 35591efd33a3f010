"""A small shop of two tastes: events of a first period, and of later ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from palate.data.load import DataConfig

TINY: dict[str, Any] = {"epochs": 2, "width": 8, "length": 8, "layers": 1, "batch_size": 32}


def events(path: Path, users: range, items: int, start: int, count: int, seed: int = 0) -> Path:
    """*count* events; a user likes what is of the same parity."""
    random = np.random.default_rng([seed, start])
    rows = []
    for n in range(count):
        user, item = int(random.choice(users)), int(random.integers(items))
        rows.append(f"u{user},i{item},{start + n},{5 if (user - item) % 2 == 0 else 2}")
    path.write_text("\n".join(["user,item,time,rating", *rows]) + "\n")
    return path


def titles(path: Path, items: range) -> Path:
    """A file of items."""
    rows = [f"i{item},{'Even' if item % 2 == 0 else 'Odd'} film {item}" for item in items]
    path.write_text("\n".join(["item,title", *rows]) + "\n")
    return path


def shop(folder: Path) -> DataConfig:
    """The first period, and beside it ``new.csv``, ``newer.csv`` and ``new_items.csv``."""
    old = events(folder / "old.csv", range(30), 20, 1_000_000_000, 500)
    events(folder / "new.csv", range(10, 34), 22, 1_000_010_000, 200)
    events(folder / "newer.csv", range(10, 36), 24, 1_000_020_000, 200)
    titles(folder / "new_items.csv", range(24))
    return DataConfig(
        interactions=old,
        items=titles(folder / "items.csv", range(20)),
        like_from=4,
        unseen_items="drop",
    )


def hashes(folder: Path) -> dict[str, str]:
    """Of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
