"""Arguments and options that commands of ``palate search`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Index = Annotated[Path, typer.Argument(metavar="IDX", help="Folder of the index.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
PIPE_HELP = "Stages, as bm25, hybrid, or a YAML file."
Pipe = Annotated[str, typer.Option("--pipeline", "-p", metavar="STAGES", help=PIPE_HELP)]
OwnPipe = Annotated[
    str | None,
    typer.Option(
        "--pipeline", "-p", metavar="STAGES", help=PIPE_HELP, show_default="the index's own"
    ),
]
"""The same where the index says what it is unless it is given."""
