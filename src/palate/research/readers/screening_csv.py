"""Systematic reviews: a CSV of title, abstract and whether the paper was included.

The layout of ASReview's data sets; common names of the columns are found.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from palate.data.readers.encoding import utf8
from palate.data.readers.text import read_bytes
from palate.errors import DataError
from palate.research.papers import Paper
from palate.research.readers.json_lines import keywords_of, names_of

LABELS = ("label_included", "included", "label", "final_label", "inclusion")
COLUMNS = {
    "id": ("record_id", "id", "doi", "pubmedid"),
    "title": ("title", "primary_title"),
    "abstract": ("abstract", "notes_abstract", "abstract note"),
    "date": ("date", "year"),
    "authors": ("authors", "author"),
    "keywords": ("keywords", "author_keywords"),
}
YES, NO = {"1", "1.0", "true", "yes", "included"}, {"0", "0.0", "false", "no", "excluded"}


@dataclass(frozen=True)
class Screening:
    """A review's candidates, and which of them it kept.

    Attributes:
        name: of the review.
        included: [n] whether each paper was included.
    """

    name: str
    papers: list[Paper]
    included: npt.NDArray[np.bool_]


def read(path: Path, label: str | None = None) -> Screening:
    """A review with its labels.

    Args:
        label: the column that says what was included, if it has another name.

    Raises:
        DataError: no such column, or a row whose label is neither yes nor no.
    """
    rows, fields = _rows(path)
    names = (label,) if label else LABELS
    column = next((fields[name.lower()] for name in names if name.lower() in fields), None)
    if column is None:
        raise DataError(
            f"{path}: no column says what was included ({', '.join(names)}); name it with --label"
        )
    included = []
    for number, row in enumerate(rows, start=2):
        value = (row[column] or "").strip().lower()
        if value not in YES | NO:
            raise DataError(
                f"{path}: row {number}, column '{column}': '{value}' is neither 0 nor 1"
            )
        included.append(value in YES)
    return Screening(path.stem, _papers(rows, fields, path), np.array(included, dtype=bool))


def papers(path: Path) -> list[Paper]:
    """The papers alone."""
    return _papers(*_rows(path), path)


def _rows(path: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    text = utf8(read_bytes(path), path, ",").decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    fields = {name.strip().lower(): name for name in reader.fieldnames or []}
    return list(reader), fields


def _papers(rows: list[dict[str, str]], fields: dict[str, str], path: Path) -> list[Paper]:
    where = {
        what: next((fields[name] for name in names if name in fields), None)
        for what, names in COLUMNS.items()
    }
    if where["title"] is None:
        raise DataError(f"{path}: no column 'title'")
    found = []
    for number, row in enumerate(rows, start=1):
        value = {what: (row[name] or "").strip() if name else "" for what, name in where.items()}
        # A review holds papers without a title; they are screened all the same.
        found.append(
            Paper(
                id=value["id"] or str(number),
                title=value["title"],
                abstract=value["abstract"],
                date=value["date"].removesuffix(".0"),
                authors=names_of(value["authors"]),
                keywords=keywords_of(value["keywords"]),
            )
        )
    return found
