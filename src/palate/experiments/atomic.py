"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import yaml


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes *path* if the block ends well, and vanishes if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield staged
        os.replace(staged, path)
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def replacing_files(folder: Path) -> Iterator[Path]:
    """A folder to write several files to; they move into *folder* if the block ends well."""
    folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".staged-", dir=folder))
    try:
        yield staged
        for made in sorted(staged.iterdir()):
            place = folder / made.name
            if place.is_dir():
                shutil.rmtree(place)
            os.replace(made, place)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write *text* in UTF-8."""
    with replacing(path) as staged:
        staged.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write *value* as JSON that is pleasant to read; not-a-number is an error, not a word."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_yaml(path: Path, value: Any) -> None:
    """Write *value* as YAML, keys in the order given."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame as Parquet."""
    with replacing(path) as staged:
        frame.write_parquet(staged)
