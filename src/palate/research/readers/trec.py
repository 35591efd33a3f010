"""Run files of TREC: query, ``Q0``, document, rank, score and name of the run, in six columns.

Judgements in four columns are read by :mod:`palate.search.layouts.trec`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from palate.errors import DataError
from palate.search.layouts.base import lines


def read_run(path: Path) -> dict[str, list[str]]:
    """The documents of each query, by falling score; ties by rank.

    Raises:
        DataError: a row is not of six columns, a number is none, or a document stands twice.
    """
    rows: dict[str, list[tuple[float, int, str]]] = {}
    for number, line in lines(path):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 6:
            raise DataError(
                f"{path}: row {number}: {len(cells)} columns; query, Q0, document, rank, score and "
                "name of the run are six"
            )
        query, _, document, rank, score, _ = cells
        try:
            value, place = float(score), int(rank)
        except ValueError:
            raise DataError(
                f"{path}: row {number}: rank '{rank}' or score '{score}' is no number"
            ) from None
        if math.isnan(value):
            raise DataError(f"{path}: row {number}: the score is not a number")
        rows.setdefault(query, []).append((-value, place, document))
    found = {}
    for query, several in rows.items():
        documents = [document for _, _, document in sorted(several)]
        if len(set(documents)) < len(documents):
            raise DataError(f"{path}: query '{query}' has a document twice")
        found[query] = documents
    return found


def run_lines(lists: Mapping[str, Sequence[tuple[str, float]]], name: str) -> str:
    """Lists with scores as text; blanks in ids become underscores, as columns end at them."""
    told = [
        f"{_word(query)} Q0 {_word(document)} {rank} {score:.6g} {_word(name)}\n"
        for query, found in lists.items()
        for rank, (document, score) in enumerate(found, start=1)
    ]
    return "".join(told)


def _word(text: str) -> str:
    return "_".join(text.split())
