"""``palate pretrain``: one method on several data sets, for trainings to start from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import completion, console, settings
from palate.cli.begun import new_folder, says_how_to_resume
from palate.cli.data_options import PREPARATION, data_config, data_name, takes_data
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.data.load import DataConfig

MARKS = ("pretrained.json", "config.yaml")
OWN_OPTIONS = [
    *("help", "data", "seed", "out", "resume", "json"),
    *(option.replace("_", "-") for option in PREPARATION),
]


@partial(takes_data, options=PREPARATION)
def pretrain(
    context: typer.Context,
    given: dict[str, Any],
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="METHOD",
            help="Which method: unisrec, or another that can.",
            autocompletion=completion.methods,
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="A domain: a named data set, or a folder or file; once for each.",
            autocompletion=completion.data_sets,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the pre-trained model goes.",
            show_default="runs/METHOD-pretrained, numbered",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Go on with a pre-training that was interrupted; needs nothing else.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="What came out, and the folder, as JSON on stdout.")
    ] = False,
    wants_help: Annotated[
        bool, typer.Option("--help", "-h", help="Show this, and the settings of METHOD.")
    ] = False,
) -> None:
    """Let METHOD learn from several data sets what holds in all, before it meets yours.

    [bold]Examples[/bold]
      palate pretrain unisrec --data books.csv --data films.csv --out both
      palate train unisrec --data games.csv --pretrained both

    Only training events are read: what a split of the same data tests stays
    unseen. Any setting of the pre-training is an option here:
      palate pretrain unisrec --help
    """
    if wants_help:
        _help(context, method)
        return
    if resume is not None:
        if method or given or data or out or context.args:
            raise ConfigError(
                "--resume FOLDER takes nothing else: method, settings and data are those it began "
                "with"
            )
        folder, card = resume, _resumed(resume)
    else:
        folder, card = _pretrained(context, method, data or [], given, seed, out)
    if as_json:
        told = {name: card[name] for name in ("method", "best", "epochs", "seconds")}
        console.print_json({"folder": str(folder)} | told)
        return
    rows = [(d, a["users"], a["items"], a["events"]) for d, a in card["domains"].items()]
    console.table(["domain", "users", "items", "events"], rows)
    if card["best"] is not None:
        console.remark(f"NDCG@10 of validation users, over all domains' items: {card['best']:.4f}")
    console.remark(f"folder: {folder}")
    console.remark(f"next:   palate train {card['method']} --data … --pretrained {folder}")


def _help(context: typer.Context, method: str | None) -> None:
    if method is None or method.startswith("-"):
        print(context.get_help())
        return
    with console.working("loading"):
        from palate.recommenders import registry

        config = registry.pretraining(method)
        found = registry.get(method)
    console.remark("")
    print(f"palate pretrain {method}: {found.summary}\n")
    print(f"  palate pretrain {method} --data PATH --data PATH [--setting value ...]\n")
    console.table(["setting", "values", "default", "meaning"], settings.help_rows(config), left=4)
    print("Options for data, seed and folder: palate pretrain --help")


def _pretrained(
    context: typer.Context,
    method: str | None,
    data: list[str],
    given: dict[str, Any],
    seed: int,
    out: Path | None,
) -> tuple[Path, dict[str, Any]]:
    if method is None:
        raise ConfigError("which method? palate pretrain METHOD --data PATH --data PATH")
    if method.startswith("-"):
        raise ConfigError(
            f"the method comes before its settings: palate pretrain METHOD {method} ..."
        )
    with console.working("loading"):
        from palate.recommenders import registry

        config = registry.pretraining(method)
        typed = settings.parse(method, context.args, OWN_OPTIONS, config, "pretrain")
        domains = _domains(data, given)
        from palate.experiments import pretrain as experiment
    folder = new_folder(out, f"{method}-pretrained", MARKS)
    with says_how_to_resume(folder, "begun.json", "palate pretrain --resume"):
        return folder, experiment.pretrain(method, typed, domains, folder, seed, progress=True)


def _domains(data: list[str], given: dict[str, Any]) -> dict[str, DataConfig]:
    """The data of each domain, by a short name."""
    if not data:
        raise ConfigError("no data: name each domain (--data books.csv --data films.csv)")
    domains: dict[str, DataConfig] = {}
    for source in data:
        name = data_name({"data": source})
        if name in domains:
            raise ConfigError(
                f"--data {source}: a domain is called '{name}' already; rename the file or folder"
            )
        domains[name] = data_config({"data": source} | given)
    return domains


def _resumed(folder: Path) -> dict[str, Any]:
    with console.working("loading"):
        from palate.experiments import pretrain as experiment
    with says_how_to_resume(folder, "begun.json", "palate pretrain --resume"):
        return experiment.resume_pretraining(folder, progress=True)
