"""``palate distil``: a small fast student out of runs of any methods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli import completion, console, settings
from palate.cli.evaluate import show_metrics
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.experiments.run import Run

OWN = "distil"  # how settings of the distillation are named after --set


def distil(
    teachers: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...", help="Runs that teach, one or many.", autocompletion=completion.runs
        ),
    ] = None,
    student: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="Who learns: sasrec, gru4rec, caser, fm, deepfm, lightgcn, slit or slist.",
            autocompletion=completion.methods,
        ),
    ] = "sasrec",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the student's run goes.",
            show_default="runs/STUDENT-from-TEACHERS",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="WHOSE.SETTING=VALUE",
            help="A setting of the student (sasrec.width=128) or of distillation "
            "(distil.temperature=1).",
        ),
    ] = None,
    list_settings: Annotated[
        bool, typer.Option("--list-settings", help="Show the settings of distillation.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Metrics and folder as JSON on stdout.")
    ] = False,
) -> None:
    """Teach a small fast model what trained runs know; it becomes an ordinary run.

    [bold]Examples[/bold]
      palate distil runs/lite-llm4rec-ml-100k --student sasrec
      palate distil runs/bigrec runs/unisrec runs/recformer --student gru4rec
      palate distil runs/fusion --set sasrec.width=128 --set distil.temperature=1

    The teachers must have learned from the same data and split. What they say is asked once and
    kept in the cache. After CKD-MDSR (arXiv:2401.00797), whose formulas are not public: this is a
    reconstruction. The same command goes on with a training that was interrupted.
    """
    if list_settings:
        from palate.training.distillation import DistilConfig

        rows = settings.help_rows(DistilConfig)
        named = [(f"{OWN}.{flag[2:].replace('-', '_')}", *rest) for flag, *rest in rows]
        console.table(["setting", "values", "default", "meaning"], named, left=4)
        return
    if not teachers:
        raise ConfigError("no teacher: name one run or more (palate distil runs/NAME ...)")
    with console.working("loading"):
        from palate.experiments import distil as experiment
        from palate.experiments.run import Run
        from palate.recommenders import registry
        from palate.training.distillation import DistilConfig

        typed = settings.split_sets([student, OWN], sets or [])
        config = registry.configure(OWN, typed.get(OWN, {}), DistilConfig)
        assert isinstance(config, DistilConfig)
        runs = [Run(folder) for folder in teachers]
    methods = "-".join(dict.fromkeys(run.method for run in runs))
    folder = out or completion.RUNS / f"{student}-from-{methods}"
    try:
        run = experiment.distil(
            runs, student, folder, typed.get(student, {}), config, seed, progress=True
        )
    except KeyboardInterrupt:
        console.remark("interrupted; the same command goes on where it was")
        raise
    if as_json:
        console.print_json({"run": str(run.folder), "metrics": run.metrics()})
        return
    show_metrics(run)
    _show_teachers(runs, run)
    console.remark(f"run:   {run.folder}")


def _show_teachers(teachers: list[Run], student: Run) -> None:
    """The student beside its teachers: accuracy and what a request costs."""
    from palate.experiments import wording

    rows = [
        [
            one.method,
            wording.score(one.metrics()["ndcg@10"]),
            wording.milliseconds(one.cost()["p50_ms"]),
            wording.count(one.cost()["parameters"]),
        ]
        for one in (*teachers, student)
    ]
    console.table(["teachers, then the student", "NDCG@10", "a request", "parameters"], rows)
    print("Distillation is a reconstruction of CKD-MDSR (arXiv:2401.00797).")
