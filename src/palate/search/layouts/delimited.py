"""CSV and TSV: with a header, or as MS MARCO has it, an id, a tab and a text."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from palate.data.readers.columns import plain
from palate.data.readers.delimited import separator_of
from palate.data.readers.paths import strip_gz
from palate.errors import DataError
from palate.search.documents import Document
from palate.search.layouts.base import ID, TEXT, TITLE, Columns, Roles, grade, lines
from palate.search.results import Query

NAME = "csv"
SUMMARY = "CSV or TSV with a header, or an id, a tab and a text"

HEADERLESS = {2: ["id", "text"], 3: ["id", "title", "text"]}


def find(path: Path) -> bool:
    """A file by its suffix."""
    return path.is_file() and strip_gz(path).suffix in (".csv", ".tsv")


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """One per row."""
    roles, rows = _read(path, columns)
    return (roles.document(row, number, path) for number, row in rows)


def queries(path: Path, columns: Columns) -> Iterator[Query]:
    """One per row."""
    roles, rows = _read(path, columns)
    return (roles.query(row, number, path) for number, row in rows)


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Columns of query, document and grade, in this order, with a header or without (BEIR)."""
    found: dict[str, dict[str, int]] = {}
    separator = None
    for number, line in lines(path):
        separator = separator or _separator(path, line)
        cells = line.split(separator)
        if not line.strip() or (number == 1 and not _is_number(cells[-1])):
            continue
        if len(cells) != 3:
            raise DataError(
                f"{path}: row {number}: {len(cells)} columns; query, document and grade are three"
            )
        query, document, value = (cell.strip() for cell in cells)
        found.setdefault(query, {})[document] = grade(value, path, number)
    return found


def _read(path: Path, columns: Columns) -> tuple[Roles, Iterator[tuple[int, dict[str, str]]]]:
    numbered = lines(path)
    first = next(numbered, None)
    if first is None:
        raise DataError(f"{path}: the file is empty; check the export or the download")
    separator = _separator(path, first[1])
    header = next(csv.reader([first[1]], delimiter=separator))
    known = {*ID, *TITLE, *TEXT}
    given = {columns.id, columns.title, *columns.text}
    if separator == "\t" and not ({plain(n) for n in header} & known or {*header} & given):
        if len(header) not in HEADERLESS:
            raise DataError(f"{path}: row 1: no header; add a row with the names of the columns")
        names = HEADERLESS[len(header)]
        rows = _headerless(path, names, chain([first], numbered))
        return Roles.of(names, columns, path), rows
    return Roles.of(header, columns, path), _rows(path, separator, header, numbered)


def _headerless(
    path: Path, names: list[str], numbered: Iterator[tuple[int, str]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows whose last column is all that is left, tabs too."""
    for number, line in numbered:
        cells = line.split("\t", len(names) - 1)
        if len(cells) != len(names):
            raise DataError(f"{path}: row {number}: no tab between the id and the text")
        yield number, dict(zip(names, cells, strict=True))


def _rows(
    path: Path, separator: str, header: list[str], numbered: Iterator[tuple[int, str]]
) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(
        (line + "\n" for _, line in numbered),  # a value in quotes may go over several lines
        delimiter=separator,
        quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL,
    )
    try:
        for cells in reader:
            row = reader.line_num + 1
            if cells and len(cells) != len(header):
                raise DataError(
                    f"{path}: row {row}: {len(cells)} columns where there should be "
                    f"{len(header)}; put a value that holds {separator!r} in double quotes"
                )
            if cells:
                yield row, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: row {reader.line_num + 1}: {error}") from None


def _separator(path: Path, line: str) -> str:
    tab = strip_gz(path).suffix == ".tsv" and "\t" in line  # whose texts may be full of commas
    return "\t" if tab else separator_of(line)


def _is_number(cell: str) -> bool:
    return cell.strip().lstrip("-").replace(".", "", 1).isdigit()
