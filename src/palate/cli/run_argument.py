"""The argument RUN of the commands that read a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli import completion

RunFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run folder.", autocompletion=completion.runs),
]
