"""From raw tables to typed ones; what does not fit is an error that names row and column."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Interactions, Items
from palate.data.readers.columns import (
    COMMON,
    ITEM_ID,
    ROW_ORDER,
    USER_ID,
    first_common,
    locate,
    required,
)
from palate.errors import DataError

DATES = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
)


def typed_interactions(
    frame: pl.DataFrame, columns: Columns, path: Path, first_row: int, note: str = ""
) -> Interactions:
    """``user``, ``item``, ``time`` and perhaps ``rating`` and ``domain`` out of a raw table.

    Args:
        frame: columns as read, text or typed.
        first_row: what a person calls the first row of *frame* in the file.
    """
    names = frame.columns
    user = required(names, "user", columns.user, path)
    item = required(names, "item", columns.item, path)
    rating = locate(names, "rating", columns.rating, path)
    has_clock = columns.time != ROW_ORDER
    kept = {"user": ids(frame[user], path, first_row), "item": ids(frame[item], path, first_row)}
    taken = f"user={user}, item={item}"
    if has_clock:
        time = required(names, "time", columns.time, path)
        kept["time"] = times(frame[time], path, first_row)
        taken += f", time={time}"
    else:
        kept["time"] = pl.int_range(len(frame), dtype=pl.Int64, eager=True)
        taken += ", time=order of rows"
    if rating is not None:
        kept["rating"] = numbers(frame[rating], path, first_row)
        taken += f", rating={rating}"
    domain = locate(names, "domain", None, path)
    if domain is not None:
        kept["domain"] = frame[domain].cast(pl.String)
        taken += f", domain={domain}"
    text = f"{path.name}: {taken}" + (f"; {note}" if note else "")
    return Interactions(pl.DataFrame(kept), text, has_clock)


def typed_items(frame: pl.DataFrame, columns: Columns, path: Path, first_row: int) -> Items:
    """``item``, ``title`` and the other attributes out of a raw table of items.

    Raises:
        DataError: no id or title column, an empty id, or an id that stands twice.
    """
    # A name given for the interactions may not be that of the file of items.
    given = columns.item if columns.item in frame.columns else None
    item = required(frame.columns, "item", given, path, ITEM_ID)
    title = required(frame.columns, "title", columns.title, path)
    kept = unique_ids(frame[item], path, first_row)
    rest = _attributes(frame, {item, title}, {"item", "title"})
    domain = first_common(rest.columns, COMMON["domain"])
    if domain is not None:
        rest = rest.rename({domain: "domain"}).with_columns(pl.col("domain").cast(pl.String))
    titles = frame[title].cast(pl.String)
    return Items(pl.DataFrame({"item": kept, "title": titles}).hstack(rest), first_row, title)


def typed_users(frame: pl.DataFrame, columns: Columns, path: Path, first_row: int) -> pl.DataFrame:
    """``user`` and the other attributes out of a raw table of users."""
    given = columns.user if columns.user in frame.columns else None
    user = required(frame.columns, "user", given, path, USER_ID)
    kept = unique_ids(frame[user], path, first_row)
    return pl.DataFrame({"user": kept}).hstack(_attributes(frame, {user}, {"user"}))


def _attributes(frame: pl.DataFrame, taken: set[str], reserved: set[str]) -> pl.DataFrame:
    """The other columns, without RecBole's types in their names."""
    names = {name: name.split(":")[0] for name in frame.columns if name not in taken}
    return frame.select(pl.col(old).alias(new) for old, new in names.items() if new not in reserved)


def ids(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Ids as strings; an empty one is an error."""
    if column.dtype.is_float():  # 1.0 and 1 are one id to a person
        whole = column.cast(pl.Int64, strict=False)
        column = whole if (whole == column).fill_null(True).all() else column
    text = column.cast(pl.String)
    empty = text.is_null() | (text == "")
    if empty.any():
        raise DataError(
            f"{_place(column, empty, path, first_row)}: the id is empty "
            f"({int(empty.sum())} such rows); fill it in or delete the row"
        )
    return text


def unique_ids(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Ids as strings; one that stands twice is an error."""
    text = ids(column, path, first_row)
    again = ~text.is_first_distinct()
    if again.any():
        value = text.filter(again)[0]
        raise DataError(
            f"{_place(column, again, path, first_row)}: id '{value}' stands already in row "
            f"{_row(text == value, first_row)} ({int(again.sum())} such rows); keep one row per id"
        )
    return text


def times(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Times as int64: numbers in the source's own unit, dates in microseconds since 1970."""
    if column.dtype.is_temporal():
        bad = column.is_null()
        values = column.cast(pl.Datetime("us")).cast(pl.Int64)
    else:
        values = column.cast(pl.Int64, strict=False)
        if column.dtype.is_float() or values.is_null().any():
            values = _whole(column.cast(pl.Float64, strict=False))
        bad = values.is_null()
        if bad.any() and column.dtype == pl.String:
            dates = _dates(column)
            values, bad = (values, bad) if dates is None else (dates, dates.is_null())
    if bad.any():
        value = column.filter(bad)[0]
        empty = value is None or value == ""
        what = "the time is empty" if empty else f"'{value}' is neither a number nor a date"
        raise DataError(
            f"{_place(column, bad, path, first_row)}: {what} ({int(bad.sum())} such rows); "
            "write seconds since 1970 or YYYY-MM-DD HH:MM:SS"
        )
    return values


def _whole(values: pl.Series) -> pl.Series:
    """Floats as int64; in millionths if any has a fraction, since fractions order events too."""
    finite = pl.select(pl.when(values.is_finite()).then(values)).to_series()
    if (finite != finite.floor()).any():
        finite = (finite * 1e6).round()
    return finite.cast(pl.Int64, strict=False)


def _dates(column: pl.Series) -> pl.Series | None:
    """Dates in microseconds since 1970, by the one pattern that fits every row."""
    for pattern in DATES:
        found = column.str.to_datetime(pattern, time_unit="us", strict=False)
        if not found.is_null().any():
            return found.cast(pl.Int64)
    days = column.str.to_date("%Y-%m-%d", strict=False)
    return None if days.is_null().any() else days.cast(pl.Datetime("us")).cast(pl.Int64)


def numbers(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Ratings as float64; an empty one stays null, text is an error."""
    values = column.cast(pl.Float64, strict=False)
    if not values.is_null().any():
        return values
    bad = values.is_null() & column.is_not_null()
    if column.dtype == pl.String:
        bad &= column != ""
    if bad.any():
        raise DataError(
            f"{_place(column, bad, path, first_row)}: '{column.filter(bad)[0]}' is not a number; "
            "mend it or take another --rating-column"
        )
    return values


def _place(column: pl.Series, bad: pl.Series, path: Path, first_row: int) -> str:
    return f"{path}: row {_row(bad, first_row)}, column '{column.name}'"


def _row(bad: pl.Series, first_row: int) -> int:
    return int(bad.arg_max() or 0) + first_row
