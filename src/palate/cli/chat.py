"""``palate chat``: a conversation over a trained run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli import console
from palate.cli.run_argument import HistoryOption, RunFolder, UserOption, indices
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.conversation.answers import Answer

ASKING = "you › "
ENDINGS = {"quit", "exit", "bye", "q"}


def chat(
    folder: RunFolder,
    say: Annotated[
        list[str] | None,
        typer.Option(
            "--say",
            metavar="TEXT",
            help="A turn; may be given again for the next one. Answers, and ends.",
            show_default="you are asked",
        ),
    ] = None,
    history: HistoryOption = None,
    user: UserOption = None,
    k: Annotated[
        int, typer.Option("--count", "-k", "--k", min=1, help="Items per answer, unless you say.")
    ] = 5,
    words: Annotated[
        str,
        typer.Option(
            metavar="plain|MODEL|ADDRESS",
            help="Who words the answers: nobody, a language model, or an OpenAI-compatible "
            "address (http…).",
        ),
    ] = "smollm2-135m",
    words_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model at the address.", show_default=False),
    ] = None,
    search: Annotated[
        str,
        typer.Option(
            metavar="STAGES",
            help="What finds wishes beside titles, genres and years, as in palate search: bm25 by "
            "words, hybrid by meaning too.",
        ),
    ] = "bm25",
    as_json: Annotated[
        bool, typer.Option("--json", help="With --say: one JSON document on stdout.")
    ] = False,
) -> None:
    """Talk to a run: say what you want, and correct what it understood.

    [bold]Examples[/bold]
      palate chat runs/ease-ml-100k
      palate chat runs/ease-ml-100k --user 196 --say "three westerns"
      palate chat runs/ease-ml-100k --words plain --say "like Heat, not the 90s"

    Say an example ("like Heat"), genres ("a comedy", "funnier", "no horror"),
    years ("from the eighties", "before 1960", "older"), how many, and what you
    think of the list ("not that one", "I loved the second", "seen it", "more",
    "any year", "start over"). It adds up, and is shown before each answer.

    What is shown as ruled out never comes, whoever ranks and whoever words it:
    the language model writes the opening sentence from facts, and if it names a
    title or a year that is none, a plain sentence stands in. For an address,
    the key is read from OPENAI_API_KEY.
    """
    if history is not None and user is not None:
        raise ConfigError("for whom? give --history or --user, not both; neither is someone new")
    if as_json and not say:
        raise ConfigError('--json answers what is said: add --say "TEXT"')
    with console.working("loading"):
        from palate.experiments.chat import dialogue
        from palate.experiments.run import Run

        run = Run(folder)
        known = indices(run.catalogue(), history)
        talk = dialogue(
            run, history=known, user=user, k=k, words=words, words_model=words_model, search=search
        )
    turns = []
    for text in say or _typed():
        with console.working("thinking"):
            answer = talk.say(text)
        if as_json:
            turns.append({"said": text} | asdict(answer))
            continue
        if say:
            print(f"{ASKING}{text}")
        _show(answer)
    if as_json:
        console.print_json({"run": str(folder), "user": user, "turns": turns})


def _typed() -> Iterator[str]:
    """What is typed, or the lines of a pipe, until they end or somebody says that they do."""
    asking = sys.stdin.isatty()
    if asking:
        console.remark("Say what you are looking for; an empty line or Ctrl-D ends.")
    while True:
        try:
            line = input(ASKING) if asking else input()
        except EOFError:
            return
        if asking and (not line.strip() or line.strip().casefold() in ENDINGS):
            return
        yield line


def _show(answer: Answer) -> None:
    from rich.text import Text

    def line(text: str, style: str = "") -> None:
        console.out().print(Text(text, style=style), soft_wrap=True)

    if answer.understood:
        line(" · ".join(answer.understood), "dim")
    line(answer.text)
    for place, one in enumerate(answer.choices, 1):
        line(f"{place:>3}  {one.title}  (id {one.item})", "bold")
        year = [] if one.year is None or str(one.year) in one.title else [str(one.year)]
        about = ", ".join([*one.genres, *year])
        line("     " + " — ".join(part for part in (about, " · ".join(one.why)) if part), "dim")
    for remark in answer.remarks:
        line(remark, "yellow")
    if answer.untold:
        count = "1 item is" if answer.untold == 1 else f"{answer.untold:,} items are"
        line(f"{count} left out, of which the year or genre is not known.", "dim")
    print()
