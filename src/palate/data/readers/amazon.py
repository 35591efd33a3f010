"""Amazon reviews of 2014, 2018 and 2023, with their metadata.

2014: ``reviews_Beauty_5.json.gz``, ``ratings_Beauty.csv`` (user, item), ``meta_Beauty.json.gz``.
2018: ``Video_Games_5.json.gz``, ``Video_Games.csv`` (item, user), ``meta_Video_Games.json.gz``.
2023: ``Video_Games.jsonl.gz``, ``Video_Games.csv.gz`` (header), ``meta_Video_Games.jsonl.gz``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from palate.data.readers import delimited, jsonlines
from palate.data.readers.base import Columns, Files, Interactions, Items
from palate.data.readers.encoding import utf8
from palate.data.readers.paths import strip_gz
from palate.data.readers.text import head, read_bytes, table
from palate.data.readers.typed import typed_interactions, typed_items
from palate.errors import DataError

NAME = "amazon"
SUMMARY = "Amazon reviews 2014, 2018, 2023: reviews or ratings, and meta_*"

ASIN = re.compile(r"B[0-9A-Z]{9}|\d{9}[\dX]")
HEADLESS = re.compile(rb'"?[^,"\s]+"?,"?[^,"\s]+"?,[1-5](\.0)?,\d{9,13}\r?$')
# What a recommender can use of the metadata, under the names of the three editions.
ATTRIBUTES = {
    "brand": ("brand", "store"),
    "categories": ("categories", "category"),
    "text": ("description",),
    "price": ("price",),
}


def find(path: Path) -> Files | None:
    """A folder with one ``meta_*`` and its reviews or ratings, or a file of these."""
    if path.is_file():
        return Files(path, _meta_of(path)) if _has_reviews(path) else None
    found = sorted(p for p in path.iterdir() if p.is_file())
    categories = {_category(p) for p in found if has_items(p)}
    events = [
        p for p in found if not has_items(p) and _category(p) in categories and _has_reviews(p)
    ]
    if len(events) > 1:
        raise DataError(f"{path}: several files of events {[p.name for p in events]}; name one")
    return Files(events[0], _meta_of(events[0])) if events else None


def has_items(path: Path) -> bool:
    """A ``meta_*`` file."""
    return path.name.startswith("meta_") and strip_gz(path).suffix in jsonlines.SUFFIXES


def _category(path: Path) -> str:
    stem = strip_gz(path).stem
    for prefix in ("reviews_", "ratings_", "meta_"):
        stem = stem.removeprefix(prefix)
    return stem.removesuffix("_5")


def _meta_of(path: Path) -> Path | None:
    beside = sorted(p for p in path.parent.glob("meta_*") if has_items(p))
    return next((p for p in beside if _category(p) == _category(path)), None)


def _has_reviews(path: Path) -> bool:
    line = head(path, 200_000).split(b"\n")[0]
    if strip_gz(path).suffix in jsonlines.SUFFIXES:
        return b'"asin"' in line and (b'"reviewerID"' in line or b'"user_id"' in line)
    if strip_gz(path).suffix != ".csv":
        return False
    return b"parent_asin" in line or (HEADLESS.match(line) is not None and _order(path) is not None)


def _order(path: Path) -> list[str] | None:
    """Whether a ratings file without header says user, item (2014) or item, user (2018)."""
    lines = head(path).decode("utf-8", "replace").split("\n")[:1000]
    pairs = [line.replace('"', "").split(",")[:2] for line in lines if line.count(",") == 3]
    first, second = (sum(bool(ASIN.fullmatch(p[i])) for p in pairs) for i in (0, 1))
    if max(first, second) < 0.9 * len(pairs) or not pairs:
        return None
    kinds = ["item", "user"] if first > second else ["user", "item"]
    return [*kinds, "rating", "time"]


def interactions(path: Path, columns: Columns) -> Interactions:
    """Events of reviews or ratings; the time is in seconds before 2023 and milliseconds then."""
    if strip_gz(path).suffix in jsonlines.SUFFIXES:
        return jsonlines.interactions(path, columns)
    if b"parent_asin" in head(path).split(b"\n")[0]:
        return delimited.interactions(path, columns)
    frame = table(read_bytes(path), path, ",", names=_order(path))
    return typed_interactions(frame, columns, path, first_row=1)


def items(path: Path, columns: Columns) -> Items:
    """Products of a metadata file: title, brand, categories, description, price.

    The files repeat some products; the first entry of each counts.
    """
    rows: dict[str, dict[str, Any]] = {}
    count = 0
    for row, entry in enumerate(jsonlines.objects(utf8(read_bytes(path), path, ""), path), start=1):
        item = entry.get("parent_asin") or entry.get("asin")
        if not item:
            raise DataError(f"{path}: row {row}: no key 'asin' or 'parent_asin'; delete the row")
        count += 1
        if item not in rows:
            rows[item] = {"item": item, "title": entry.get("title")} | {
                name: jsonlines.text_of(next((entry[k] for k in keys if entry.get(k)), None))
                for name, keys in ATTRIBUTES.items()
            }
    frame = pl.DataFrame(list(rows.values()), schema=["item", "title", *ATTRIBUTES], orient="row")
    frame = frame.cast(pl.String)
    found = typed_items(frame, Columns(), path, first_row=1)
    note = f"{count - len(rows)} repeated entries left out" if count > len(rows) else ""
    return replace(found, note=note, selective=False)
