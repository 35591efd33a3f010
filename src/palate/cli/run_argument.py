"""What the commands that read a run folder are told: which run, and for whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli import completion
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.data.catalogue import Catalogue

RunFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run folder.", autocompletion=completion.runs),
]

HistoryOption = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="TITLES",
        help="A new user: what they touched, oldest first, titles or ids between semicolons.",
    ),
]

UserOption = Annotated[
    str | None,
    typer.Option("--user", metavar="ID", help="A user of the data the run was trained on."),
]

PatientOption = Annotated[
    str | None,
    typer.Option(
        "--patient",
        metavar="ID",
        help="For a run on a hospital's visits: a patient of its data, at the last visit.",
    ),
]


def one_person(history: str | None, user: str | None) -> None:
    """Raise a ConfigError unless exactly one of the two is given."""
    if (history is None) == (user is None):
        raise ConfigError('for whom? give either --history "title; title" or --user ID')


def indices(catalogue: Catalogue, history: str | None) -> list[int] | None:
    """The items of ``title; title``; a title that itself holds semicolons may stand alone.

    Raises:
        DataError: a title or id that is not in the catalogue; the message offers the nearest.
        ConfigError: nothing between the semicolons.
    """
    if history is None:
        return None
    if history.strip().casefold() in {title.casefold() for title in catalogue.titles}:
        return [catalogue.find(history)]
    words = [word for word in history.split(";") if word.strip()]
    if not words:
        raise ConfigError("--history is empty: name at least one title, or an id")
    return [catalogue.find(word) for word in words]
