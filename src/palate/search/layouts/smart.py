"""SMART, the layout of Cranfield, CISI, CACM and their time: records that begin with ``.I``.

Queries are numbered by their place, from 1, and not by what stands behind ``.I``: Cranfield's
judgements mean the former.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from palate.errors import DataError
from palate.search.documents import Document
from palate.search.layouts.base import Columns, grade, lines
from palate.search.layouts.trec import _begins
from palate.search.results import Query

NAME = "smart"
SUMMARY = "SMART records (.I .T .W) and qrels, as of Cranfield"

FIELDS = {"A": "author", "B": "source", "K": "keywords"}


def find(path: Path) -> bool:
    """A file that begins with ``.I``."""
    return _begins(path, ".i ")


def find_qrels(path: Path) -> bool:
    """A file of three numbers a line."""
    cells = next(lines(path), (0, ""))[1].split() if path.is_file() else []
    return len(cells) == 3 and all(cell.lstrip("-").isdigit() for cell in cells)


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """Each record: title, text, and author and source as fields."""
    for name, parts in _records(path):
        fields = {FIELDS[k]: v for k, v in parts.items() if k in FIELDS and v}
        yield Document(name, parts.get("W", ""), parts.get("T", ""), fields)


def queries(path: Path, columns: Columns) -> Iterator[Query]:
    """Each record, numbered by its place."""
    for place, (_, parts) in enumerate(_records(path), start=1):
        yield Query(str(place), parts.get("W", ""))


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Columns of query, document and code.

    Cranfield's codes go from 1, a complete answer, to 4, of little interest, and 5, of none;
    grades are 5 less the code, so that more is better.
    """
    found: dict[str, dict[str, int]] = {}
    for number, line in lines(path):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 3:
            raise DataError(f"{path}: row {number}: {len(cells)} columns where there should be 3")
        code = grade(cells[2], path, number)
        if not 1 <= code <= 5:
            raise DataError(f"{path}: row {number}: code {code}; Cranfield's go from 1 to 5")
        found.setdefault(cells[0], {})[cells[1]] = 5 - code
    return found


def _records(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    name, parts, current = "", {}, ""
    for _, line in lines(path):
        if line.startswith(".I ") and line[3:].strip():  # not a sentence that ends in "… part.I"
            if name:
                yield name, _joined(parts)
            name, parts, current = line[3:].strip(), {}, ""
        elif len(line.rstrip()) == 2 and line[0] == "." and line[1].isupper():
            current = line[1]
            parts.setdefault(current, [])
        elif current:
            parts[current].append(line.strip())
    if name:
        yield name, _joined(parts)


def _joined(parts: dict[str, list[str]]) -> dict[str, str]:
    return {key: " ".join(rows).strip() for key, rows in parts.items()}
