"""``palate search calibrate | harm``: when to refuse an answer, and what is harmful."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli import console
from palate.cli.search_options import Index, Json, OwnPipe


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (calibrate, harm):
        app.command()(command)


def calibrate(
    folder: Index,
    queries: Annotated[
        Path, typer.Option(metavar="FILE", help="Questions: JSON lines, CSV, BEIR.")
    ],
    qrels: Annotated[Path, typer.Option(metavar="FILE", help="Grades: BEIR, TREC or SMART.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it goes: JSON.")],
    others: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Questions that it cannot answer.")
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of answers that may be wrong.",
            show_default="answer what is likelier right than wrong",
        ),
    ] = None,
    pipe: OwnPipe = None,
    as_json: Json = False,
) -> None:
    """Learn when to refuse an answer, from questions with known documents.

    [bold]Example[/bold]
      palate search calibrate idx --queries scifact/ --qrels scifact/ --out sure.json --risk 0.2
      palate search ask idx "do statins help?" --calibration sure.json

    The pipeline is the one that is asked later. Confidences are those of questions not learned
    from; a threshold for --risk is chosen on them, so that its shares flatter it a little.
    """
    with console.working("loading"):
        from palate.experiments.search_learning import calibrate_on
        from palate.search.answers.answer import Answerer
        from palate.search.index import SearchIndex
        from palate.search.layouts import read_qrels, read_queries
        from palate.search.stages import pipeline

        opened = SearchIndex(folder)
        line = pipe or opened.pipeline
        answerer = Answerer(opened, pipeline(opened, line))
        grades = read_qrels(qrels)
        asked = [one for one in read_queries(queries) if one.id in grades]
        strangers = [] if others is None else read_queries(others)
    with console.working(f"looking at {len(asked) + len(strangers):,} questions"):
        found = calibrate_on(answerer, asked, grades, strangers, risk)
    found.calibration.save(out)
    if as_json:
        numbers = {name: value for name, value in vars(found).items() if name != "calibration"}
        console.print_json({"out": str(out), "threshold": found.calibration.threshold, **numbers})
        return
    console.remark(
        f"{found.questions:,} questions, the best evidence holds the answer to {found.right:,}; "
        f"{found.answered:.0%} are answered, {found.wrong:.0%} of those wrongly "
        f"(threshold {found.calibration.threshold:.2f})"
    )
    console.remark(f"use it: palate search ask {folder} QUESTION -p '{line}' --calibration {out}")


def harm(
    harmful: Annotated[
        Path, typer.Option(metavar="DOCS", help="Texts that must not be learned from.")
    ],
    harmless: Annotated[Path, typer.Option(metavar="DOCS", help="Texts that are fine.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where it goes.")],
    false_positives: Annotated[
        float, typer.Option(min=0, max=1, help="Share of harmless texts that may be stopped.")
    ] = 0.01,
    seed: Annotated[int, typer.Option(help="Of what is held out.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn to tell harmful texts, for palate search align --harm.

    [bold]Example[/bold]
      palate search harm --harmful bad.jsonl --harmless good.jsonl --out filter
    """
    with console.working("loading"):
        from palate.experiments.search_learning import learn_harm
        from palate.search.layouts import read_documents

        texts = [[one.text for one in read_documents(path)] for path in (harmful, harmless)]
    with console.working("learning"):
        found = learn_harm(texts[0], texts[1], false_positives, seed)
    out.mkdir(parents=True, exist_ok=True)
    found.filter.save(out)
    if as_json:
        numbers = {name: value for name, value in vars(found).items() if name != "filter"}
        console.print_json({"out": str(out), "threshold": found.filter.threshold, **numbers})
        return
    console.remark(
        f"of texts not learned from it stops {found.harmful:.0%} of {found.held[0]:,} harmful and "
        f"{found.harmless:.0%} of {found.held[1]:,} harmless ones"
    )
    console.remark(f"use it: palate search align … --harm {out}")
