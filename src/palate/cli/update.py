"""``palate update``: a new period of data, and the next version of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import console
from palate.cli.run_argument import RunFolder
from palate.cli.serve import StoreOption, packages
from palate.errors import ConfigError
from palate.experiments import wording

if TYPE_CHECKING:
    from palate.experiments.run import Run


def update(
    folder: RunFolder,
    file: Annotated[
        Path | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="The new events, with the columns of the old.",
            show_default=False,
        ),
    ] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Learn what came to a server's store instead.")
    ] = False,
    store: StoreOption = None,
    items: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Titles of the items that are new in them."),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="STRATEGY",
            help="How it goes on: lsat-en, lsat-ta, lsat-ta-exact, fine-tune, peso or full.",
            show_default="lsat-en; full for a method that cannot go on",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the new version goes.", show_default="RUN-v2"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do and take; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Bring a run up to date with new events: a new version beside it; RUN stays as it is.

    [bold]Examples[/bold]
      palate update runs/sasrec-clicks --with december.csv --dry-run
      palate update runs/sasrec-clicks --with december.csv --items new_items.csv
      palate update runs/sasrec-clicks-v2 --with january.csv --strategy fine-tune
      palate update runs/sasrec-clicks --from-store

    The oldest eight tenths of the new events train, the next one chooses, the newest one tests
    both versions.

      lsat-en        a second, short-term model learns the new events alone, from scratch; the
                     answers of both are mixed (lsat-ta: their weights; lsat-ta-exact: what
                     adapters change)
      fine-tune      the model learns on (peso: and is held near what it was)
      full           a new model learns everything

    Which of them suits your data: palate compare METHOD --split periods (docs/going-on.md).
    """
    if (file is None) != from_store:
        raise ConfigError("what is new? give either --with FILE or --from-store")
    if from_store:
        if items is not None:
            raise ConfigError("--items belongs to --with; a store knows its items itself")
        _from_store(folder, store, strategy, out, dry_run, as_json)
        return
    assert file is not None
    with console.working("loading"):
        from palate.experiments.lineage import record
        from palate.experiments.run import Run
        from palate.experiments.update import update as experiment
        from palate.experiments.update_plan import plan

        run = Run(folder)
    if dry_run:
        with console.working("reading"):
            told = plan(run, file, items, strategy).told()
        if as_json:
            console.print_json(told)
        else:
            _show_plan(told)
        return
    new = experiment(run, file, items, strategy, out, progress=True)
    made = record(new)
    assert made is not None
    if as_json:
        console.print_json({"run": str(new.folder), **made})
        return
    _show(run, new, made)


def _from_store(
    folder: Path,
    store: str | None,
    strategy: str | None,
    out: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    with console.working("loading"):
        serving = packages()
        from palate.experiments.lineage import record
        from palate.experiments.run import Run
        from palate.serving.loop import plan_from_store, update_from_store

        run, opened = Run(folder), serving.open_store(store or serving.beside(folder))
    if dry_run:
        with console.working("reading"):
            told = plan_from_store(run, opened, strategy).told()
        if as_json:
            console.print_json(told)
        else:
            _show_plan(told)
        return
    found = update_from_store(run, opened, strategy, out, progress=True)
    made = record(found.run)
    assert made is not None
    if as_json:
        verdict = {"good": found.verdict.good, "why": found.verdict.why}
        console.print_json({"run": str(found.run.folder), "verdict": verdict, **made})
        return
    _show(run, found.run, made)
    version = found.run.folder.name
    if found.verdict.good:
        print(f"{version} may be activated: {found.verdict.why}")
        console.remark(f'swap:  POST /v1/runs/activate {{"version": "{version}"}}')
    else:
        print(f"{version} should not be activated: {found.verdict.why}")


def _show_plan(told: Mapping[str, Any]) -> None:
    new, asked, seconds = told["new"], told["questions"], told["estimated_seconds"]
    print(f"{told['run']} by {told['strategy']}; nothing is written")
    print(f"new:    {new['events']:,} events, {new['users']:,} users, {new['items']:,} items")
    print(f"late:   {new['late']:,} events older than the newest before")
    print(f"read:   {told['read']}")
    for model in told["models"]:
        print(f"model:  {model}")
    print(f"train {asked['train']:,}, choose by {asked['choose']:,}, test {asked['test']:,}")
    print(
        f"estimate, from what the run took: training {wording.seconds(seconds['training'])}, "
        f"judging {wording.seconds(seconds['judging'])}"
    )
    for note in told["notes"]:
        print(f"Note: {note}")


def _show(run: Run, new: Run, made: Mapping[str, Any]) -> None:
    """Both versions side by side, and what to do next."""
    rows = [
        [
            metric.upper(),
            wording.score(one["old"]),
            wording.score(one["new"]),
            wording.difference(one["difference"]),
            wording.probability(one["p"]),
            f"{one['cases']:,}",
        ]
        for metric, one in made["versions"].items()
    ]
    console.table(["same test", "old", "new", "difference", "p", "cases"], rows)
    if "share" in made:
        tried = ", ".join(f"{share}: {value:.4f}" for share, value in made["tried"].items())
        print(f"weight of the long-term model: {made['share']:g} (validation by weight: {tried})")
    print(f"learned {made['new']['events']:,} new events by {made['strategy']}, ", end="")
    print(f"{wording.seconds(made['seconds']['training'])} of training")
    for note in new.results()["notes"]:
        print(f"Note: {note}")
    console.remark(f"old:   {run.folder}, as it was")
    console.remark(f"new:   {new.folder}")
    console.remark(f"next:  palate recommend {new.folder} --user ID")
