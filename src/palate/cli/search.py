"""``palate search``: index documents, find them, and judge how well that works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import console, search_items, search_judging, search_learning, search_pipelines
from palate.cli.search_for_llm import register
from palate.cli.search_items import (
    Asking,
    Filters,
    ItemsHistory,
    ItemsUser,
    RunOption,
    Taste,
    Unseen,
    show_items,
)
from palate.cli.search_options import PIPE_HELP, Index, Json
from palate.errors import ConfigError, DataError

if TYPE_CHECKING:
    from palate.search.index import SearchIndex
    from palate.search.layouts import Columns

search = typer.Typer(
    help="Index documents, find them, and judge how well that works.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

FEW = 5_000  # documents whose vectors take a few minutes
COLUMNS = "Columns, where names are unusual"
Layout = Annotated[str, typer.Option(help="Layout of the files, where it is not to be guessed.")]
IdColumn = Annotated[str | None, typer.Option(help="Column of the id.", rich_help_panel=COLUMNS)]
TitleColumn = Annotated[
    str | None, typer.Option(help="Column of the title.", rich_help_panel=COLUMNS)
]
TextColumn = Annotated[
    list[str] | None,
    typer.Option(help="Column of the text; several are joined.", rich_help_panel=COLUMNS),
]
TimeColumn = Annotated[
    str | None, typer.Option(help="Column of the document's time.", rich_help_panel=COLUMNS)
]


@search.command()
def index(
    sources: Annotated[
        list[Path], typer.Argument(metavar="DOCS", help="Files or folders of documents.")
    ],
    out: Annotated[Path, typer.Option(metavar="IDX", help="Folder of the index, made here.")],
    layout: Layout = "auto",
    id_column: IdColumn = None,
    title_column: TitleColumn = None,
    text_column: TextColumn = None,
    time_column: TimeColumn = None,
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="Column searched beside title and text.")
    ] = None,
    appended: Annotated[
        list[str] | None, typer.Option("--append", help="Column whose words count as text.")
    ] = None,
    stem: Annotated[str, typer.Option(metavar="porter|english|none", help="Stemmer.")] = "porter",
    vectors: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL|none",
            help="Compute vectors by which queries find, too.",
            show_default=f"minilm up to {FEW:,} documents, none above",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an index of documents: JSON lines, CSV, Parquet, text, BEIR, TREC, SMART.

    [bold]Examples[/bold]
      palate search index docs/ --out idx
      palate search index papers.csv --out idx --text-column abstract --field keywords
      palate search index scifact/ --out idx --vectors minilm

    What was committed when a long load is broken off stays; add the same files to go on.
    """
    with console.working("loading"):
        from palate.recommenders.registry import configure
        from palate.search.index import IndexConfig, SearchIndex

        settings = {"fields": fields or [], "appended": appended or [], "analysis.stem": stem}
        config = configure("index", settings, IndexConfig)
        made = SearchIndex.create(out, config)  # type: ignore[arg-type]
    columns = _columns(id_column, title_column, text_column, time_column)
    counts = _add(made, sources, layout, columns)
    made.compact()
    with made.reading() as snapshot:
        few = len(snapshot) <= FEW
    if vectors is not None:
        _with_vectors(made, vectors)
    elif not few:
        console.remark(
            f"more than {FEW:,} documents: they are found by their words; queries with -p hybrid "
            "go by meaning, too, with --vectors minilm all do (minutes for every 5,000 documents)"
        )
    elif _within_reach():
        _with_vectors(made, "minilm")
    _counted(made, counts, as_json)
    if not as_json:
        console.remark(f'find: palate search query {out} "…"')


@search.command()
def add(
    folder: Index,
    sources: Annotated[
        list[Path] | None, typer.Argument(metavar="DOCS", help="Files or folders of documents.")
    ] = None,
    one: Annotated[str | None, typer.Option("--id", help="Id of one document.")] = None,
    text: Annotated[str | None, typer.Option(help="Its text.")] = None,
    title: Annotated[str, typer.Option(help="Its title.")] = "",
    layout: Layout = "auto",
    id_column: IdColumn = None,
    title_column: TitleColumn = None,
    text_column: TextColumn = None,
    time_column: TimeColumn = None,
    as_json: Json = False,
) -> None:
    """Add documents, or change those whose ids are there; the next query sees them.

    [bold]Examples[/bold]
      palate search add idx more.jsonl
      palate search add idx --id note-7 --title "Opening hours" --text "Closed on Mondays."
    """
    if (one is None) != (text is None) or (one is None) == (not sources):
        raise ConfigError("name files of documents, or give one document with --id and --text")
    with console.working("loading"):
        from palate.search.documents import Document
        from palate.search.index import SearchIndex

        opened = SearchIndex(folder)
    if one is not None and text is not None:
        counts = opened.add([Document(one, text, title)])
    else:
        columns = _columns(id_column, title_column, text_column, time_column)
        counts = _add(opened, sources or [], layout, columns)
    _counted(opened, counts, as_json)


@search.command()
def delete(
    folder: Index,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of documents.")],
    as_json: Json = False,
) -> None:
    """Delete documents by id: the next query finds them no more, and their words are erased.

    [bold]Example[/bold]
      palate search delete idx note-7
    """
    with console.working("loading"):
        from palate.search.index import SearchIndex

        opened = SearchIndex(folder)
    gone = opened.delete(ids)
    missing = [one for one in ids if one not in gone]
    if as_json:
        console.print_json({"deleted": gone, "missing": missing})
    else:
        print(f"{len(gone)} deleted")
    if missing:
        raise DataError(f"{folder}: no document '{missing[0]}'" + _more(len(missing) - 1))


@search.command()
def compact(folder: Index) -> None:
    """Merge all segments into one, and give back the room of what was deleted.

    [bold]Example[/bold]
      palate search compact idx
    """
    from palate.search.index import SearchIndex

    SearchIndex(folder).compact()


@search.command()
def show(
    folder: Index,
    document: Annotated[
        str | None, typer.Argument(metavar="[ID[@VERSION]]", help="One document.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what an index holds, or one document with its history.

    [bold]Examples[/bold]
      palate search show idx
      palate search show idx note-7
      palate search show idx note-7@1
    """
    from palate.search.index import SearchIndex

    opened = SearchIndex(folder)
    with opened.reading() as snapshot:
        if document is None:
            _summary(opened, snapshot, as_json)
            return
        name, at, version = document.rpartition("@")
        versioned = bool(at) and version.isdigit() and document not in snapshot
        found = snapshot.document(name, int(version)) if versioned else snapshot.document(document)
        history = [vars(change) for change in snapshot.store.history(found.id)]
    if as_json:
        console.print_json({**vars(found), "history": history})
        return
    print(f"{found.id}@{found.version}  {found.title}".rstrip())
    print(found.text)
    for name, value in found.fields.items():
        print(f"{name}: {value}")
    console.remark("; ".join(f"version {h['version']} {h['state']}" for h in history))


@search.command()
def query(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="IDX|QUERY", help="Folder of the index; with --run, what to look for."
        ),
    ],
    text: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="What to look for.", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("--count", "-k", min=1, help="How many documents.")] = 10,
    pipe: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            "-p",
            metavar="STAGES",
            help=PIPE_HELP,
            show_default="the index's own; with --run, bm25 and dense mixed",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which stage found it, where, and why.")
    ] = False,
    run: RunOption = None,
    user: ItemsUser = None,
    history: ItemsHistory = None,
    filters: Filters = None,
    taste: Taste = None,
    unseen: Unseen = False,
    as_json: Json = False,
) -> None:
    """Find documents, or items of a run: id, score and title per line, best first.

    [bold]Examples[/bold]
      palate search query idx "effects of vitamin d on the immune system"
      palate search query idx "quiet films" --pipeline hybrid --explain
      palate search query idx "wing flutter" -k 5 -p "bm25(k1=1.2, b=0.75)" --json
      palate search query --run runs/ease-ml-100k "quiet film about old age" --user 196
      palate search query --run runs/ease-ml-100k war --filter "year>=1990" --filter genre=Drama

    Items of a run are ordered by how well they answer and by what the person likes; who types a
    title gets that item. Their index is made in the run's folder when first asked for.
    """
    if run is not None:
        if text is not None:
            raise ConfigError(f"--run has its own index: leave '{folder}' out")
        asked = Asking(folder, user, history, tuple(filters or ()), k, taste, unseen, pipe)
        show_items(run, asked, explain, as_json)
        return
    if user or history or filters or taste is not None or unseen:
        raise ConfigError(
            "--user, --history, --filter, --taste and --unseen are about a run's items: add --run "
            "RUN in place of the index"
        )
    if text is None:
        raise ConfigError(f"what is looked for in {folder}? give the query after the index")
    with console.working("loading"):
        from palate.search.index import SearchIndex
        from palate.search.results import Query
        from palate.search.stages import pipeline
        from palate.search.trace import explained, sentence

        opened = SearchIndex(folder)
        built = pipeline(opened, pipe or opened.pipeline)
    with opened.reading() as snapshot:
        [results] = built.retrieve([Query("query", text)], k)
        rows = explained(snapshot, results)
    for stage in (*built.rewriters, *built.retrievers, *built.rerankers):
        for remark in getattr(stage, "remarks", []):
            console.remark(remark)
    if as_json:
        told = {"query": text, "pipeline": built.stages, "hits": rows}
        console.print_json({**told, "seconds": results.seconds, "cost": results.cost})
        return
    for row in rows:
        line = f"{row['document']}\t{row['score']:.6g}\t{row['title'] or _short(row['text'])}"
        print(line.replace("\t", "  ") if sys.stdout.isatty() else line)
        if explain:
            print(f"    {sentence(row['found'])}")
            number = row["passage"]
            where = "" if number is None else f"passage {number + 1} of {row['passages']}: "
            print(f"    {where}{_short(row['text'], 200)}")
    if not rows:
        console.remark("nothing found")
    if explain:
        spent = (f"{name} {1000 * value:.1f} ms" for name, value in results.seconds.items())
        console.remark(", ".join(spent))


search_pipelines.register(search)
search_judging.register(search)
search_learning.register(search)
register(search)
search_items.register(search)


def _columns(
    id: str | None, title: str | None, text: list[str] | None, time: str | None = None
) -> Columns:
    from palate.search.layouts import Columns

    return Columns(id, title, tuple(text or ()), time)


def _add(index: SearchIndex, sources: list[Path], layout: str, columns: Columns) -> dict[str, int]:
    from itertools import chain

    from palate.search.layouts import read_documents
    from palate.search.progress import counting

    documents = chain.from_iterable(read_documents(one, layout, columns) for one in sources)
    with counting("documents", None) as told:
        return index.add(documents, told=told)


def _within_reach() -> bool:
    """Whether there is an encoder; else it is said why not."""
    from palate.errors import SourceError
    from palate.language.encoder import load_encoder

    try:
        load_encoder("minilm")
    except SourceError as error:
        console.remark(f"documents are found by their words: {error}")
        return False
    return True


def _with_vectors(index: SearchIndex, model: str) -> None:
    """Compute them, and have queries find by them unless no model is within reach."""
    from palate.search.dense import DEFAULT
    from palate.search.stages import choose

    if model != "none":
        line = "hybrid" if model == DEFAULT else f"bm25 + dense(model='{model}') > convex"
        for remark in choose(index, line):
            console.remark(remark)


def _counted(index: SearchIndex, counts: dict[str, int], as_json: bool) -> None:
    with index.reading() as snapshot:
        whole = len(snapshot)
    if as_json:
        console.print_json({**counts, "documents": whole})
        return
    told = ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)
    print(f"{told or 'nothing'}; {whole:,} documents in {index.folder}")


def _summary(index: SearchIndex, snapshot: Any, as_json: bool) -> None:
    size = sum(path.stat().st_size for path in index.folder.rglob("*") if path.is_file())
    deleted = sum(int((~view.alive).sum()) for view in snapshot.views)
    told = {
        "folder": str(index.folder),
        "documents": len(snapshot),
        "generation": snapshot.generation,
        "segments": [len(view.segment) for view in snapshot.views],
        "deleted_in_segments": deleted,
        "bytes": size,
        "pipeline": index.pipeline,
        "config": index.config.model_dump(mode="json"),
        "sample": snapshot.store.ids()[:3],
    }
    if as_json:
        console.print_json(told)
        return
    print(f"{index.folder}: {told['documents']:,} documents, {size / 1e6:.1f} MB")
    print(
        f"{len(snapshot.views)} segments, {deleted:,} deleted documents in them, "
        f"generation {snapshot.generation}"
    )
    config = index.config
    searched = ", ".join(("title and text", *config.appended, *config.fields))
    print(f"searched: {searched}; stem {config.analysis.stem}; pipeline {index.pipeline}")
    print(f"first ids: {', '.join(told['sample'])}")


def _short(text: str, most: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _more(count: int) -> str:
    return f", and {count} more" if count > 0 else ""
