"""People who asked to be forgotten, known by salted hashes of their ids alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl

from palate.data.dataset import Dataset
from palate.errors import DataError


def digest(salt: str, user: str) -> str:
    """What somebody is remembered by."""
    return hashlib.sha256(f"{salt}\n{user}".encode()).hexdigest()


def write(path: Path, salt: str, digests: Iterable[str]) -> None:
    """Write a file for :func:`without`: the salt, then a hash in each line."""
    path.write_text("\n".join([salt, *sorted(digests)]) + "\n", "utf-8")


def without(dataset: Dataset, path: Path) -> tuple[Dataset, int]:
    """The data without the people of a file, and how many events that took away.

    Items stay, so that their indices do.

    Raises:
        DataError: the file is not there, or nobody else is left.
    """
    try:
        salt, *digests = path.expanduser().read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); put the file back") from None
    gone = set(digests)
    users = [user for user in dataset.users if digest(salt, user) in gone]
    events = dataset.interactions
    kept = events.filter(~pl.col("user").is_in(users))
    if kept.is_empty():
        raise DataError(f"{path}: everyone asked to be forgotten; there is nothing to learn from")
    attributes = dataset.user_attributes
    if attributes is not None:
        attributes = attributes.filter(~pl.col("user").is_in(users))
    found = replace(dataset, interactions=kept, user_attributes=attributes)
    return found, len(events) - len(kept)
