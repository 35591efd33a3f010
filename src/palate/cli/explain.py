"""``palate explain``: why a run recommends an item, and how far to trust the reasons."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import console
from palate.cli.run_argument import HistoryOption, RunFolder, UserOption, indices, one_person
from palate.errors import ConfigError

if TYPE_CHECKING:
    from rich.text import Text

    from palate.data.catalogue import Catalogue
    from palate.experiments.explain import Explanation, Influence, Words

BAR = 12  # cells of the longest bar


def explain(
    folder: RunFolder,
    history: HistoryOption = None,
    user: UserOption = None,
    item: Annotated[
        str | None,
        typer.Option(
            metavar="TITLE",
            help="The item to explain, by title or id.",
            show_default="the first recommendation",
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("--count", "-k", min=1, help="Items of the history to show.")
    ] = 10,
    words: Annotated[
        bool | None,
        typer.Option(
            "--words/--no-words",
            help="Put the state of a sequential model into words.",
            show_default="if the run has learned to",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="Words: moments of histories to learn from.", show_default="512"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Words: passes over them.", show_default="3")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Words: the language model that finds them.", show_default="smollm2-135m"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Say which items of a history drive a recommendation, for any method.

    Each is left out in turn and the list is made anew: what changes is what it was worth.

    [bold]Examples[/bold]
      palate explain runs/ease-ml-100k --user 196
      palate explain runs/sasrec-ml-100k --user 196 --item "Heat (1995)"
      palate explain runs/sasrec-ml-100k --history "Heat (1995)" --no-words

    For a model that reads a sequence, --words has a language model say what its
    state holds, with how true such words are. It learns that once per run,
    which takes many minutes without a GPU.
    """
    one_person(history, user)
    with console.working("loading"):
        from palate.experiments.explain import explain as experiment
        from palate.experiments.explain import put_into_words
        from palate.experiments.interpret import kept_interpreter
        from palate.experiments.recommend import known_history
        from palate.experiments.run import Run
        from palate.recommenders.sequential import SequentialRecommender

        run = Run(folder)
        catalogue = run.catalogue()
        known = known_history(run, catalogue, indices(catalogue, history), user)
        wanted = None if item is None else catalogue.find(item)
        recommender = run.recommender()
        found = experiment(recommender, known, wanted)
    told = None
    wanted_words = kept_interpreter(run) is not None if words is None else words
    if wanted_words:
        if not isinstance(recommender, SequentialRecommender):
            raise ConfigError(
                f"--words: {run.method} keeps no state of a sequence to put into words"
            )
        typed = {"samples": samples, "epochs": epochs, "model": model}
        settings = {key: value for key, value in typed.items() if value is not None}
        told = put_into_words(run, recommender, known, settings, progress=True)
    if as_json:
        console.print_json(_document(found, told, catalogue))
        return
    _show(found, catalogue, k)
    if told is not None:
        _show_words(told, catalogue)


def _show(found: Explanation, catalogue: Catalogue, k: int) -> None:
    print(
        f"{catalogue.titles[found.item]}: rank {found.rank:,} of {found.candidates:,}, "
        f"score {found.score:.4g}\n"
    )
    most = max((abs(one.change) for one in found.influences), default=0.0)
    if most == 0:
        print("Nothing in the history changes this score: it is the same for everyone.")
        return
    rows = [
        [
            _title(one, catalogue),
            _bar(one.change, most),
            f"{one.change:+.4g}",
            f"{one.rank:,}",
        ]
        for one in found.influences[:k]
    ]
    console.table(["because of", "", "score", "rank without"], rows, left=2, one_line=True)
    rest = len(found.influences) - k
    if rest > 0:
        print(f"{rest:,} more items change the score less.")
    print(
        "Each number is exact: the score with the item less the score without it. Items that tell "
        "the model the same can stand in for each other, so a small number does not mean that an "
        "item says little."
    )


def _title(one: Influence, catalogue: Catalogue) -> str:
    return catalogue.titles[one.item] + (f" ×{one.events}" if one.events > 1 else "")


def _bar(change: float, most: float) -> Text:
    from rich.text import Text

    return Text("█" * round(BAR * abs(change) / most), style="green" if change > 0 else "red")


def _show_words(told: Words, catalogue: Catalogue) -> None:
    print("\nIn words, what a language model reads in the model's state of this history:\n")
    for named, true in zip(told.named, told.true, strict=True):
        print(f"  {'in the history    ' if true else 'not in the history'}  ", end="")
        print(catalogue.titles[named])
    if not told.named:
        print(f"  no item of the catalogue, but: {told.text}")
    else:
        print(f"\n{sum(told.true)} of {len(told.true)} are in the history.", end=" ")
    print(told.trust())


def _document(found: Explanation, told: Words | None, catalogue: Catalogue) -> dict[str, Any]:
    def name(item: int) -> dict[str, str]:
        return {"item": catalogue.items[item], "title": catalogue.titles[item]}

    document = asdict(found) | name(found.item)
    document["influences"] = [asdict(one) | name(one.item) for one in found.influences]
    if told is not None:
        pairs = zip(told.named, told.true, strict=True)
        document["words"] = {
            "text": told.text,
            "named": [name(item) | {"in_history": true} for item, true in pairs],
            "figures": told.figures,
            "trust": told.trust(),
        }
    return document
