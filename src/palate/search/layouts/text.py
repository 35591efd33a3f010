"""Plain text and Markdown: one document per file, its path the id, its first heading the title."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from palate.data.readers.paths import strip_gz
from palate.search.documents import Document
from palate.search.layouts.base import Columns, lines

NAME = "text"
SUMMARY = "text or Markdown, one document per file"


def find(path: Path) -> bool:
    """A file by its suffix."""
    return path.is_file() and strip_gz(path).suffix in (".txt", ".md", ".markdown", ".rst", ".text")


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """The one document of a file."""
    yield document(path, path.name)


def document(path: Path, id: str) -> Document:
    """A file as a document. Its time is when the file was last changed."""
    rows = [line for _, line in lines(path)]
    title = ""
    if rows and rows[0].startswith("# "):
        title = rows.pop(0).removeprefix("# ").strip()
    elif len(rows) > 1 and rows[0].strip() and set(rows[1].strip()) in ({"="}, {"-"}):
        title, rows = rows[0].strip(), rows[2:]
    return Document(id, "\n".join(rows).strip(), title, time=path.stat().st_mtime)
