"""From a name, a folder or files to a :class:`Dataset`, with a record of every step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from palate.config import Config
from palate.data import assemble, domains
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset, Step
from palate.data.domains import Part
from palate.data.filters import Events
from palate.data.readers import Columns, Files, Items, Reader, ReadsUsers, detect, detect_items
from palate.data.sources import NamedData, fetch, get, names
from palate.data.split_names import parse_split
from palate.data.updates import Update, append
from palate.errors import ConfigError, DataError

LIKED = 0.8  # of the highest rating: four of five stars, as in the papers that ask for likes


class DataConfig(Config):
    """Which data, and how it is prepared and split."""

    data: str | None = None
    """A named data set (see ``palate data ls``), or a folder or file to read. A folder of nothing
    but folders that can be read is one data set, each folder a domain of it."""
    domains: dict[str, str] | None = None
    """In place of ``data``, several data sets as one: ``NAME=PATH,NAME=PATH``, where a path may be
    a named data set too. Users are shared by id."""
    interactions: Path | None = None
    """File of interactions, in place of ``data``: who touched which item, when."""
    items: Path | None = None
    """File of items: their titles and attributes. Without one, titles are the ids."""
    format: str = "auto"
    """Format of the interactions; auto finds it by names and content."""
    user_column: str | None = None
    """Column of the user's id, where it has none of the common names."""
    item_column: str | None = None
    """Column of the item's id, where it has none of the common names."""
    time_column: str | None = None
    """Column of the time; ``-`` takes the order of the rows as the order of the events."""
    rating_column: str | None = None
    """Column of the rating, where it has none of the common names."""
    title_column: str | None = None
    """Column of the item's title, where it has none of the common names."""
    untitled: Literal["error", "id"] = "error"
    """What becomes of an item without a title: an error, or its id is its title."""
    unseen_items: Literal["auto", "keep", "drop"] = "auto"
    """Items without an event: keep them in the catalogue to be ranked, or drop them. Auto keeps
    them, unless there is a k-core or the file describes a whole shop (Amazon's metadata)."""
    min_rating: float | None = None
    """Keep only events rated at least this; not set, every event counts."""
    like_from: float | None = None
    """Lowest rating of what a person liked; not set, four fifths of the highest there is."""
    duplicates: Literal["all", "last"] = "all"
    """A user's repeated events with one item: keep all, or only the last."""
    users: int | None = Field(None, ge=1)
    """Keep only the events of so many users, drawn at random; not set, of all."""
    k_core: int = Field(0, ge=0)
    """Drop users and items with fewer events than this, again and again until none is left."""
    split: str = "leave-one-out"
    """How events become training, validation and test: leave-one-out, user-holdout, temporal,
    few-shot:N, cross-domain:SOURCE>TARGET, cold-items:SHARE or cold-users:K."""
    split_seed: int = 0
    """Seed of every draw: of users who are kept, held out or tested, of items that are cold."""
    test_users: int | None = Field(None, ge=1)
    """Users who are tested, drawn at random; not set, all who can be."""
    updates: tuple[Update, ...] | None = None
    """Files of later events that were added, oldest first; ``palate update`` sets them."""

    @field_validator("domains", mode="before")
    @classmethod
    def _named_paths(cls, value: Any) -> Any:
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in re.split(r",(?=[^,=/]+=)", value)]
            if len({name.strip() for name, _, _ in pairs}) < len(pairs):
                raise ValueError("a domain is named twice; each needs a name of its own")
            value = {name.strip(): path.strip() for name, _, path in pairs}
        if isinstance(value, Mapping) and not (len(value) > 1 and all(map(_fits, value.items()))):
            raise ValueError(
                "wants two domains or more, as NAME=PATH,NAME=PATH; names of letters, digits, . _ -"
            )
        return value

    @field_validator("split")
    @classmethod
    def _known_split(cls, value: str) -> str:
        try:
            return str(parse_split(value))
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if sum(each is not None for each in (self.data, self.interactions, self.domains)) != 1:
            raise ValueError(
                "give either data (a name or a path), or interactions (a file), or domains "
                "(NAME=PATH,NAME=PATH)"
            )
        if self.items is not None and self.domains is not None:
            raise ValueError("each domain has its own file of items; give domains without items")
        return self

    @property
    def columns(self) -> Columns:
        """The columns that a person named."""
        return Columns(
            user=self.user_column,
            item=self.item_column,
            time=self.time_column,
            rating=self.rating_column,
            title=self.title_column,
        )


def _fits(pair: tuple[Any, Any]) -> bool:
    name, path = pair
    return bool(path) and re.fullmatch(r"\w[\w.-]*", str(name)) is not None


def load(config: DataConfig, progress: bool = False) -> Dataset:
    """Read, check and filter; every step leaves a row in :attr:`Dataset.steps`.

    Args:
        progress: show a bar while a named data set is fetched.

    Raises:
        ConfigError: no data set or format has that name.
        DataError: a file cannot be used; the message names file, row, column and the mend.
        SourceError: a named data set cannot be fetched.
    """
    paths = _domains(config)
    parts = [_part(config, path, domain, progress) for domain, path in paths]
    read = parts[0].read
    if len(parts) > 1:
        read, parts = domains.join(parts)
    events = Events(read.frame)
    events.record("read", read.note, read.dropped)
    _filter(events, config, parts)
    catalogue, note = _catalogue(events, config, parts)
    last = events.steps[-1]
    step = Step("catalogue", last.users, len(catalogue), len(events), 0, note)
    named = [get(path) for _, path in paths if path in names()]
    dataset = Dataset(
        name=_name(config, named),
        catalogue=catalogue,
        interactions=events.table.drop("domain", strict=False),
        steps=(*events.steps, step),
        licence="; ".join(dict.fromkeys(one.licence for one in named)) or None,
        citation="; ".join(dict.fromkeys(one.citation for one in named)) or None,
        has_clock=read.has_clock,
        user_attributes=_user_attributes(parts),
        like_from=_like_from(events.table, config, parts[0].path),
    )
    for update in config.updates or ():
        dataset = append(dataset, update, config)
    return dataset


def _like_from(table: pl.DataFrame, config: DataConfig, path: Path) -> float | None:
    rated = "rating" in table.columns and table["rating"].null_count() < len(table)
    if not rated and config.like_from is not None:
        raise DataError(
            f"{path}: row 1: no rating column, which --like-from needs; name it with "
            "--rating-column"
        )
    if not rated:
        return None
    if config.like_from is not None:
        return config.like_from
    return LIKED * float(table["rating"].max())  # type: ignore[arg-type]


def _name(config: DataConfig, named: Sequence[NamedData]) -> str:
    if config.domains is not None:
        return "-".join(config.domains)
    if named:
        return named[0].name
    return Path(config.data or config.interactions or "").name


def _domains(config: DataConfig) -> Sequence[tuple[str | None, str]]:
    """The name or path of each domain; of a single data set under the name None."""
    if config.domains is not None:
        return list(config.domains.items())
    path = str(config.data or config.interactions)
    folder = Path(path).expanduser()
    if config.data is not None and config.data not in names() and folder.is_dir():
        inside = domains.folders(folder)
        if inside is not None:
            return list(inside.items())
    return [(None, path)]


def _part(config: DataConfig, path: str, domain: str | None, progress: bool) -> Part:
    reader, files = _find(config, path, progress)
    items, items_reader = None, reader
    if config.items is not None:  # may be of another format than the interactions
        files = replace(files, items=config.items.expanduser())
    read = reader.interactions(files.interactions, config.columns)
    if files.items is not None:
        if config.items is not None:
            items_reader = detect_items(files.items)
        items = items_reader.items(files.items, config.columns)
    users = None
    if files.users is not None and isinstance(reader, ReadsUsers):
        users = reader.users(files.users, config.columns)
    return Part(domain, files.interactions, read, items, files.items, users)


def _find(config: DataConfig, path: str, progress: bool) -> tuple[Reader, Files]:
    found = Path(path).expanduser()
    if config.interactions is not None:
        return detect(found, config.format)
    if path in names():
        return detect(fetch(path, progress))
    if not found.exists():
        get(path)  # raises: the error offers the nearest name
    return detect(found, config.format)


def _filter(events: Events, config: DataConfig, parts: Sequence[Part]) -> None:
    path = ", ".join(str(part.path) for part in parts)
    if config.min_rating is not None:
        if "rating" not in events.table.columns:
            raise DataError(
                f"{path}: row 1: no rating column, which --min-rating needs; name it with "
                "--rating-column"
            )
        unrated = events.table["rating"].null_count()
        note = f"rated at least {config.min_rating:g}"
        note += f"; {unrated} had no rating" if unrated else ""
        events.keep(events.rated(config.min_rating), "min rating", note)
    if config.duplicates == "last":
        events.keep(events.last_of_pairs(), "duplicates", "a user's last event with each item")
    if config.users is not None:
        note = f"{config.users} users, drawn at random (seed {config.split_seed})"
        events.keep(events.of_some_users(config.users, config.split_seed), "users", note)
    if config.k_core > 1:
        note = f"users and items with {config.k_core} events or more"
        events.keep(events.k_core(config.k_core), "k-core", note)
    if not len(events):
        told = ", ".join(f"{step.name} left {step.events}" for step in events.steps)
        raise DataError(f"{path}: no event is left ({told}); filter less")


def _catalogue(events: Events, config: DataConfig, parts: Sequence[Part]) -> tuple[Catalogue, str]:
    frames, notes = [], []
    for part in parts:
        seen = events.items if part.domain is None else _seen_in(events, part.domain)
        catalogue, note = _catalogue_of(part, seen, config)
        frame = catalogue.frame
        if part.domain is not None:
            frame = frame.with_columns(domain=pl.lit(part.domain))
            note = f"{part.domain}: {note}"
        frames.append(frame)
        notes.append(note)
    whole = Catalogue(pl.concat(frames, how="diagonal_relaxed"))
    whole, note = domains.with_domains(whole, events.table)
    return whole, "; ".join(notes + [note] * bool(note))


def _catalogue_of(part: Part, seen: pl.Series, config: DataConfig) -> tuple[Catalogue, str]:
    items: Items | None = part.items
    if items is None or part.items_path is None:
        return assemble.without_file(seen)
    keep = assemble.keeps_unseen(items, config.unseen_items, config.k_core)
    return assemble.from_file(items, part.items_path, seen, config.untitled, keep)


def _seen_in(events: Events, domain: str) -> pl.Series:
    """Ids of the items of a domain that have events, in order of first appearance."""
    inside = events.table.filter(pl.col("domain") == domain)
    if inside.is_empty():
        raise DataError(f"domain '{domain}': no event is left of it; filter less, or leave it out")
    return inside["item"].unique(maintain_order=True)


def _user_attributes(parts: Sequence[Part]) -> pl.DataFrame | None:
    """What any part says of the users; of one that two describe, what the first says."""
    tables = [part.users for part in parts if part.users is not None]
    if len(tables) < 2:
        return tables[0] if tables else None
    return pl.concat(tables, how="diagonal_relaxed").unique(
        "user", keep="first", maintain_order=True
    )
