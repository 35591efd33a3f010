"""TREC: documents in ``<DOC>``, topics in ``<top>``, judgements in four columns."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from palate.errors import DataError
from palate.search.documents import Document
from palate.search.layouts.base import Columns, grade, lines
from palate.search.results import Query

NAME = "trec"
SUMMARY = "TREC documents (<DOC>), topics (<top>) and qrels"

TAG = re.compile(r"<[^<>]*>")
LABELS = re.compile(r"^\s*(Number|Topic|Description|Narrative)\s*:\s*", re.IGNORECASE)


def find(path: Path) -> bool:
    """A file that begins with ``<DOC>``."""
    return _begins(path, "<doc>")


def find_queries(path: Path) -> bool:
    """A file that begins with ``<top>``."""
    return _begins(path, "<top>")


def find_qrels(path: Path) -> bool:
    """A file of four columns."""
    return path.is_file() and len(next(lines(path), (0, ""))[1].split()) == 4


def documents(path: Path, columns: Columns) -> Iterator[Document]:
    """Each ``<DOC>``: its ``<DOCNO>``, its title or headline, and all other text in it."""
    for number, block in _blocks(path, "doc"):
        name = _tag(block, "docno")
        if not name:
            raise DataError(f"{path}: row {number}: a document without <DOCNO>")
        title = _tag(block, "title") or _tag(block, "headline") or _tag(block, "ti")
        rest = re.sub(
            r"<(docno|docid|title|headline|ti)>.*?</\1>", " ", block, flags=re.DOTALL | re.I
        )
        yield Document(name, _plain(rest), title)


def queries(path: Path, columns: Columns) -> Iterator[Query]:
    """Each ``<top>``: its number, and its title, or those parts that *columns* calls its text."""
    wanted = columns.text or ("title",)
    for number, block in _blocks(path, "top"):
        parts = {}
        for name, told in re.findall(r"<(\w+)>([^<]*)", block):
            parts.setdefault(name.lower(), LABELS.sub("", told).strip())
        if not parts.get("num"):
            raise DataError(f"{path}: row {number}: a topic without <num>")
        told = {k: _plain(v) for k, v in parts.items() if k != "num"}
        missing = sorted(set(wanted) - set(told))
        if missing:
            raise DataError(
                f"{path}: row {number}: the topic has no <{missing[0]}>; it has {sorted(told)}"
            )
        text = " ".join(told[name] for name in wanted if told[name])
        fields = {k: v for k, v in told.items() if k not in wanted and v}
        yield Query(parts["num"], text, fields=fields)


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Columns of query, anything, document and grade."""
    found: dict[str, dict[str, int]] = {}
    for number, line in lines(path):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 4:
            raise DataError(
                f"{path}: row {number}: {len(cells)} columns; query, 0, document and grade are four"
            )
        found.setdefault(cells[0], {})[cells[2]] = grade(cells[3], path, number)
    return found


def _blocks(path: Path, tag: str) -> Iterator[tuple[int, str]]:
    """What stands between ``<TAG>`` and ``</TAG>``, with the row where it begins."""
    begun, held = 0, []
    for number, line in lines(path):
        low = line.strip().lower()
        if low.startswith(f"<{tag}>"):
            begun, held = number, [line.strip()[len(tag) + 2 :]]
        elif low.startswith(f"</{tag}>") and begun:
            yield begun, "\n".join(held)
            begun = 0
        elif begun:
            held.append(line)
    if begun:
        raise DataError(f"{path}: row {begun}: <{tag.upper()}> is not closed")


def _begins(path: Path, tag: str) -> bool:
    if not path.is_file() or path.suffix in (".parquet", ".pq"):
        return False
    with path.open("rb") as raw:
        start = raw.read(2)
        if start != b"\x1f\x8b" and b"\0" in start + raw.read(4096):
            return False
    try:
        rows = (line.strip().lower() for _, line in lines(path))
        return next((row for row in rows if row), "").startswith(tag)
    except DataError:
        return False


def _tag(block: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", block, flags=re.DOTALL | re.IGNORECASE)
    return _plain(found[1]) if found else ""


def _plain(text: str) -> str:
    return " ".join(html.unescape(TAG.sub(" ", text)).split())
