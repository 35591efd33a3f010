"""``palate recommend``: what a trained run recommends to a known or a new user."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from palate.cli import console
from palate.cli.run_argument import (
    HistoryOption,
    PatientOption,
    RunFolder,
    UserOption,
    indices,
    one_person,
)
from palate.errors import ConfigError


def recommend(
    folder: RunFolder,
    history: HistoryOption = None,
    user: UserOption = None,
    patient: PatientOption = None,
    k: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-k",
            min=1,
            help="How many items; of medications by default all that are recommended.",
            show_default="10",
        ),
    ] = None,
    interaction_penalty: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="With --patient: what an interaction costs, from 0 to 1; by default as the run "
            "was judged.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Recommend items: title and score per line, best first; what is in the history is left out.

    [bold]Examples[/bold]
      palate recommend runs/ease-ml-100k --history "Heat (1995); Fargo (1996)"
      palate recommend runs/ease-ml-100k --user 196 -k 5 --json
      palate recommend runs/leader-mimic-iv-demo --patient 10014354

    Scores compare the items of one list; they mean nothing between lists or methods.
    """
    if patient is not None:
        if history is not None or user is not None:
            raise ConfigError("for whom? --patient stands alone, without --history and --user")
        _medications(folder, patient, k, interaction_penalty, as_json)
        return
    if interaction_penalty is not None:
        raise ConfigError("--interaction-penalty belongs to --patient")
    one_person(history, user)
    with console.working("loading"):
        from palate.experiments.recommend import recommend as experiment
        from palate.experiments.run import Run

        run = Run(folder)
        known = indices(run.catalogue(), history)
        found = experiment(run, history=known, user=user, k=k or 10)
    if as_json:
        console.print_json([asdict(one) for one in found])
    elif sys.stdout.isatty():
        width = max((len(one.title) for one in found), default=0)
        for one in found:
            print(f"{one.title:<{width}}  {one.score:.4f}")
    else:
        for one in found:
            print(f"{one.title}\t{one.score:.6g}")


def _medications(
    folder: Path, patient: str, k: int | None, penalty: float | None, as_json: bool
) -> None:
    with console.working("loading"):
        from palate.cli.medication import show_advice
        from palate.experiments.medication.recommend import advise
        from palate.experiments.medication.run import MedicationRun

        found = advise(MedicationRun(folder), patient, penalty)
    if as_json:
        console.print_json(asdict(replace(found, recommended=found.recommended[:k])))
    else:
        show_advice(found, k)
