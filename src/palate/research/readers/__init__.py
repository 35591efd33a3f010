"""Files that hold papers, topics, trees and ranked lists: one module per format."""

from __future__ import annotations

from pathlib import Path

from palate.errors import DataError
from palate.research.corpus import Corpus
from palate.research.readers import bibtex, json_lines, markdown, screening_csv

SUFFIXES = {".jsonl": json_lines.read, ".ndjson": json_lines.read, ".bib": bibtex.read,
            ".md": markdown.papers, ".csv": screening_csv.papers}  # fmt: skip


def read_corpus(path: Path) -> Corpus:
    """The papers of a file, or of all files of a folder that hold papers.

    Raises:
        DataError: there is none, or one cannot be read; names the file and the row.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    files = [path] if path.is_file() else sorted(one for one in path.iterdir() if _kind(one))
    papers = []
    for file in files:
        if (kind := _kind(file)) is not None:
            papers += SUFFIXES[kind](file)
    if not papers:
        raise DataError(f"{path}: no papers; they are read from {', '.join(SUFFIXES)} files")
    return Corpus(papers, path.name)


def _kind(path: Path) -> str | None:
    name = path.name.removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)
