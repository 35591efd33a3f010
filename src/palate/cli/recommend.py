"""``palate recommend``: what a trained run recommends to a known or a new user."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli import console
from palate.cli.run_argument import RunFolder
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.data.catalogue import Catalogue


def recommend(
    folder: RunFolder,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="TITLES",
            help="A new user: what they touched, oldest first, titles or ids between semicolons.",
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="ID", help="A user of the data the run was trained on.")
    ] = None,
    k: Annotated[int, typer.Option("--count", "-k", min=1, help="How many items.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Recommend items: title and score per line, best first; what is in the history is left out.

    [bold]Examples[/bold]
      palate recommend runs/ease-ml-100k --history "Heat (1995); Fargo (1996)"
      palate recommend runs/ease-ml-100k --user 196 -k 5 --json

    Scores compare the items of one list; they mean nothing between lists or methods.
    """
    if (history is None) == (user is None):
        raise ConfigError('for whom? give either --history "title; title" or --user ID')
    with console.working("loading"):
        from palate.experiments.recommend import recommend as experiment
        from palate.experiments.run import Run

        run = Run(folder)
        known = None if history is None else indices(run.catalogue(), history)
        found = experiment(run, history=known, user=user, k=k)
    if as_json:
        console.print_json([asdict(one) for one in found])
    elif sys.stdout.isatty():
        width = max((len(one.title) for one in found), default=0)
        for one in found:
            print(f"{one.title:<{width}}  {one.score:.4f}")
    else:
        for one in found:
            print(f"{one.title}\t{one.score:.6g}")


def indices(catalogue: Catalogue, history: str) -> list[int]:
    """The items of ``title; title``; a title that itself holds semicolons may stand alone.

    Raises:
        DataError: a title or id that is not in the catalogue; the message offers the nearest.
        ConfigError: nothing between the semicolons.
    """
    if history.strip().casefold() in {title.casefold() for title in catalogue.titles}:
        return [catalogue.find(history)]
    words = [word for word in history.split(";") if word.strip()]
    if not words:
        raise ConfigError("--history is empty: name at least one title, or an id")
    return [catalogue.find(word) for word in words]
