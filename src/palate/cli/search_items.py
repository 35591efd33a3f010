"""``palate search query --run`` and ``palate search clicks``: the items of a run, for somebody."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import completion, console
from palate.cli.run_argument import indices

if TYPE_CHECKING:
    from palate.data.catalogue import Catalogue
    from palate.search.items.search import FoundItem, FoundItems

PANEL = "Items of a run"
RunOption = Annotated[
    Path | None,
    typer.Option(
        "--run", metavar="RUN", help="Search the items of this run, in place of an index.",
        autocompletion=completion.runs, rich_help_panel=PANEL,
    ),
]  # fmt: skip
ItemsUser = Annotated[
    str | None,
    typer.Option(
        "--user", metavar="ID", help="For a user of the run's data.", rich_help_panel=PANEL
    ),
]
ItemsHistory = Annotated[
    str | None,
    typer.Option(
        "--history", metavar="TITLES", rich_help_panel=PANEL,
        help="For somebody new: what they had, titles or ids between semicolons.",
    ),
]  # fmt: skip
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", metavar="CONDITION", rich_help_panel=PANEL,
        help="As 'year>=1990', 'genre=Drama|Comedy', 'genre!=Horror'; several all hold.",
    ),
]  # fmt: skip
Taste = Annotated[
    float | None,
    typer.Option(
        "--taste", min=0, max=1, rich_help_panel=PANEL, show_default="0.4",
        help="Weight of what the person likes, from 0 to 1; the rest is relevance.",
    ),
]  # fmt: skip
Unseen = Annotated[
    bool,
    typer.Option(
        "--unseen", help="Leave out what the person had; else it is marked.", rich_help_panel=PANEL
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(clicks)


def clicks(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Session log: JSON lines.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Events: CSV.")],
    run: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="Keep clicks on its items alone.")
    ] = None,
    dwell: Annotated[
        float, typer.Option(min=0, help="Seconds that a person stayed after a click that counts.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Make events of what people searched for and stayed with, for a recommender to learn from.

    [bold]Example[/bold]
      palate search clicks sessions.jsonl --run runs/ease-shop --out clicks.csv
      palate update runs/ease-shop --with clicks.csv

    Columns are user, item and time; users have the names that the log gives them.
    """
    from palate.experiments.atomic import write_text
    from palate.experiments.run import Run
    from palate.search.items.clicks import training_events
    from palate.search.logs.log import read_log

    items = None if run is None else set(Run(run).catalogue().items)
    events = training_events(read_log(log), items, dwell)
    write_text(out, events.write_csv())
    if as_json:
        console.print_json({"out": str(out), "events": len(events)})
    else:
        print(f"{len(events):,} events in {out}")


@dataclass(frozen=True)
class Asking:
    """What is asked of a run."""

    text: str
    user: str | None
    history: str | None
    filters: tuple[str, ...]
    k: int
    taste: float | None
    unseen: bool
    pipeline: str | None


def show_items(folder: Path, asked: Asking, explain: bool, as_json: bool) -> None:
    """Find, and print."""
    with console.working("loading"):
        from palate.experiments.item_search import find
        from palate.experiments.run import Run
        from palate.search.items.search import ItemSearchConfig

        run = Run(folder)
        catalogue = run.catalogue()
        told = {"pipeline": asked.pipeline, "taste": asked.taste}
        config = ItemSearchConfig(**{name: one for name, one in told.items() if one is not None})
        known = indices(catalogue, asked.history)
    found = find(
        run, asked.text, history=known, user=asked.user, filters=asked.filters, k=asked.k,
        leave_out_seen=asked.unseen, config=config,
    )  # fmt: skip
    for remark in found.remarks:
        console.remark(remark)
    if as_json:
        console.print_json(_told(asked, found, catalogue))
        return
    _print(found, catalogue, explain)
    if not found.items:
        console.remark("nothing found" + (" that the filters let pass" if asked.filters else ""))
    elif explain and not any(one.named for one in found.items) and not found.weight:
        console.remark("by relevance alone: --user or --history say for whom")


def _print(found: FoundItems, catalogue: Catalogue, explain: bool) -> None:
    from palate.experiments.item_search import sentence

    for one in found.items:
        title = catalogue.titles[one.item] + (" (seen)" if one.seen else "")
        line = f"{catalogue.items[one.item]}\t{one.score:.4g}\t{title}"
        print(line.replace("\t", "  ") if sys.stdout.isatty() else line)
        if explain:
            print(f"    {sentence(one, found.weight)}")
            print(f"    {_stages(one)}")


def _stages(one: FoundItem) -> str:
    from palate.search.trace import sentence

    return sentence([vars(stage) for stage in one.hit.provenance])


def _told(asked: Asking, found: FoundItems, catalogue: Catalogue) -> dict[str, Any]:
    rows = [
        {
            "item": catalogue.items[one.item],
            "title": catalogue.titles[one.item],
            "score": one.score,
            "relevance": one.relevance,
            "taste": one.taste,
            "by_relevance": one.by_relevance,
            "by_taste": one.by_taste,
            "seen": one.seen,
            "named": one.named,
            "found": [vars(stage) for stage in one.hit.provenance],
        }
        for one in found.items
    ]
    return {
        "query": asked.text,
        "user": asked.user,
        "taste": found.weight,
        "found": found.found,
        "items": rows,
    }
