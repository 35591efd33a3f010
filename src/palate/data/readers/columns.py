"""Which column is which, and from text to typed columns with errors that name the row."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from palate.data.readers.base import Columns, Read
from palate.errors import DataError

ROW_ORDER = "-"

# Compared without case and punctuation, so userId, user_id and "User ID" are one name. Earlier
# names win where a file has several.
COMMON = {
    "user": ["user", "userid", "uid", "u", "reviewerid", "customerid", "customer", "memberid", "visitorid", "accountid", "personid", "clientid", "sessionid", "session", "useridx"],
    "item": ["item", "itemid", "iid", "i", "parentasin", "asin", "movieid", "productid", "product", "bookid", "artistid", "trackid", "songid", "gameid", "businessid", "articleid", "newsid", "contentid", "isbn", "sku", "movie", "book", "artist", "track", "song", "itemidx"],
    "time": ["time", "timestamp", "unixreviewtime", "unixtime", "ts", "eventtime", "datetime", "date", "createdat", "ratedat"],
    "rating": ["rating", "overall", "stars", "score", "rate", "ratings"],
    "title": ["title", "name", "movietitle", "itemtitle", "itemname", "productname", "producttitle", "booktitle", "artistname", "trackname", "songname", "gamename", "headline"],
}
ITEM_ID = (*COMMON["item"], "id")


def plain(name: str) -> str:
    """A column name without case, punctuation or RecBole's type suffix."""
    return re.sub(r"[^a-z0-9]", "", name.split(":")[0].lower())


def locate(
    names: Sequence[str], role: str, given: str | None, path: Path, common: Sequence[str] = ()
) -> str | None:
    """The column of *names* that plays *role*: the given one, or the first of the common names.

    Raises:
        DataError: a column was given and is not there.
    """
    if given is not None:
        if given in names:
            return given
        near = difflib.get_close_matches(given, names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise DataError(f"{path}: row 1: no column '{given}' for the {role}; it has {names}{hint}")
    by_plain = {plain(name): name for name in reversed(names)}
    return next((by_plain[c] for c in (common or COMMON[role]) if c in by_plain), None)


def required(
    names: Sequence[str], role: str, given: str | None, path: Path, common: Sequence[str] = ()
) -> str:
    """Like :func:`locate`, for a column that must be there."""
    found = locate(names, role, given, path, common)
    if found is not None:
        return found
    mend = f"name it with --{role}-column"
    if role == "time":
        mend += f", or give --time-column {ROW_ORDER} if the rows are in the order of the events"
    raise DataError(f"{path}: row 1: no {role} column among {list(names)}; {mend}")


def typed_interactions(
    frame: pl.DataFrame, columns: Columns, path: Path, first_row: int, note: str = ""
) -> Read:
    """``user``, ``item``, ``time`` and perhaps ``rating`` out of a raw table.

    Args:
        frame: columns as read, text or typed.
        first_row: what the person calls the first row of *frame* in the file.
    """
    names = frame.columns
    user = required(names, "user", columns.user, path)
    item = required(names, "item", columns.item, path)
    rating = locate(names, "rating", columns.rating, path)
    has_clock = columns.time != ROW_ORDER
    kept = {"user": ids(frame[user], path, first_row), "item": ids(frame[item], path, first_row)}
    if has_clock:
        time = required(names, "time", columns.time, path)
        kept["time"] = times(frame[time], path, first_row)
        taken = f"user={user}, item={item}, time={time}"
    else:
        kept["time"] = pl.int_range(len(frame), dtype=pl.Int64, eager=True)
        taken = f"user={user}, item={item}, time=order of rows"
    if rating is not None:
        kept["rating"] = numbers(frame[rating], path, first_row)
        taken += f", rating={rating}"
    text = f"{path.name}: {taken}" + (f"; {note}" if note else "")
    return Read(pl.DataFrame(kept), text, has_clock)


def ids(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Ids as strings; an empty one is an error."""
    if column.dtype.is_float():  # 1.0 and 1 are one id to a person
        whole = column.cast(pl.Int64, strict=False)
        column = whole if (whole == column).fill_null(True).all() else column
    text = column.cast(pl.String)
    bad = text.is_null() | (text == "")
    if bad.any():
        row = _row(bad, first_row)
        raise DataError(
            f"{path}: row {row}, column '{column.name}': the id is empty; "
            "fill it in or delete the row"
        )
    return text


def times(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Times as int64: numbers in the source's own unit, dates in microseconds since 1970."""
    if column.dtype.is_temporal():
        _no_gaps(column, column.is_null(), path, first_row)
        return column.cast(pl.Datetime("us")).cast(pl.Int64)
    whole = column.cast(pl.Int64, strict=False)
    if column.dtype.is_integer() or column.dtype == pl.String:
        if not whole.is_null().any():
            return whole
    values = column.cast(pl.Float64, strict=False)
    unreadable = values.is_null() | values.is_nan() | values.is_infinite()
    if not unreadable.any():
        if (values == values.floor()).all():
            return values.cast(pl.Int64)
        return (values * 1e6).round().cast(pl.Int64)  # fractions of seconds order events, too
    if column.dtype == pl.String:
        dates = _dates(column)
        if dates is not None:
            return dates
    _no_gaps(column, unreadable, path, first_row)
    raise AssertionError("unreachable")


def _dates(column: pl.Series) -> pl.Series | None:
    for parse in ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"):
        found = column.str.to_datetime(parse, time_unit="us", strict=False)
        if not found.is_null().any():
            return found.cast(pl.Int64)
    for parse in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"):
        found = column.str.to_datetime(parse, time_unit="us", strict=False)
        if not found.is_null().any():
            return found.cast(pl.Int64)
    days = column.str.to_date("%Y-%m-%d", strict=False)
    return None if days.is_null().any() else days.cast(pl.Datetime("us")).cast(pl.Int64)


def _no_gaps(column: pl.Series, bad: pl.Series, path: Path, first_row: int) -> None:
    if not bad.any():
        return
    value = column.filter(bad)[0]
    what = (
        "the time is empty" if value in (None, "") else f"'{value}' is neither a number nor a date"
    )
    raise DataError(
        f"{path}: row {_row(bad, first_row)}, column '{column.name}': {what} "
        f"({int(bad.sum())} such rows); write seconds since 1970 or YYYY-MM-DD HH:MM:SS"
    )


def numbers(column: pl.Series, path: Path, first_row: int) -> pl.Series:
    """Ratings as float64; an empty one stays null, text is an error."""
    text = column.replace("", None) if column.dtype == pl.String else column
    values = text.cast(pl.Float64, strict=False)
    bad = values.is_null() & text.is_not_null()
    if bad.any():
        raise DataError(
            f"{path}: row {_row(bad, first_row)}, column '{column.name}': "
            f"'{column.filter(bad)[0]}' is not a number; mend it or take another --rating-column"
        )
    return values


def typed_items(frame: pl.DataFrame, columns: Columns, path: Path, first_row: int) -> pl.DataFrame:
    """``item``, ``title`` and the other attributes out of a raw table of items.

    Raises:
        DataError: no id or title column, an empty id, or an id that stands twice.
    """
    item = required(frame.columns, "item", columns.item, path, ITEM_ID)
    title = required(frame.columns, "title", columns.title, path)
    kept = ids(frame[item], path, first_row)
    twice = kept.is_duplicated()
    if twice.any():
        rows = (kept == kept.filter(twice)[0]).arg_true() + first_row
        raise DataError(
            f"{path}: row {rows[1]}, column '{item}': item id '{kept.filter(twice)[0]}' already "
            f"stands in row {rows[0]} ({int((~kept.is_first_distinct()).sum())} such rows); "
            "keep one row per item"
        )
    rest = frame.select(
        pl.col(name).alias(name.split(":")[0])
        for name in frame.columns
        if name not in (item, title)
    )
    clash = [c for c in ("item", "title") if c in rest.columns]
    return pl.DataFrame({"item": kept, "title": frame[title].cast(pl.String)}).hstack(
        rest.drop(clash)
    )


def _row(bad: pl.Series, first_row: int) -> int:
    return int(bad.arg_max() or 0) + first_row
