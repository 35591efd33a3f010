"""Where words go: results to stdout, progress and remarks to stderr; no colour in pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 160  # a pipe has no width; tables should not wrap there


def _console(stream: Any, stderr: bool) -> Console:
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def out() -> Console:
    """The console of results."""
    return _console(sys.stdout, stderr=False)


def err() -> Console:
    """The console of progress and remarks."""
    return _console(sys.stderr, stderr=True)


def remark(text: str) -> None:
    """One line for a person, on stderr, as it stands (no markup)."""
    err().print(Text(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout; what JSON has no word for (nan) is null."""
    print(json.dumps(_jsonable(value), indent=2, ensure_ascii=False, allow_nan=False))


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    left: int = 1,
    one_line: bool = False,
) -> None:
    """A table on stdout.

    Args:
        left: the first so many columns are text, the others numbers.
        one_line: cut what does not fit in place of wrapping it; the first column stays whole.
    """
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        drawn.add_column(
            column,
            justify="left" if place < left else "right",
            overflow="ellipsis" if one_line else "fold",
            no_wrap=one_line,
            min_width=max((len(str(row[0])) for row in rows), default=0) if place == 0 else None,
        )
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    out().print(drawn)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on stderr while something without progress of its own goes on."""
    console = err()
    if not console.is_terminal:
        yield
        return
    with console.status(Text(what)):
        yield


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    if hasattr(value, "item") and not isinstance(value, str):  # a NumPy number
        return _jsonable(value.item())
    if isinstance(value, float) and value != value:
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
