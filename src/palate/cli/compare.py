"""``palate compare``: several methods, several seeds, the same split."""

from __future__ import annotations

import functools
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from palate.cli import completion, console, settings
from palate.cli.comparison_table import show
from palate.cli.data_options import data_name, takes_data
from palate.cli.hospital_options import ALL_OPTIONS, any_config, kind_of
from palate.cli.periods import PERIODS, over_periods


@functools.partial(takes_data, options=ALL_OPTIONS)
def compare(
    given: dict[str, Any],
    methods: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD",
            help="Which methods; METHOD@NAME compares a method with itself, set otherwise.",
            autocompletion=completion.methods,
        ),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each method.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where it goes.", show_default="runs/compare-DATA-SPLIT"
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.SETTING=VALUE", help="A setting of one method."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD", help="Test the others against this one.", show_default="best"
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again what the folder already holds.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The comparison as JSON on stdout.")
    ] = False,
) -> None:
    """Compare METHODS: same split, same judge, intervals and tests, cost in the same table.

    [bold]Examples[/bold]
      palate compare popularity ease sasrec --data ml-100k
      palate compare ease sasrec --data ml-100k --seeds 3 --set sasrec.width=128
      palate compare sasrec sasrec@wide --data ml-100k --set sasrec@wide.width=256
      palate compare ease sasrec --interactions clicks.csv --split temporal
      palate compare popularity ease sasrec --data ml-100k --split few-shot:64
      palate compare sasrec-likes sasrec --data ml-100k --split periods
      palate compare popularity logistic retain --data synthetic:2000 --seeds 3

    With --split periods, methods that go on learning are trained and tested period by period, in
    every way there is to go on; periods:20 makes 20 of them, and --set periods.first=10 and others
    say more (docs/going-on.md).

    Runs that the folder already holds with the same settings, data and seed are reused.
    """
    methods = list(dict.fromkeys(methods))
    if str(given.get("split")).partition(":")[0] == PERIODS:
        over_periods(methods, given, seeds, out, sets or [], as_json)
        return
    with console.working("loading"):
        data, kind = any_config(given), kind_of(given)
        chosen = settings.parse_sets(methods, sets or [], kind)
    # Another split is another comparison: it must not take the place of one that was made.
    split = re.sub(r"[^\w.-]+", "-", str(given.get("split", "")))
    named = "-".join(["compare", data_name(given), *([split] if split else [])]).replace(":", "-")
    folder = out or completion.RUNS / named
    try:
        with console.working("loading"):
            from palate.experiments import compare as experiment
        comparison = experiment.compare(
            methods,
            data,
            seeds=seeds,
            folder=folder,
            settings=chosen,
            progress=True,
            reuse=not fresh,
            reference=reference,
        )
    except KeyboardInterrupt:
        console.remark("interrupted; the same command goes on from the runs that are finished")
        raise
    if as_json:
        console.print_json({"folder": str(folder), **asdict(comparison)})
    else:
        if kind == "medication":
            from palate.cli.medication import show_comparison

            show_comparison(comparison)
        else:
            show(comparison)
        console.remark(f"report: {folder / 'report.html'}")
    if comparison.failed:
        raise typer.Exit(1)
