"""``palate prompts``: what a run's language model is given to read."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from palate.experiments.prompts import ReadPrompt

ANSWER = "[the answer goes here]"
HEAD = "\n[the head over medications reads the last position]"


def prompts(
    folder: RunFolder,
    history: HistoryOption = None,
    user: UserOption = None,
    patient: PatientOption = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="One position per line: its number, token id, text.")
    ] = False,
    answer: Annotated[
        bool, typer.Option("--answer", help="Also what the model writes, free of any catalogue.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show the prompt of someone exactly as the run's language model reads it.

    [bold]Examples[/bold]
      palate prompts runs/bigrec-ml-100k --user 196
      palate prompts runs/bigrec-ml-100k --history "Heat (1995)" --answer
      palate prompts runs/leader-teacher-mimic-iv-demo --patient 10014354

    Control tokens are spelled out; [dim]\\[vector 7][/dim] is a vector, not text.
    """
    if patient is None:
        one_person(history, user)
    elif history is not None or user is not None or answer:
        raise ConfigError("--patient stands alone: without --history, --user and --answer")
    with console.working("loading"):
        from palate.experiments.prompts import read_prompt
        from palate.experiments.run import Run

        if patient is not None:
            from palate.experiments.medication.prompts import read_patient_prompt
            from palate.experiments.medication.run import MedicationRun

            found = read_patient_prompt(MedicationRun(folder), patient)
        else:
            run = Run(folder)
            known = indices(run.catalogue(), history)
            found = read_prompt(run, history=known, user=user, answer=answer)
    if as_json:
        console.print_json({"tokens": len(found.pieces), "vectors": found.vectors} | asdict(found))
    elif tokens:
        for place, piece in enumerate(found.pieces):
            id_ = "vector" if piece.id is None else piece.id
            # Quoted as JSON does, so that spaces and line ends can be seen.
            print(f"{place}\t{id_}\t{json.dumps(piece.text, ensure_ascii=False)}")
        if found.answer is not None:
            print(found.answer)
    else:
        _show(found, None if patient is None else MedicationRun(folder).caution)


def _show(found: ReadPrompt, caution: str | None) -> None:
    answer = HEAD if caution else ANSWER if found.answer is None else found.answer
    if sys.stdout.isatty():
        from rich.text import Text

        console.out().print(Text(found.text) + Text(answer, style="bold green"), soft_wrap=True)
    else:
        print(found.text + answer)
    vectors = f", {found.vectors} of them vectors" if found.vectors else ""
    console.remark(f"{len(found.pieces)} positions{vectors}, read by {found.model}")
    if caution:
        console.remark(caution)
