"""Options that several research commands have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from palate.cli import console

MODEL = "Language model"
LIMIT = "Budget for each topic"

CorpusPath = Annotated[
    Path,
    typer.Option(
        "--corpus", metavar="PATH", help="Papers: JSON lines, CSV, Markdown, BibTeX, or a folder."
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Language model: known name, hub id, folder or GGUF file; none by default.",
        rich_help_panel=MODEL,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(metavar="URL", help="OpenAI-compatible address.", rich_help_panel=MODEL),
]
EncoderName = Annotated[
    str,
    typer.Option(
        "--encoder", metavar="NAME", help="Encoder of texts: minilm, hub id, folder, lsa or none.",
        rich_help_panel=MODEL,
    ),
]  # fmt: skip
NoDense = Annotated[
    bool,
    typer.Option(
        "--words-only", help="Search by words only: no vectors of the whole corpus.",
        rich_help_panel=MODEL,
    ),
]  # fmt: skip
Calls = Annotated[
    int | None, typer.Option("--max-calls", min=0, help="Questions to it.", rich_help_panel=LIMIT)
]
Tokens = Annotated[
    int | None,
    typer.Option("--max-tokens", min=0, help="Tokens that it reads and writes.",
                 rich_help_panel=LIMIT),
]  # fmt: skip
Seconds = Annotated[
    float | None,
    typer.Option("--max-seconds", min=0, help="Seconds of work.", rich_help_panel=LIMIT),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SYSTEM.SETTING=VALUE", help="A setting: scout.rounds=0."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Surveys = Annotated[
    bool, typer.Option("--keep-surveys", help="Let surveys of a field be found, too.")
]
Undated = Annotated[
    bool, typer.Option("--keep-undated", help="Let papers of unknown date be found, too.")
]


def bench_settings(
    encoder: str,
    words_only: bool,
    model: str | None,
    address: str | None,
    keep_surveys: bool = False,
    keep_undated: bool = False,
) -> dict[str, Any]:
    """Settings of a ``BenchConfig``."""
    from palate.experiments.research import chat_settings

    return {
        "encoder": encoder,
        "search_by_vectors": not words_only,
        "chat": chat_settings(model, address),
        "guards": {"surveys": keep_surveys, "undated": keep_undated},
    }


@contextmanager
def telling(what: str) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being done; on a terminal it replaces itself."""
    shown = console.err()
    if not shown.is_terminal:
        yield lambda _: None
        return
    with shown.status(Text(what)) as status:
        yield lambda now: status.update(Text(now[: max(20, shown.width - 4)]))
