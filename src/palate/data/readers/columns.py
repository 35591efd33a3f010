"""Which column of a file is the user, the item, the time, the rating, the title."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from palate.data.readers.base import Columns
from palate.errors import DataError

ROW_ORDER = "-"


def plain(name: str) -> str:
    """A column name without case, punctuation or RecBole's type suffix."""
    return re.sub(r"[^a-z0-9]", "", name.split(":")[0].lower())


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Compared by plain(), so userId, user_id and "User ID" are one name. Where a file has several,
# the one that stands earlier here is taken.
COMMON = {
    "user": _names(
        "user userid uid u reviewerid customerid customer memberid visitorid accountid personid "
        "clientid sessionid session useridx"
    ),
    "item": _names(
        "item itemid iid i parentasin asin movieid productid product bookid artistid trackid "
        "songid gameid businessid articleid newsid contentid isbn sku movie book artist track song "
        "itemidx"
    ),
    "time": _names(
        "time timestamp unixreviewtime unixtime ts eventtime datetime date createdat ratedat"
    ),
    "rating": _names("rating overall stars score rate ratings"),
    "title": _names(
        "title name movietitle itemtitle itemname productname producttitle booktitle artistname "
        "trackname songname gamename headline artist book movie track song"
    ),
    "domain": ("domain",),
}
ITEM_ID = (*COMMON["item"], "id")
USER_ID = (*COMMON["user"], "id")


def locate(
    names: Sequence[str], role: str, given: str | None, path: Path, common: Sequence[str] = ()
) -> str | None:
    """The column of *names* that plays *role*: the given one, or the first of the common names.

    Raises:
        DataError: a column was given and is not there.
    """
    if given is None:
        return first_common(names, common or COMMON[role])
    if given in names:
        return given
    typed = {name.split(":")[0]: name for name in names}  # RecBole's name:type
    if given in typed:
        return typed[given]
    near = difflib.get_close_matches(given, names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise DataError(
        f"{path}: row 1: no column '{given}' for the {role}; it has {list(names)}{hint}"
    )


def first_common(names: Sequence[str], common: Sequence[str]) -> str | None:
    """The first of *common* that is among *names*, under its name there."""
    by_plain = {plain(name): name for name in reversed(names)}
    return next((by_plain[c] for c in common if c in by_plain), None)


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
    if role == "title":
        mend += ", which may be the column of the ids"
    if any(re.fullmatch(r"[\d.:\- ]+", name) for name in names):
        mend = "row 1 looks like data: add a row with the names of the columns above it"
    raise DataError(f"{path}: row 1: no {role} column among {list(names)}; {mend}")


def wanted(names: Sequence[str], columns: Columns) -> list[str] | None:
    """The columns worth reading of a wide file of interactions.

    None where one is missing: then all are read, so that the error can name them.
    """
    found = []
    for role in ("user", "item", "time", "rating", "domain"):
        given = getattr(columns, role, None)
        name = given or first_common(names, COMMON[role])
        if name in names:
            found.append(str(name))
        elif role not in ("rating", "domain") and given != ROW_ORDER:
            return None
    unique = len(set(names)) == len(names) and len(set(found)) == len(found)
    return found if unique else None
