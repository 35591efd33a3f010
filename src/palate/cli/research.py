"""``palate research``: find, rank and organise the literature of a topic, and judge who does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import console, settings
from palate.cli.research_options import (
    Address,
    Calls,
    CorpusPath,
    EncoderName,
    Json,
    ModelName,
    NoDense,
    Seconds,
    Sets,
    Surveys,
    Tokens,
    Undated,
    bench_settings,
    telling,
)
from palate.cli.research_reading import recommend, screen
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.experiments.research_compare import Benchmark

research = typer.Typer(
    help="Find, rank and organise the literature of a topic.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
TASKS = "discovery|selection|organization"


@research.command()
def run(
    topic: Annotated[str, typer.Option(help="The topic in words, or the survey's title.")],
    corpus: CorpusPath,
    before: Annotated[str, typer.Option(metavar="DATE", help="Only papers from before that date.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the results go.")],
    finder: Annotated[str, typer.Option(metavar="SYSTEM", help="Who finds papers.")] = "scout",
    mapper: Annotated[
        str, typer.Option(metavar="SYSTEM", help="Who makes the tree.")
    ] = "cartographer",
    count: Annotated[int, typer.Option("-k", min=1, help="Papers in the list.")] = 100,
    mapped: Annotated[int, typer.Option(min=0, help="Best papers that go into the tree.")] = 100,
    model: ModelName = None,
    address: Address = None,
    encoder: EncoderName = "minilm",
    words_only: NoDense = False,
    max_calls: Calls = None,
    max_tokens: Tokens = None,
    max_seconds: Seconds = None,
    keep_surveys: Surveys = False,
    keep_undated: Undated = False,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Find the papers on a topic, rank them by importance, and draw the field.

    [bold]Examples[/bold]
      palate research run --topic "explainable recommendation" --corpus papers.jsonl
        --before 2020 --out field
      palate research run --topic "…" --corpus papers.jsonl --before 2025-07-30 --out field
        --model smollm2-135m --max-calls 200

    Writes report.html, report.md, papers.jsonl, papers.run (TREC) and tree.json. A run that was
    stopped goes on with the same command; steps.jsonl holds every step with its cost.
    """
    with console.working("reading papers"):
        from palate.experiments import research as experiment
        from palate.recommenders.registry import configure
        from palate.research.readers import read_corpus
        from palate.research.systems import kind

        for name in (finder, mapper):
            kind(name)
        papers = read_corpus(corpus)
        config = configure(
            "research",
            {
                "topic": topic,
                "before": before,
                "corpus": str(corpus),
                "finder": finder,
                "mapper": mapper,
                "count": count,
                "mapped": mapped,
                "settings": settings.split_sets([finder, mapper], sets or []),
                "bench": bench_settings(
                    encoder, words_only, model, address, keep_surveys, keep_undated
                ),
                "budget": _budget(max_calls, max_tokens, max_seconds),
            },
            experiment.ResearchConfig,
        )
        assert isinstance(config, experiment.ResearchConfig)
    try:
        with telling("beginning") as told:
            found = experiment.research(config, papers, out, told)
    except KeyboardInterrupt:
        console.remark("interrupted; the same command goes on where it was")
        raise
    if as_json:
        console.print_json(
            {
                "papers": [
                    {"id": one.paper, "title": papers[one.paper].title, "why": one.reasons}
                    for one in found.ranked
                ],
                "tree": found.tree.as_json(),
                "cost": vars(found.cost),
                "remarks": found.remarks,
                "report": str(out / "report.html"),
            }
        )
        return
    console.table(
        ["", "paper", "date", "why"],
        [
            [rank, papers[one.paper].title, papers[one.paper].date, (*one.reasons, "")[0]]
            for rank, one in enumerate(found.ranked[:10], start=1)
        ],
        left=4,
        one_line=True,
    )
    for remark in found.remarks:
        console.remark(remark)
    console.remark(f"{len(found.ranked)} papers, a tree of {found.tree.size} nodes; report:")
    console.remark(str(out / "report.html"))


@research.command()
def evaluate(
    task: Annotated[str, typer.Option(metavar=TASKS, help="Which of the three tasks.")],
    run_file: Annotated[
        Path, typer.Option("--run", metavar="FILE", help="A TREC run, or a tree in JSON.")
    ],
    truth: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Judgements in TREC's four columns, survey.jsonl, a tree in JSON, or Markdown.",
        ),
    ],
    topic: Annotated[
        str | None, typer.Option(help="Id of the topic, where the truth holds several trees.")
    ] = None,
    gain: Annotated[
        str, typer.Option(metavar="linear|exponential", help="Of a grade in NDCG.")
    ] = "linear",
    entities: Annotated[
        str,
        typer.Option(metavar="rules|NAME", help="What finds names: rules, or a spaCy pipeline."),
    ] = "rules",
    encoder: EncoderName = "minilm",
    as_json: Json = False,
) -> None:
    """Judge a ranked list or a tree of anyone's making.

    [bold]Examples[/bold]
      palate research evaluate --task discovery --run papers.run --truth qrels.txt
      palate research evaluate --task organization --run tree.json --truth survey.jsonl --topic 42
    """
    with console.working("judging"):
        from palate.experiments.research_evaluate import evaluate_run

        found = evaluate_run(task, run_file, truth, topic, gain, entities, encoder)
    means = found.means()
    if as_json:
        console.print_json({"task": task, "topics": len(found.topics), "metrics": means,
                            "notes": list(found.notes)})  # fmt: skip
        return
    console.table([f"{len(found.topics)} topics", "mean"],
                  [[name, f"{value:.4f}"] for name, value in means.items()])  # fmt: skip
    for note in found.notes:
        console.remark(note)


@research.command()
def compare(
    systems: Annotated[list[str], typer.Argument(metavar="SYSTEM...", help="Who is compared.")],
    corpus: CorpusPath,
    topics: Annotated[
        Path, typer.Option(metavar="FILE", help="Surveys in JSON lines, with their references.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are kept.")],
    task: Annotated[
        str, typer.Option(metavar=TASKS, help="Which of the three tasks.")
    ] = "discovery",
    reference: Annotated[
        str, typer.Option(metavar="SYSTEM", help="Whom the others are tested against.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many topics.")] = None,
    model: ModelName = None,
    address: Address = None,
    encoder: EncoderName = "minilm",
    words_only: NoDense = False,
    entities: Annotated[
        str,
        typer.Option(metavar="rules|NAME", help="What finds names: rules, or a spaCy pipeline."),
    ] = "rules",
    max_calls: Calls = None,
    max_tokens: Tokens = None,
    max_seconds: Seconds = None,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Run several systems on the same topics: metrics, significance, and the cost of a topic.

    [bold]Examples[/bold]
      palate research compare title scout --corpus papers.jsonl --topics survey.jsonl --out bench
      palate research compare title title@dense scout --set title@dense.way=dense …

    What was computed is kept; the same command goes on where it was.
    """
    with console.working("reading papers"):
        from palate.experiments import research_compare as experiment
        from palate.experiments.research_runner import CompareConfig
        from palate.recommenders.registry import configure
        from palate.research.readers import read_corpus, survey_rows

        chosen = configure(
            "compare",
            {
                "task": task,
                "reference": reference,
                "entities": entities,
                "bench": bench_settings(encoder, words_only, model, address),
                "budget": _budget(max_calls, max_tokens, max_seconds),
            },
            CompareConfig,
        )
        assert isinstance(chosen, CompareConfig)
        papers, asked = read_corpus(corpus), survey_rows.read(topics)[:limit]
        typed = settings.split_sets(systems, sets or [])
    with telling("beginning") as told:
        found = experiment.compare(systems, asked, papers, chosen, out, typed, told)
    if as_json:
        console.print_json({"task": found.task, "notes": found.notes,
                            "systems": [vars(line) for line in found.lines]})  # fmt: skip
        return
    _show(found)


research.command()(screen)
research.command()(recommend)


@research.command()
def systems() -> None:
    """Who finds papers, and who makes trees."""
    from palate.research.systems import SYSTEMS

    console.table(
        ["system", "does", "what", "needs a language model"],
        [[one.name, one.does, one.summary, "yes" if one.model else ""] for one in SYSTEMS],
        left=4,
    )


def _budget(calls: int | None, tokens: int | None, seconds: float | None) -> dict[str, Any]:
    return {"calls": calls, "tokens": tokens, "seconds": seconds}


def _show(found: Benchmark) -> None:
    """The benchmark on stdout."""
    if not found.lines:
        raise ConfigError("nothing was compared")
    names = list(found.lines[0].metrics)
    rows = [
        [
            line.system,
            *(f"{line.metrics[name]:.4f}" for name in names),
            "–" if line.p is None else f"{line.p:.3f}",
            f"{line.cost['calls']:,.0f}",
            f"{line.cost['tokens']:,.0f}",
            f"{line.cost['seconds']:,.1f}",
        ]
        for line in found.lines
    ]
    console.table(["system", *names, "p", "calls", "tokens", "seconds"], rows)
    for note in found.notes:
        console.remark(note)
