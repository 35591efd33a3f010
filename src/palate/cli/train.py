"""``palate train``: one method on one data set, into a run folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import completion, console, settings
from palate.cli.begun import new_folder, says_how_to_resume
from palate.cli.data_options import data_name, takes_data
from palate.cli.evaluate import show_run
from palate.cli.hospital_options import ALL_OPTIONS, any_config, kind_of
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.experiments.run import Run
    from palate.recommenders.registry import Kind

MARK, AGAIN = "config.yaml", "palate train --resume"
OWN_OPTIONS = [
    "help", "seed", "out", "resume", "json", *(name.replace("_", "-") for name in ALL_OPTIONS)
]  # fmt: skip


@functools.partial(takes_data, options=ALL_OPTIONS)
def train(
    context: typer.Context,
    given: dict[str, Any],
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="METHOD",
            help="Which method; 'palate methods' lists them.",
            autocompletion=completion.methods,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice of the training.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the run goes.",
            show_default="runs/METHOD-DATA, numbered",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a training that was interrupted; needs nothing else.",
            autocompletion=completion.runs,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Metrics and folder as JSON on stdout.")
    ] = False,
    wants_help: Annotated[
        bool, typer.Option("--help", "-h", help="Show this, and the settings of METHOD.")
    ] = False,
) -> None:
    """Train METHOD, judge it on the test cases, and keep everything in a run folder.

    [bold]Examples[/bold]
      palate train ease --data ml-100k
      palate train sasrec --data ml-100k --epochs 50 --width 128
      palate train sasrec --interactions clicks.csv --items items.parquet
      palate train retain --data mimic-iv-demo-2.2

    Any setting of the method is an option here. What they are and mean:
      palate train sasrec --help
    """
    if wants_help:
        _help(context, method, given)
        return
    if resume is not None:
        _only_resume(context, method, given, out)
        run = _resumed(resume)
    else:
        run = _trained(context, method, given, seed, out)
    if as_json:
        console.print_json({"run": str(run.folder), "metrics": run.metrics()})
        return
    show_run(run)
    console.remark(f"run:   {run.folder}")
    whom = '--history "title; title"' if run.kind == "items" else "--patient ID"
    console.remark(f"next:  palate recommend {run.folder} {whom}")


def _help(context: typer.Context, method: str | None, given: dict[str, Any]) -> None:
    if method is None or method.startswith("-"):
        print(context.get_help())
        return
    with console.working("loading"):
        from palate.recommenders import registry

        kind = kind_of(given) if given else _kind_named(method)
        found = registry.get(method, kind)
    console.remark("")
    print(f"palate train {method}: {found.summary}\n")
    data = {"items": "ml-100k", "medication": "synthetic:2000"}[kind]
    print(f"  palate train {method} --data {data} [--setting value ...]\n")
    rows = settings.help_rows(found.Config)
    if rows:
        console.table(["setting", "values", "default", "meaning"], rows, left=4)
    else:
        print(f"{method} has no settings.\n")
    print("Options for data, seed and folder: palate train --help")


def _kind_named(method: str) -> Kind:
    """The first kind that has a method of that name."""
    from palate.recommenders import registry

    for kind in registry.KINDS:
        if method in {known.name for known in registry.methods(kind)}:
            return kind
    return "items"


def _trained(
    context: typer.Context, method: str | None, given: dict[str, Any], seed: int, out: Path | None
) -> Run:
    if method is None:
        raise ConfigError("which method? palate train METHOD; 'palate methods' lists them")
    if method.startswith("-"):
        raise ConfigError(f"the method comes before its settings: palate train METHOD {method} ...")
    with console.working("loading"):
        from palate.recommenders import registry

        data, kind = any_config(given), kind_of(given)
        config = registry.get(method, kind).Config
        typed = settings.parse(method, context.args, OWN_OPTIONS, config)
        from palate.experiments import train as experiment
    folder = new_folder(out, f"{method}-{data_name(given)}".replace(":", "-"), [MARK])
    with says_how_to_resume(folder, MARK, AGAIN):
        return experiment.train(method, typed, data, seed=seed, folder=folder, progress=True)


def _resumed(folder: Path) -> Run:
    with console.working("loading"):
        from palate.experiments import train as experiment
    with says_how_to_resume(folder, MARK, AGAIN):
        return experiment.resume_training(folder, progress=True)


def _only_resume(
    context: typer.Context, method: str | None, given: dict[str, Any], out: Path | None
) -> None:
    if method or given or out or context.args:
        raise ConfigError(
            "--resume RUN takes nothing else: method, settings and data are those of the run"
        )
