"""Readers of collections, one module per layout: documents, queries and judgements.

A module may have ``documents``, ``queries`` and ``qrels``; ``find`` says whether a path is of its
layout. Particular layouts stand before general ones, and the first that recognises a path reads
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from palate.errors import ConfigError, DataError
from palate.search.documents import Document
from palate.search.layouts import beir, delimited, jsonl, parquet, smart, text, trec
from palate.search.layouts.base import Columns
from palate.search.results import Query

__all__ = ["LAYOUTS", "Columns", "read_documents", "read_qrels", "read_queries"]

LAYOUTS: dict[str, Any] = {
    module.NAME: module for module in (beir, trec, smart, jsonl, parquet, delimited, text)
}


def read_documents(
    path: Path, layout: str = "auto", columns: Columns | None = None
) -> Iterator[Document]:
    """The documents of a file, or of a folder and the folders in it.

    Raises:
        ConfigError: no layout has that name.
        DataError: nothing there can be read, or a row is bad.
    """
    columns = columns or Columns()
    chosen = _chosen(layout, "documents")
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    for module in chosen:
        if module.find(path):
            yield from module.documents(path, columns)
            return
    if path.is_file():
        if layout != "auto":
            yield from chosen[0].documents(path, columns)
            return
        raise DataError(f"{path}: not a known layout of documents. Known: {_known()}")
    yield from _folder(path, chosen, columns)


def read_queries(
    path: Path,
    layout: str = "auto",
    columns: Columns | None = None,
    told: Callable[[str], None] | None = None,
) -> list[Query]:
    """The queries of a file, or of a BEIR folder. Of several with one id, the last one stands.

    Args:
        told: called with a sentence about each id that stands there twice.

    Raises:
        DataError: it cannot be read.
    """
    found: dict[str, Query] = {}
    for query in _one(path, layout, "queries")(path, columns or Columns()):
        if query.id in found and told is not None:
            told(f"{path}: two queries have the id '{query.id}'; the later one is taken")
        found[query.id] = query
    if not found:
        raise DataError(f"{path}: no query is in there")
    return list(found.values())


def read_qrels(path: Path, layout: str = "auto") -> dict[str, dict[str, int]]:
    """Grades by query and document.

    Raises:
        DataError: it cannot be read.
    """
    found: dict[str, dict[str, int]] = _one(path, layout, "qrels")(path)
    return found


def _chosen(layout: str, what: str) -> list[Any]:
    able = {name: module for name, module in LAYOUTS.items() if hasattr(module, what)}
    if layout == "auto":
        return list(able.values())
    if layout not in able:
        raise ConfigError(f"no layout '{layout}' of {what}; there are auto, {', '.join(able)}")
    return [able[layout]]


def _one(path: Path, layout: str, what: str) -> Any:
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    chosen = _chosen(layout, what)
    if layout != "auto":
        return getattr(chosen[0], what)
    for module in chosen:
        if getattr(module, f"find_{what}", module.find)(path):
            return getattr(module, what)
    raise DataError(f"{path}: not a known layout of {what}. Known: {_known()}")


def _folder(path: Path, chosen: list[Any], columns: Columns) -> Iterator[Document]:
    """Every file of a folder that some layout knows, each as what it is."""
    some = False
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        if any(part.startswith(".") for part in file.relative_to(path).parts):
            continue
        for module in chosen:
            if module.find(file):
                some = True
                if module is text:  # their names are their ids, and the same in every place
                    yield text.document(file, str(file.relative_to(path)))
                else:
                    yield from module.documents(file, columns)
                break
    if not some:
        raise DataError(f"{path}: no file in there can be read. Known: {_known()}")


def _known() -> str:
    return "; ".join(str(module.SUMMARY) for module in LAYOUTS.values())
