"""Corpora in JSON lines: ``id``, ``title``, ``abstract``, ``text``, a date or year, references.

Other common names of the same things are understood (:data:`NAMES`); what is left is kept as
``extra``. Plain or gzipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from palate.data.readers.encoding import utf8
from palate.data.readers.jsonlines import objects
from palate.data.readers.text import read_bytes
from palate.errors import DataError
from palate.research.papers import Paper

NAMES = {
    "id": ("id", "_id", "corpusid", "paper_id", "doi", "docno"),
    "title": ("title",),
    "abstract": ("abstract", "summary"),
    "text": ("text", "body", "contents"),
    "date": ("date", "publicationDate", "published", "publication_date", "year"),
    "authors": ("authors", "author"),
    "keywords": ("keywords", "keyword", "author_keywords", "key_words"),
    "references": ("references", "outCitations", "citations_out"),
    "citations": ("citations", "citationCount", "n_citation"),
}


def read(path: Path) -> list[Paper]:
    """Every line a paper.

    Raises:
        DataError: a line is no object, or has neither id nor title.
    """
    rows = objects(utf8(read_bytes(path), path, ""), path)
    papers = []
    for number, row in enumerate(rows, start=1):
        try:
            papers.append(paper(row))
        except DataError as error:
            raise DataError(f"{path}: row {number}: {error}") from None
    return papers


def paper(row: Mapping[str, Any]) -> Paper:
    """The paper of one object.

    Raises:
        DataError: it has no id or no title.
    """
    found = {what: _first(row, names) for what, names in NAMES.items()}
    for what in ("id", "title"):
        if found[what] is None or not str(found[what]).strip():
            raise DataError(f"no '{what}'; known names for it: {', '.join(NAMES[what])}")
    known = {name for names in NAMES.values() for name in names}
    count = found["citations"]
    return Paper(
        id=str(found["id"]).strip(),
        title=str(found["title"]).strip(),
        abstract=str(found["abstract"] or "").strip(),
        text=str(found["text"] or "").strip(),
        date=str(found["date"] or "").strip(),
        authors=names_of(found["authors"]),
        keywords=keywords_of(found["keywords"]),
        references=references_of(found["references"]),
        citations=count if isinstance(count, int) else None,
        extra={key: value for key, value in row.items() if key not in known},
    )


def keywords_of(value: Any) -> tuple[str, ...]:
    """Keywords in a list, or joined by commas or semicolons."""
    if not value:
        return ()
    if isinstance(value, str):
        value = value.replace(";", ",").split(",")
    return tuple(str(one).strip() for one in value if str(one).strip())


def names_of(value: Any) -> tuple[str, ...]:
    """Authors in a list (of names, or of objects with a ``name``), or joined by "and" or ";"."""
    if not value:
        return ()
    if isinstance(value, str):
        value = value.replace(";", " and ").split(" and ")
    named = (one.get("name", "") if isinstance(one, Mapping) else one for one in value)
    return tuple(str(one).strip() for one in named if str(one).strip())


def references_of(value: Any) -> tuple[str, ...]:
    """Ids in a list, in a list of objects, or in groups as ``{"influential": […]}``."""
    if isinstance(value, Mapping):
        value = [one for group in value.values() for one in group or ()]
    if not isinstance(value, Iterable) or isinstance(value, str):
        return ()
    ids = (_first(one, NAMES["id"]) if isinstance(one, Mapping) else one for one in value)
    return tuple(dict.fromkeys(str(one) for one in ids if one is not None))


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)
