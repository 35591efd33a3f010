"""``palate recommend``: what a trained run recommends to a known or a new user."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from palate.cli import console
from palate.cli.run_argument import HistoryOption, RunFolder, UserOption, indices, one_person


def recommend(
    folder: RunFolder,
    history: HistoryOption = None,
    user: UserOption = None,
    k: Annotated[int, typer.Option("--count", "-k", min=1, help="How many items.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Recommend items: title and score per line, best first; what is in the history is left out.

    [bold]Examples[/bold]
      palate recommend runs/ease-ml-100k --history "Heat (1995); Fargo (1996)"
      palate recommend runs/ease-ml-100k --user 196 -k 5 --json

    Scores compare the items of one list; they mean nothing between lists or methods.
    """
    one_person(history, user)
    with console.working("loading"):
        from palate.experiments.recommend import recommend as experiment
        from palate.experiments.run import Run

        run = Run(folder)
        known = indices(run.catalogue(), history)
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
