"""``palate methods``: which recommenders there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from palate.cli import console


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the methods, one line each.

    What a method can be set to:  palate train METHOD --help
    """
    from palate.recommenders import registry

    known = registry.methods()
    if as_json:
        console.print_json([asdict(method) for method in known])
        return
    foreign = any(method.source != "palate" for method in known)
    columns = ["method", "what it does", *(["from"] if foreign else [])]
    rows = [[m.name, m.summary, m.source][: len(columns)] for m in known]
    console.table(columns, rows, left=3)
