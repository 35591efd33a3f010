"""``palate demo``: the main job, end to end, on real data with a real language model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import completion, console
from palate.cli.comparison_table import show

if TYPE_CHECKING:
    from palate.experiments.comparison import Comparison

DATA = "ml-100k"
LANGUAGE_MODEL = "smollm2-135m"

# What is compared, and with which settings: those that fit two cores and a few minutes.
METHODS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "ease": {},
    "sasrec": {},
    "lite-llm4rec": {"epochs": 8},
}

SHOWN = 5  # titles of a history and of a list


def demo(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where it goes.")] = (
        completion.RUNS / "demo"
    ),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again what the folder already holds.")
    ] = False,
) -> None:
    """The whole job: fetch MovieLens-100K and a language model, train, compare, recommend.

    Popularity, EASE, SASRec and Lite-LLM4Rec on the same split; one table, what each recommends
    to three people, and a report. About six minutes on two cores; seconds when run again.
    """
    start = time.monotonic()
    try:
        comparison = _run(out, fresh)
    except KeyboardInterrupt:
        console.remark("interrupted; palate demo goes on from what is finished")
        raise
    console.remark("[4/4] what came out")
    show(comparison)
    _recommendations(comparison)
    minutes = (time.monotonic() - start) / 60
    print(f"\nReport: {(out / 'report.html').resolve()}   ({minutes:.1f} minutes)")
    if not comparison.failed:
        print(f'Next:   palate recommend {out}/sasrec-seed0 --history "Toy Story (1995)"')
    else:
        raise typer.Exit(1)


def _run(folder: Path, fresh: bool) -> Comparison:
    with console.working("[1/4] MovieLens-100K"):
        from palate.data.load import DataConfig
        from palate.data.sources import fetch, get, is_fetched

        here = is_fetched(DATA)
        fetch(DATA)
    console.remark(
        f"[1/4] MovieLens-100K: {'in the cache' if here else 'fetched'}. {get(DATA).licence}"
    )
    console.remark(
        "[2/4] SmolLM2-135M-Instruct: fetched and unpacked the first time, a minute or two"
    )
    with console.working("loading"):
        from palate.language.weights import resolve
    resolve(LANGUAGE_MODEL)
    console.remark(f"[3/4] training {', '.join(METHODS)} on the same split")
    with console.working("loading"):
        from palate.experiments.compare import compare
    return compare(
        list(METHODS),
        DataConfig(data=DATA),
        folder=folder,
        settings=METHODS,
        progress=True,
        reuse=not fresh,
    )


def _recommendations(comparison: Comparison) -> None:
    """What every method recommends to three people, beside what they watched."""
    from palate.experiments.samples import sample_users

    runs = {row.label: comparison.runs_of(row)[0] for row in comparison.rows if row.runs}
    for sample in sample_users(runs, k=SHOWN):
        rows = [["watched last", "; ".join(sample.recent[-SHOWN:])]]
        rows += [["took next", sample.target]]
        rows += [
            [label, "; ".join(f"✓ {one.title}" if one.hit else one.title for one in listed)]
            for label, listed in sample.lists.items()
        ]
        console.table([f"user {sample.user}", f"{sample.events} films watched"], rows, left=2)
