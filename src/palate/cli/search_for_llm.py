"""``palate search curate | mine | align | ask``: what a search engine does for a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from palate.cli import console
from palate.cli.search_options import Index, Json, OwnPipe, Pipe
from palate.errors import ConfigError

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting, as alpha=0.3; may be repeated."),
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where it goes.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (ask, curate, mine, align):
        app.command()(command)


def ask(
    folder: Index,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to answer.")],
    pipe: OwnPipe = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="plain|MODEL|FOLDER",
            help="Who words the answer: nobody (it is quoted), a language model, or one aligned "
            "by palate search align. What it writes is used only where the documents say so.",
        ),
    ] = "plain",
    address: Annotated[
        str | None, typer.Option(metavar="URL", help="OpenAI-compatible address of the model.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="When to refuse, learned on own questions.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the answer and its score here.")
    ] = None,
    settings: Set = None,
    sources: Annotated[bool, typer.Option("--sources", help="Show the passages, too.")] = False,
    as_json: Json = False,
) -> None:
    """Answer a question from the documents, each sentence cited and checked; or refuse.

    [bold]Examples[/bold]
      palate search ask idx "who first climbed mount everest?"
      palate search ask idx "what changed this year?" --sources --json
      palate search ask idx "why do bees dance?" --model smollm2-135m -p "rewrite > hybrid > yesno"

    A citation names document and version: palate search show idx ID@VERSION.
    """
    with console.working("loading"):
        from palate.search.answers.abstention import Calibration
        from palate.search.answers.answer import AnswerConfig, Answerer
        from palate.search.index import SearchIndex
        from palate.search.stages import pipeline

        opened = SearchIndex(folder)
        config = _configured("ask", settings, AnswerConfig)
        learned = None if calibration is None else Calibration.load(calibration)
        built = pipeline(opened, pipe or opened.pipeline)
        chat = _chat(model, address)
        answerer = Answerer(opened, built, chat, config, calibration=learned)
    with console.working("reading"):
        found = answerer.ask(question)
    for stage in (*built.rewriters, *built.retrievers, *built.rerankers):
        for remark in getattr(stage, "remarks", []):
            console.remark(remark)
    if log is not None:
        from palate.search.alignment.drift import AnswerLog

        AnswerLog(log).add(question, found.text, found.confidence, refused=found.refused)
    if as_json:
        console.print_json(_told(found))
        return
    print(found.text)
    if found.refused:
        console.remark(found.why)
    elif found.quality is not None:
        by = "quoted" if found.sentences[0].by == "passage" else "written by the model, checked"
        console.remark(
            f"{by}; {found.confidence:.2f} sure; citations support "
            f"{found.quality.recall:.0%} of the sentences"
        )
    if found.instructions:
        console.remark(f"{found.instructions} sentences that instruct machines were left out")
    if sources:
        for one in found.sources:
            about = f" ({one.time})" if one.time else ""
            print(f"[{one.number}] {one.citation}{about}  {one.title}\n    {_short(one.sentences)}")


def curate(
    sources: Annotated[
        list[Path], typer.Argument(metavar="DOCS", help="Files or folders of documents.")
    ],
    out: Out,
    tests: Annotated[
        list[Path] | None,
        typer.Option("--test", metavar="FILE", help="Queries that must not be in there."),
    ] = None,
    good: Annotated[
        Path | None,
        typer.Option(metavar="DOCS", help="Documents that are good: others are scored by them."),
    ] = None,
    bad: Annotated[
        Path | None,
        typer.Option(metavar="DOCS", help="Documents that are not; by default, any of DOCS."),
    ] = None,
    layout: Annotated[str, typer.Option(help="Layout, where it is not to be guessed.")] = "auto",
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Make a collection fit for pre-training: duplicates, rubbish and tests out, domains balanced.

    [bold]Examples[/bold]
      palate search curate crawl/ --out clean
      palate search curate crawl/ --out clean --test scifact/ --set budget=0.5 --set alpha=0.3
      palate search curate crawl/ --out clean --good liked.jsonl --set keep_best=0.1

    Fields url, links, shown, satisfied and domain of the documents are used where they are.
    """
    with console.working("loading"):
        from itertools import chain

        from palate.experiments.search_for_llm import curate_to
        from palate.search.corpus.curate import CurateConfig
        from palate.search.layouts import read_documents, read_queries

        config = _configured("curate", settings, CurateConfig)
        looked_for = {path.name: [one.text for one in read_queries(path)] for path in tests or []}
        pages = list(chain.from_iterable(read_documents(one, layout) for one in sources))
    quality = None
    if good is not None:
        from palate.search.corpus.parse import parse
        from palate.search.corpus.quality import NgramClassifier

        liked = [parse(one).text for one in read_documents(good)]
        others = pages if bad is None else list(read_documents(bad))
        unlike = [parse(one).text for one in others[:: max(1, len(others) // 20_000)]]
        quality = NgramClassifier().fit(liked, unlike).score
    elif bad is not None:
        raise ConfigError("--bad stands beside --good: good documents are needed, too")
    found = curate_to(pages, out, config, tests=looked_for, quality=quality, told=console.remark)
    if as_json:
        steps = [vars(step) for step in found.funnel]
        console.print_json({"out": str(out), "funnel": steps, "domains": dict(found.domains)})
        return
    rows = [
        [step.name, ", ".join(f"{n:,} {why}" for why, n in list(step.reasons.items())[:4]),
         f"{step.before - step.after:,}", f"{step.after:,}", f"{step.words:,}"]
        for step in found.funnel
    ]  # fmt: skip
    console.table(["step", "why", "dropped", "documents", "words"], rows, left=2)
    console.remark(f"report: {out / 'report.html'}; read them: palate search index {out}")


def mine(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Session log: JSON lines.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Instructions: JSON lines.")],
    index: Annotated[
        Path | None,
        typer.Option(metavar="IDX", help="Index whose documents were clicked; for answers."),
    ] = None,
    pipe: Pipe = "bm25",
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Mine instructions from a log of searches and clicks: rewrites, questions with answers.

    [bold]Example[/bold]
      palate search mine sessions.jsonl --index idx --out instructions.jsonl

    Nothing comes out that fewer than five people asked, nor numbers, addresses or names of users.
    """
    with console.working("loading"):
        from palate.experiments.search_for_llm import mine_to
        from palate.search.index import SearchIndex
        from palate.search.logs.mining import MiningConfig

        opened = None if index is None else SearchIndex(index)
        config = _configured("mine", settings, MiningConfig)
    found = mine_to(log, opened, out, config, pipe)
    if as_json:
        console.print_json({"out": str(out), "counts": found.counts, "domains": found.domains()})
        return
    console.table(["", "count"], [[name, f"{n:,}"] for name, n in found.counts.items()])
    if opened is None:
        console.remark("no answers without an index: add --index IDX")


def align(
    folder: Index,
    queries: Annotated[Path, typer.Option(metavar="FILE", help="Queries: JSON lines, CSV, BEIR.")],
    qrels: Annotated[Path, typer.Option(metavar="FILE", help="Grades: BEIR, TREC or SMART.")],
    out: Out,
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model to align.")] = (
        "smollm2-135m"
    ),
    pipe: Pipe = "bm25",
    harm: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A saved harm filter, to learn under.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Teach a model to prefer answers from better documents, by graded results.

    [bold]Example[/bold]
      palate search align idx --queries scifact/ --qrels scifact/ --out aligned --set loss=s-dpo
    """
    with console.working("loading"):
        from palate.experiments.search_for_llm import align_to
        from palate.search.alignment.safety import HarmFilter
        from palate.search.alignment.tuning import AlignmentConfig
        from palate.search.index import SearchIndex
        from palate.search.layouts import read_qrels, read_queries

        opened = SearchIndex(folder)
        config = _configured("align", settings, AlignmentConfig)
        filtered = None if harm is None else HarmFilter.load(harm)
        asked, grades = read_queries(queries), read_qrels(qrels)
    judged = [one for one in asked if one.id in grades]
    found = align_to(
        opened, judged, grades, out, config, model=model, line=pipe, harm=filtered, seed=seed,
        progress=True,
    )  # fmt: skip
    if as_json:
        console.print_json({"out": str(out), **vars(found)})
        return
    rows = [
        ["better answer likelier", *(f"{v[0]:.3f}" for v in (found.before, found.after))],
        ["knowledge probe", *(f"{v:.3f}" for v in found.knowledge)],
    ]
    console.table(["", "before", "after"], rows)
    console.remark(
        f"{found.held} questions held out; learned from {found.groups}; the better answer's "
        f"likelihood grew more in {found.reward:.1%} of the pairs"
    )
    for note in found.notes:
        console.remark(note)


def _configured(name: str, settings: list[str] | None, config: type[Any]) -> Any:
    from palate.recommenders.registry import configure

    told: dict[str, Any] = {}
    for one in settings or []:
        key, equals, value = one.partition("=")
        if not equals:
            raise ConfigError(f"--set {one}: write NAME=VALUE")
        told[key.strip().replace("-", "_")] = value
    return configure(name, told, config)


def _chat(model: str, address: str | None) -> Any:
    if model == "plain":
        if address is not None:
            raise ConfigError("--address needs the model's name there: add --model NAME")
        return None
    from palate.language.chat import ChatConfig, open_chat

    if (Path(model) / "alignment.json").is_file():
        from palate.experiments.search_for_llm import aligned_model

        return aligned_model(Path(model))
    return open_chat(ChatConfig(model=model, address=address))


def _told(found: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(found), "refused": found.refused, "text": found.text}


def _short(sentences: tuple[str, ...], most: int = 240) -> str:
    line = " ".join(sentences)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
