"""``palate search stages`` and ``use``: what pipelines are made of, and which one an index has."""

from __future__ import annotations

from typing import Annotated

import typer

from palate.cli import console
from palate.cli.search_options import Index, Json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(stages)
    app.command()(use)


def stages(as_json: Json = False) -> None:
    """List the stages that a pipeline can be made of."""
    from palate.search.stages import NAMED, STAGES

    rows = [[one.name, one.summary] for one in STAGES]
    rows += [[name, f"short for: {written}"] for name, written in NAMED.items()]
    if as_json:
        console.print_json([{"name": name, "summary": summary} for name, summary in rows])
        return
    console.table(["stage", "what it does"], rows, left=2)


def use(
    folder: Index,
    line: Annotated[
        str, typer.Argument(metavar="STAGES", help="Stages, as bm25, hybrid, or a line of them.")
    ],
) -> None:
    """Choose the pipeline that queries of an index go through; its vectors are computed now.

    [bold]Examples[/bold]
      palate search use idx hybrid
      palate search use idx "bm25(k1=1.2) + dense > rrf"
    """
    with console.working("loading"):
        from palate.search.index import SearchIndex
        from palate.search.stages import choose

        opened = SearchIndex(folder)
    for remark in choose(opened, line):
        console.remark(remark)
    print(f"{folder}: pipeline {opened.pipeline}")
