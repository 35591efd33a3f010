"""``palate methods``: which recommenders there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from palate.cli import console

HEADS = {"items": "method", "medication": "for a hospital's visits"}


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the methods, one line each: those that rank items, those that recommend medications.

    What a method can be set to:  palate train METHOD --help
    """
    from palate.recommenders import registry

    known = {kind: registry.methods(kind) for kind in registry.KINDS}
    if as_json:
        console.print_json(
            [asdict(one) | {"kind": kind} for kind, several in known.items() for one in several]
        )
        return
    foreign = any(one.source != "palate" for several in known.values() for one in several)
    columns = ["what it does", *(["from"] if foreign else [])]
    for kind, several in known.items():
        rows = [[m.name, m.summary, m.source][: 1 + len(columns)] for m in several]
        console.table([HEADS[kind], *columns], rows, left=3)
