"""``palate research screen`` and ``recommend``: for those who read, rather than compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli import console
from palate.cli.research_options import (
    CorpusPath,
    EncoderName,
    Json,
    NoDense,
    bench_settings,
    telling,
)


def screen(
    review: Annotated[Path, typer.Argument(metavar="CSV", help="Title, abstract, included.")],
    question: Annotated[
        str, typer.Option(help="What the review is about; without, the start is random.")
    ] = "",
    label: Annotated[str | None, typer.Option(help="Column that says what was included.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions of what is random.")] = 5,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the recall curves.")
    ] = None,
    as_json: Json = False,
) -> None:
    """In which order should candidates of a systematic review be read?

    Compares reading at random, in the order of BM25 for the question, and by active learning with
    logistic regression, on a review whose inclusions are known: work saved over sampling at 95 %
    recall (WSS@95), and how many are read until then.
    """
    with console.working("reading the review"):
        from palate.experiments.research_screen import compare_screening
        from palate.research.readers.screening_csv import read

        candidates = read(review, label)
    with telling("screening") as told:
        found = compare_screening(candidates, question, seeds, out, told)
    if as_json:
        console.print_json([vars(line) for line in found])
        return
    console.table(
        [f"{len(candidates.papers):,} candidates", "WSS@95", "read for 95 %", "found in 10 %"],
        [[one.strategy, f"{one.wss:.3f} ± {one.spread:.3f}", f"{one.read:,.0f}",
          f"{100 * one.early:.0f} %"] for one in found],
    )  # fmt: skip
    if out is not None:
        console.remark(str(out / "screening.html"))


def recommend(
    library: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Your papers: .bib, .md, JSON lines, or a title a line."),
    ],
    corpus: CorpusPath,
    count: Annotated[int, typer.Option("-k", min=1, help="How many papers.")] = 10,
    learned: Annotated[
        Path | None,
        typer.Option("--run", metavar="RUN", help="A run that learned from what readers have."),
    ] = None,
    before: Annotated[
        str, typer.Option(metavar="DATE", help="Only papers from before that date.")
    ] = "",
    encoder: EncoderName = "minilm",
    words_only: NoDense = False,
    as_json: Json = False,
) -> None:
    """Papers for a reader, from the papers that they have.

    [bold]Examples[/bold]
      palate research recommend --library mine.bib --corpus papers.jsonl
      palate research recommend --library titles.txt --corpus papers.jsonl --run runs/readers
    """
    with telling("reading papers") as told:
        from palate.experiments.research_recommend import recommend_papers

        found = recommend_papers(library, corpus, count, learned, before,
                                 bench_settings(encoder, words_only, None, None, True, True),
                                 told)  # fmt: skip
    if as_json:
        console.print_json([vars(one) for one in found])
        return
    console.table(["", "paper", "date", "why"],
                  [[rank, one.title, one.date, (*one.reasons, "")[0]]
                   for rank, one in enumerate(found, start=1)], left=4, one_line=True)  # fmt: skip
