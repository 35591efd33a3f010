"""Domains: several data sets as one, and what each item's domain is.

Users are shared by id. Items are not: an id that two data sets use is put behind the name of the
domain in both, ``books:17``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.readers import Interactions, Items, detect
from palate.errors import DataError

UNITS_APART = 30  # times that differ by such a factor are of different units: s, ms, µs


@dataclass(frozen=True)
class Part:
    """One data set as it was read: that of a domain, or all there is.

    Attributes:
        domain: its name; None where there is a single data set.
        path: of the interactions.
        items_path: of the items, where there is such a file.
        users: ``user`` and attributes, where there is such a file.
    """

    domain: str | None
    path: Path
    read: Interactions
    items: Items | None = None
    items_path: Path | None = None
    users: pl.DataFrame | None = None


def folders(path: Path) -> dict[str, str] | None:
    """The domains of a folder that holds nothing but two folders or more, each a data set.

    Raises:
        DataError: it holds folders only, and one of them cannot be read.
    """
    inside = [each for each in sorted(path.iterdir()) if not each.name.startswith(".")]
    if len(inside) < 2 or not all(each.is_dir() for each in inside):
        return None
    for each in inside:
        try:
            detect(each)
        except DataError as error:
            raise DataError(f"{path}: a folder of domains, of which one is none: {error}") from None
    return {each.name: str(each) for each in inside}


def join(parts: Sequence[Part]) -> tuple[Interactions, list[Part]]:
    """Data sets as one: their events together, and the parts with ids that tell items apart.

    Where all have a clock, events are in the order of time. Where one has none, they are one domain
    after the other: an order across domains is not known then.

    Raises:
        DataError: the clocks are of different units.
    """
    shared = _shared_ids(parts)
    renamed = [_renamed(part, shared) for part in parts]
    has_clock = all(part.read.has_clock for part in parts)
    if has_clock:
        _check_units(parts)
    frame = pl.concat([part.read.frame for part in renamed], how="diagonal_relaxed")
    notes = [f"{part.domain}: {part.read.note}" for part in parts]
    if not has_clock:
        frame = frame.with_columns(time=pl.int_range(len(frame), dtype=pl.Int64))
        notes.append("no common clock: a user's events are one domain after the other")
    if len(shared):
        notes.append(
            f"{len(shared)} item ids that domains share are told apart: '{shared[0]}' is "
            f"'{parts[0].domain}:{shared[0]}'"
        )
    notes += _doubts(renamed)
    dropped = sum(part.read.dropped for part in parts)
    return Interactions(frame, "; ".join(notes), has_clock, dropped), renamed


def _shared_ids(parts: Sequence[Part]) -> pl.Series:
    ids = []
    for part in parts:
        tables = [part.read.frame] + ([part.items.frame] if part.items is not None else [])
        ids.append(pl.concat([table["item"] for table in tables]).unique(maintain_order=True))
    together = pl.concat(ids)
    return together.filter(together.is_duplicated()).unique(maintain_order=True)


def _renamed(part: Part, shared: pl.Series) -> Part:
    ambiguous = pl.col("item").is_in(shared.implode())
    named = pl.when(ambiguous).then(pl.lit(f"{part.domain}:") + pl.col("item")).otherwise("item")
    columns = {"item": named, "domain": pl.lit(part.domain)}
    read = replace(part.read, frame=part.read.frame.with_columns(**columns))
    items = part.items
    if items is not None:
        items = replace(items, frame=items.frame.with_columns(**columns))
    return replace(part, read=read, items=items)


def _check_units(parts: Sequence[Part]) -> None:
    """Raise a DataError where one data set counts seconds and another milliseconds."""
    newest: list[tuple[int, Part]] = [
        (max(1, int(part.read.frame["time"].cast(pl.Int64).max() or 0)), part)  # type: ignore[arg-type]
        for part in parts
    ]
    (low, first), (high, last) = min(newest, key=_first), max(newest, key=_first)
    if high > UNITS_APART * low:
        raise DataError(
            f"{last.path}: times up to {high}, where those of {first.path} end at {low}: the "
            "clocks count in different units; write both in seconds since 1970"
        )


def _first(pair: tuple[int, Part]) -> int:
    return pair[0]


def _doubts(parts: Sequence[Part]) -> list[str]:
    """What looks like numbers of rows taken for people."""
    users = {str(part.domain): part.read.frame["user"].unique() for part in parts}
    doubts = []
    for (a, of_a), (b, of_b) in combinations(users.items(), 2):
        fewer = min(of_a, of_b, key=len)
        both = int(of_a.is_in(of_b.implode()).sum())
        if both > 0.9 * len(fewer) and fewer.str.contains(r"^\d+$").all():
            doubts.append(
                f"{both} of {len(fewer)} users are in both {a} and {b}: if each file numbers its "
                "own users, name a column of ids that mean the same person with --user-column"
            )
    return doubts


def with_domains(catalogue: Catalogue, events: pl.DataFrame) -> tuple[Catalogue, str]:
    """The catalogue with each item's domain: what its own table says, else what its events say.

    Args:
        events: columns ``item`` and ``domain``, as far as events say one.

    Returns:
        The catalogue, and a note where an item's domain stays unknown.

    Raises:
        DataError: an item without a domain of its own has events in two.
    """
    frame = catalogue.frame
    if "domain" not in events.columns and "domain" not in frame.columns:
        return catalogue, ""
    if "domain" not in frame.columns:
        frame = frame.with_columns(domain=pl.lit(None, dtype=pl.String))
    frame = frame.with_columns(domain=_known(pl.col("domain")))
    if "domain" in events.columns:
        pairs = events.select("item", said=_known(pl.col("domain"))).drop_nulls().unique()
        bare = frame.filter(pl.col("domain").is_null()).select("item")
        _check_one_domain(pairs.join(bare, on="item"))
        pairs = pairs.unique("item")
        frame = frame.join(pairs, on="item", how="left", maintain_order="left")
        frame = frame.with_columns(domain=pl.coalesce("domain", "said")).drop("said")
    missing = frame["domain"].null_count()
    return Catalogue(frame), f"{missing} items are of no known domain" if missing else ""


def _known(column: pl.Expr) -> pl.Expr:
    text = column.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _check_one_domain(pairs: pl.DataFrame) -> None:
    twice = pairs.filter(pl.col("item").is_duplicated()).sort("item", "said")
    if len(twice):
        item = twice["item"][0]
        first, second = twice.filter(pl.col("item") == item)["said"].to_list()[:2]
        raise DataError(
            f"column 'domain': item '{item}' has events in '{first}' and in '{second}' "
            f"({twice['item'].n_unique()} such items); an item has one domain: give it in the file "
            "of items, or two ids to two items"
        )


def domain_counts(dataset: Dataset) -> list[dict[str, Any]]:
    """``name, users, items, events`` of each domain; none where no domains are known."""
    catalogue = dataset.catalogue
    users, domains = dataset.user_codes, catalogue.domain_codes[dataset.item_codes]
    pairs = pl.DataFrame({"domain": domains, "user": users})
    counted = pairs.group_by("domain").agg(pl.len().alias("events"), pl.col("user").n_unique())
    found = {domain: (events, people) for domain, events, people in counted.iter_rows()}
    items = pl.Series(catalogue.domain_codes).value_counts()
    size = dict(items.iter_rows())
    return [
        {
            "name": name,
            "users": found.get(code, (0, 0))[1],
            "items": size[code],
            "events": found.get(code, (0, 0))[0],
        }
        for code, name in enumerate(catalogue.domains)
    ]


def shared_users(dataset: Dataset) -> list[tuple[str, str, int]]:
    """For each two domains, how many users have events in both; most first."""
    names = dataset.catalogue.domains
    domains = dataset.catalogue.domain_codes[dataset.item_codes]
    pairs = pl.DataFrame({"domain": domains, "user": dataset.user_codes}).unique()
    both = pairs.join(pairs, on="user").filter(pl.col("domain") < pl.col("domain_right"))
    counts = {(a, b): n for a, b, n in both.group_by("domain", "domain_right").len().iter_rows()}
    rows = [
        (names[a], names[b], counts.get((a, b), 0)) for a, b in combinations(range(len(names)), 2)
    ]
    return sorted(rows, key=lambda row: -row[2])
