"""``palate serve``: runs behind an address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import completion, console
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.serving.service import Service

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        envvar="PALATE_STORE",
        help="Where events live: an SQLite file, or postgresql://…",
        show_default="store.sqlite beside the run",
    ),
]


def serve(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, each as RUN or NAME=RUN; the first is the default.",
            autocompletion=completion.runs,
            show_default=False,
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    store: StoreOption = None,
    keys: Annotated[
        str,
        typer.Option(
            metavar="auto|required",
            help="Who needs an API key: everyone, or (auto) everyone as soon as other machines "
            "can reach the server.",
        ),
    ] = "auto",
    words: Annotated[
        str,
        typer.Option(
            metavar="plain|MODEL|ADDRESS",
            help="Who words chat answers: nobody, a language model, or an OpenAI-compatible "
            "address (http…).",
        ),
    ] = "plain",
    words_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model at the address.", show_default=False),
    ] = None,
    index: Annotated[
        str,
        typer.Option(
            metavar="exact|hnsw",
            help="Score every item, or ask an approximate index (for very long catalogues).",
        ),
    ] = "exact",
    search: Annotated[
        str,
        typer.Option(
            metavar="STAGES",
            help="What finds items by what is written, as in palate search: bm25 by words, hybrid "
            "by meaning too.",
        ),
    ] = "bm25",
    deadline: Annotated[float, typer.Option(help="Seconds that a request has.")] = 10.0,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Requests at once; those beyond are told to come again.")
    ] = 128,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads for the arithmetic of a model.",
            show_default="one, or all where that is clearly faster",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Requests a second of each caller.",
            show_default="no limit on this machine alone, else 100",
        ),
    ] = None,
    update_every: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Learn from the store so often, as 1d or 12h, in a process of its own.",
            show_default="never",
        ),
    ] = None,
) -> None:
    """Answer over HTTP: recommend, explain, converse, and take in what people do.

    [bold]Examples[/bold]
      palate serve runs/ease-ml-100k
      palate serve shop=runs/sasrec-clicks plain=runs/popularity-clicks --port 9000
      palate serve runs/sasrec-clicks --store postgresql://palate@db/palate

    GET / is a page for people, /docs describes the API. Ctrl-C stops it when the
    requests under way are answered.

    On other addresses than 127.0.0.1 every request needs a key: palate keys add NAME.
    """
    with console.working("loading"):
        serving = packages()
        settings = serving.settings(
            host=host,
            port=port,
            keys=keys,
            words=words,
            words_model=words_model,
            index=index,
            search=search,
            deadline=deadline,
            concurrency=concurrency,
            rate=rate,
            threads=threads,
        )
        folders = serving.named(runs)
        first = next(iter(folders.values()))
        place = store or serving.beside(first)
        schedule = None
        if update_every is not None:
            schedule = serving.schedule(update_every, folders, place)
    serving.serve(folders, settings, place, _started, schedule)


def packages() -> Any:
    """The room that serves, or an error that says what to install."""
    try:
        from palate.serving import start
    except ImportError as error:
        raise ConfigError(
            f"serving needs more packages ({error.name}): pip install 'palate[serve]'"
        ) from None
    return start


def _started(address: str, service: Service) -> None:
    """Where it is, and what answers there."""
    for engine in service.runs.all():
        print(
            f"serving {engine.name}: {engine.version} ({engine.run.method}), "
            f"{len(engine.catalogue):,} items, {len(engine.people):,} users"
        )
    for remark in service.runs.remarks:
        console.remark(remark)
    print(f"store   {service.store.place}")
    print(f"page    {address}/")
    print(f"docs    {address}/docs", flush=True)


keys = typer.Typer(
    name="keys",
    help="API keys: who may ask a server for what.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

KeyStore = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        envvar="PALATE_STORE",
        help="The server's store: an SQLite file, or postgresql://…",
    ),
]
STORE = str(Path("runs") / "store.sqlite")


@keys.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is.")],
    role: Annotated[str, typer.Option(metavar="read|write|admin", help="What it may do.")] = "read",
    store: KeyStore = STORE,
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    [bold]Examples[/bold]
      palate keys add shop --role write
      palate keys add ops --role admin --store postgresql://palate@db/palate

    read asks for lists, write sends events and items, admin exports and deletes
    users and swaps versions; each may what those before it may.
    """
    serving = packages()
    print(serving.add_key(store, name, role))
    console.remark("Keep it: it cannot be shown again. Send it as: Authorization: Bearer KEY")


@keys.command("ls")
def ls(
    store: KeyStore = STORE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List keys by id and name; the keys themselves are nowhere.

    [bold]Examples[/bold]
      palate keys ls
    """
    rows = packages().list_keys(store)
    if as_json:
        console.print_json(rows)
        return
    columns = ["id", "name", "role", "made", "revoked"]
    console.table(columns, [[row[name] or "" for name in columns] for row in rows], left=5)


@keys.command("revoke")
def revoke(
    public: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as of: keys ls.")],
    store: KeyStore = STORE,
) -> None:
    """Have a key open nothing any more; running servers learn it within seconds.

    [bold]Examples[/bold]
      palate keys revoke 1f0c9a2b3d4e
    """
    packages().revoke_key(store, public)
    console.remark(f"{public} opens nothing any more")
