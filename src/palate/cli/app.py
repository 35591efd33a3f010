"""The commands, in the order in which people need them."""

from __future__ import annotations

from typing import Annotated

import typer

from palate.cli.chat import chat
from palate.cli.compare import compare
from palate.cli.data import data
from palate.cli.demo import demo
from palate.cli.distil import distil
from palate.cli.doctor import doctor
from palate.cli.evaluate import evaluate, report
from palate.cli.explain import explain
from palate.cli.methods import methods
from palate.cli.pretrain import pretrain
from palate.cli.prompts import prompts
from palate.cli.recommend import recommend
from palate.cli.research import research
from palate.cli.search import search
from palate.cli.serve import keys, serve
from palate.cli.train import train
from palate.cli.update import update

HELP = """Recommendation with large language models, compared fairly with everything else.

[bold]The whole job, on MovieLens-100K[/bold]
  palate demo

[bold]On your own files: look, train, recommend to someone new, compare[/bold]
  palate data show clicks.csv
  palate train sasrec --interactions clicks.csv --items items.parquet
  palate recommend runs/sasrec-clicks --history "Toy Story (1995); Heat (1995)"
  palate compare popularity ease sasrec --interactions clicks.csv

Every command explains itself: palate COMMAND --help
"""

app = typer.Typer(
    name="palate",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from palate import __version__

        print(f"palate {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of palate itself."""


app.command()(demo)
app.add_typer(data, name="data")
app.command()(methods)
# Options that are not its own are settings of the method; it answers --help itself, to show them.
app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(train)
app.command()(update)
app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(pretrain)
app.command()(distil)
app.command()(compare)
app.command()(recommend)
app.command()(chat)
app.command()(explain)
app.command()(prompts)
app.add_typer(search, name="search")
app.command()(evaluate)
app.command()(report)
app.command()(serve)
app.add_typer(keys, name="keys")
app.add_typer(research, name="research")
app.command()(doctor)
