"""BEIR: a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from palate.data.readers.paths import member
from palate.errors import DataError
from palate.search.documents import Document
from palate.search.layouts import delimited, jsonl
from palate.search.layouts.base import Columns
from palate.search.results import Query

NAME = "beir"
SUMMARY = "BEIR's folder (corpus.jsonl, queries.jsonl, qrels/test.tsv)"


def find(path: Path) -> bool:
    """A folder with ``corpus.jsonl``."""
    return path.is_dir() and member(path, "corpus.jsonl") is not None


def find_queries(path: Path) -> bool:
    """A folder with ``queries.jsonl``."""
    return path.is_dir() and member(path, "queries.jsonl") is not None


def find_qrels(path: Path) -> bool:
    """The folder, or its ``qrels``."""
    return path.is_dir() and _judgements(path) is not None


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """Of ``corpus.jsonl``."""
    return jsonl.documents(_file(path, "corpus.jsonl"), columns)


def queries(path: Path, columns: Columns) -> Iterator[Query]:
    """Of ``queries.jsonl``."""
    return jsonl.queries(_file(path, "queries.jsonl"), columns)


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Of the part for testing."""
    found = _judgements(path)
    if found is None:
        raise DataError(f"{path}: no qrels/test.tsv; name the file of judgements")
    return delimited.qrels(found)


def _judgements(path: Path) -> Path | None:
    folder = path / "qrels" if (path / "qrels").is_dir() else path
    return member(folder, "test.tsv")


def _file(path: Path, name: str) -> Path:
    found = member(path, name)
    if found is None:
        raise DataError(f"{path}: no {name} in there")
    return found
