"""Session logs: who asked what, what they were shown, what they clicked, how long they stayed.

A log is JSON lines, one per query:
``{"session": "s1", "user": "u1", "time": 1700000000, "query": "green tea", "ranking": ["d3",
"d7"], "clicks": [{"document": "d7", "dwell": 42.5}]}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.errors import DataError
from palate.search.layouts.base import lines, moment

SATISFIED = 30.0  # seconds on a page from which a click counts as satisfied


@dataclass(frozen=True)
class Click:
    """A click on a result.

    Attributes:
        rank: from 1.
        dwell: seconds until the person came back.
    """

    document: str
    rank: int
    dwell: float


@dataclass(frozen=True)
class Entry:
    """One query of a session.

    Attributes:
        user: a name, or the hash of one.
        time: seconds since 1970.
        ranking: ids of the documents shown, best first.
    """

    session: str
    user: str
    time: float
    query: str
    ranking: tuple[str, ...] = ()
    clicks: tuple[Click, ...] = ()

    def satisfied(self, dwell: float = SATISFIED) -> tuple[Click, ...]:
        """Clicks with a stay of at least so many seconds."""
        return tuple(click for click in self.clicks if click.dwell >= dwell)


def read_log(path: Path) -> Iterator[Entry]:
    """The entries of a log.

    Raises:
        DataError: a line is no entry.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; a log is JSON lines, one per query")
    for number, line in lines(path):
        if line.strip():
            yield _entry(line, path, number)


def write_log(path: Path, log: Iterable[Entry]) -> None:
    """Write entries as :func:`read_log` reads them."""
    with path.open("w", encoding="utf-8") as file:
        for one in log:
            file.write(json.dumps(_told(one), ensure_ascii=False) + "\n")


def sessions(log: Iterable[Entry]) -> list[list[Entry]]:
    """The entries of each session in the order of time; a session is one user's."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for one in log:
        found.setdefault((one.user, one.session), []).append(one)
    return [sorted(several, key=lambda one: one.time) for several in found.values()]


def _told(one: Entry) -> dict[str, Any]:
    clicks = [{"document": c.document, "rank": c.rank, "dwell": c.dwell} for c in one.clicks]
    return {
        "session": one.session, "user": one.user, "time": one.time, "query": one.query,
        "ranking": list(one.ranking), "clicks": clicks,
    }  # fmt: skip


def _entry(line: str, path: Path, number: int) -> Entry:
    try:
        told = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: row {number}: not JSON ({error.msg})") from None
    if not isinstance(told, dict):
        raise DataError(f"{path}: row {number}: not an object with session, user, time and query")
    for name in ("session", "user", "time", "query"):
        if told.get(name) in (None, ""):
            raise DataError(f"{path}: row {number}: '{name}' is missing")
    time = moment(told["time"], path, number)
    ranking = told.get("ranking") or []
    clicks = told.get("clicks") or []
    if not isinstance(ranking, list) or not isinstance(clicks, list):
        raise DataError(f"{path}: row {number}: 'ranking' and 'clicks' are lists")
    shown = tuple(map(str, ranking))
    found = tuple(_click(click, shown, path, number) for click in clicks)
    return Entry(
        str(told["session"]), str(told["user"]), float(time or 0.0), str(told["query"]), shown,
        found,
    )  # fmt: skip


def _click(click: Any, shown: Sequence[str], path: Path, number: int) -> Click:
    if not isinstance(click, Mapping) or "document" not in click:
        raise DataError(f'{path}: row {number}: a click is {{"document": id, "dwell": seconds}}')
    document = str(click["document"])
    rank = click.get("rank")
    if rank is None:
        if document not in shown:
            raise DataError(
                f"{path}: row {number}: the click on '{document}' is on nothing that was shown; "
                "give its rank, or the ranking"
            )
        rank = shown.index(document) + 1
    try:
        return Click(document, int(rank), float(click.get("dwell") or 0.0))
    except (TypeError, ValueError):
        raise DataError(
            f"{path}: row {number}: rank '{rank}' or dwell '{click.get('dwell')}' is no number"
        ) from None
