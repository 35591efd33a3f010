"""Topics in JSON lines: the rows of ResearchArena's ``survey.jsonl``, and lists of references.

A row has ``title``, a date, ``references`` as ``{"influential": [ids], "relevant": [ids]}`` or as
one list, and perhaps ``typology``: a tree as nested objects, itself written as a JSON string.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palate.data.readers.encoding import utf8
from palate.data.readers.jsonlines import objects
from palate.data.readers.text import read_bytes
from palate.errors import DataError
from palate.research.readers.json_lines import NAMES, references_of
from palate.research.tasks import INFLUENTIAL, RELEVANT, Topic
from palate.research.trees import Tree, from_typology

GROUPS = {"influential": INFLUENTIAL, "relevant": RELEVANT}


def read(path: Path) -> list[Topic]:
    """Every line a topic.

    Raises:
        DataError: a row without title or references; names the file and the row.
    """
    topics = []
    for number, row in enumerate(objects(utf8(read_bytes(path), path, ""), path), start=1):
        try:
            topics.append(topic(row))
        except DataError as error:
            raise DataError(f"{path}: row {number}: {error}") from None
    return topics


def topic(row: Mapping[str, Any]) -> Topic:
    """The topic of one row.

    Raises:
        DataError: it has no title, or its typology is no tree.
    """
    title = str(row.get("title") or "").strip()
    if not title:
        raise DataError("no 'title'")
    name = next((str(row[key]) for key in NAMES["id"] if row.get(key) not in (None, "")), title)
    date = next((str(row[key]) for key in NAMES["date"] if row.get(key)), "")
    return Topic(name, title, date, _grades(row.get("references")), _tree(row, title))


def _grades(references: Any) -> dict[str, int]:
    """The grade of each reference; one that stands in two groups has the higher one."""
    if not isinstance(references, Mapping):
        return dict.fromkeys(references_of(references), RELEVANT)
    if strange := [group for group in references if group not in GROUPS]:
        raise DataError(f"references are {' or '.join(GROUPS)}, not '{strange[0]}'")
    found: dict[str, int] = {}
    for group, grade in sorted(GROUPS.items(), key=lambda one: one[1]):
        found |= dict.fromkeys(references_of(references.get(group) or []), grade)
    return found


def _tree(row: Mapping[str, Any], title: str) -> Tree | None:
    typology = row.get("typology")
    if isinstance(typology, str):
        if not typology.strip():
            return None
        try:
            typology = json.loads(typology)
        except json.JSONDecodeError as error:
            raise DataError(f"'typology' is a string that holds no JSON ({error})") from None
    return None if typology is None else from_typology(typology, title)
