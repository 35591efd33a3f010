"""MovieLens as CSV: ``ml-latest``, ``ml-latest-small``, 20M, 25M and 32M."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from palate.data.readers import delimited
from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.paths import member, sibling, strip_gz

NAME = "movielens-csv"
SUMMARY = "MovieLens latest, 20M, 25M, 32M: ratings.csv, movies.csv"


def find(path: Path) -> Files | None:
    """A folder with ``ratings.csv`` and ``movies.csv``, or the former beside the latter."""
    ratings = member(path, "ratings.csv") if path.is_dir() else path
    if ratings is None or strip_gz(ratings).name != "ratings.csv":
        return None
    movies = sibling(ratings, "movies.csv")
    return Files(ratings, movies) if movies is not None else None


def has_items(path: Path) -> bool:
    """``movies.csv``."""
    return strip_gz(path).name == "movies.csv"


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of ``ratings.csv``."""
    return delimited.interactions(path, columns)


def items(path: Path, columns: Columns) -> Items:
    """Items of ``movies.csv``: title with year, genres."""
    found = delimited.items(path, columns)
    if "genres" not in found.frame.columns:
        return found
    listed = pl.col("genres").replace("(no genres listed)", None)
    frame = found.frame.with_columns(listed.str.replace_all("|", ", ", literal=True))
    return replace(found, frame=frame)
