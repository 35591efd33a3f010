"""``palate data``: which data sets there are, and what is in one."""

from __future__ import annotations

import functools
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import completion, console
from palate.cli.data_options import data_config, takes_data
from palate.cli.hospital_options import (
    ALL_OPTIONS,
    hospital_config,
    names_hospital,
    refuse_hospital_options,
)

if TYPE_CHECKING:
    from palate.data.cases import Split
    from palate.data.dataset import Dataset

data = typer.Typer(
    help="List, look at and fetch data sets.", no_args_is_help=True, rich_markup_mode="rich"
)
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
SHOWN = 5  # items and events of a sample
DOMAINS = 20


@data.command()
def ls(as_json: Json = False) -> None:
    """List the data sets that have a name, their terms, and which are here already."""
    from palate.data import sources

    rows = [
        {
            "name": name,
            "what": sources.get(name).summary,
            "here": sources.is_fetched(name),
            "licence": sources.get(name).licence,
            "homepage": sources.get(name).homepage,
        }
        for name in sources.names()
    ]
    if as_json:
        console.print_json(rows)
        return
    cells = [[r["name"], r["what"], "yes" if r["here"] else "", r["licence"]] for r in rows]
    console.table(["name", "what", "here", "terms"], cells, left=4, one_line=True)
    console.remark("Your own files: palate data show FILE")


@data.command()
@functools.partial(takes_data, options=ALL_OPTIONS)
def show(
    given: dict[str, Any],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|PATH",
            help="A named data set, a folder or a file; or say --interactions and --items.",
            autocompletion=completion.data_sets,
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what palate understands of data: events kept and dropped, samples, the split.

    [bold]Examples[/bold]
      palate data show ml-100k
      palate data show clicks.csv --user-column visitor --time-column at
      palate data show --interactions clicks.csv --items items.parquet --k-core 5
      palate data show --domains books=books.csv,films=films.csv --split few-shot:64
      palate data show mimic-iv-demo-2.2 --no-require-procedures
      palate data show synthetic:2000

    The same options are those of train and compare.
    """
    given = given | ({"data": source} if source is not None else {})
    if names_hospital(given):
        from palate.cli.hospital import show_hospital

        show_hospital(hospital_config(given), as_json)
        return
    refuse_hospital_options(given)
    config = data_config(given)
    with console.working("reading"):
        from palate.data.load import load
        from palate.data.splits import make_split
    dataset = load(config, progress=True)
    split = make_split(dataset, config.split, config.split_seed, config.test_users)
    if as_json:
        console.print_json(_summary(dataset, split))
    else:
        _print(dataset, split)


@data.command()
def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Which.", autocompletion=completion.data_sets)
    ],
) -> None:
    """Fetch a named data set into the cache, and say where it is.

    [bold]Example[/bold]
      palate data fetch ml-100k

    Commands that need a named data set fetch it themselves, too.
    """
    from palate.data import sources

    found = sources.get(name)
    folder = sources.fetch(name, progress=True)
    console.remark(f"terms: {found.licence}\nplease cite: {found.citation}")
    print(folder)


@data.command("synth-ehr")
def synth_ehr(
    patients: Annotated[int, typer.Option(help="How many patients.", min=3)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of every draw.", min=0)] = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="New folder.", show_default="synthetic-ehr-PATIENTS"),
    ] = None,
) -> None:
    """Make a synthetic hospital: a folder with the tables of MIMIC-IV, and no real patient.

    [bold]Example[/bold]
      palate data synth-ehr --patients 20000 --seed 1
      palate data show synthetic-ehr-20000

    --data synthetic:20000 stands for such a hospital without writing it.
    """
    folder = out or Path(f"synthetic-ehr-{patients}")
    with console.working("inventing patients"):
        from palate.data.hospital.synthetic import make_tables
        from palate.data.hospital.synthetic_tables import write_folder

        tables, _ = make_tables(patients, seed)
        write_folder(tables, folder, f"{patients:,} patients, seed {seed}.")
    console.remark(f"synthetic, no patient is real; look at it: palate data show {folder}")
    print(folder)


def _summary(dataset: Dataset, split: Split) -> dict[str, Any]:
    from palate.data.domains import domain_counts, shared_users

    return {
        "name": dataset.name,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "users": len(dataset.users),
        "items": len(dataset.catalogue),
        "events": len(dataset.interactions),
        "first": _when(dataset, "min"),
        "last": _when(dataset, "max"),
        "item_columns": dataset.catalogue.frame.columns,
        "steps": [asdict(step) for step in dataset.steps],
        "domains": domain_counts(dataset),
        "shared_users": [
            {"domains": [one, other], "users": users} for one, other, users in shared_users(dataset)
        ],
        "split": {
            "name": split.name,
            "train": len(split.train),
            "validation": len(split.validation),
            "test": len(split.test),
            "notes": list(split.notes),
        },
        "fingerprint": dataset.fingerprint,
    }


def _print(dataset: Dataset, split: Split) -> None:
    summary = _summary(dataset, split)
    print(f"{dataset.name}: {summary['users']:,} users, {summary['items']:,} items, ", end="")
    when = f"{summary['first']} to {summary['last']}" if dataset.has_clock else "no times"
    print(f"{summary['events']:,} events, {when}")
    console.table(
        ["step", "what it did", "users", "items", "events", "dropped"],
        [
            [s.name, s.note, *map("{:,}".format, (s.users, s.items, s.events, s.dropped_events))]
            for s in dataset.steps
        ],
        left=2,
    )
    if len(summary["domains"]) > 1:
        _print_domains(summary)
    columns = dataset.catalogue.frame.columns[:4]
    sample = dataset.catalogue.frame.select(columns).head(SHOWN)
    console.table([f"items: {columns[0]}", *columns[1:]], sample.rows(), left=len(columns))
    titles = [dataset.catalogue.titles[item] for item in dataset.sequences[0][:SHOWN]]
    print(f"user {dataset.users[0]}, oldest first: {'; '.join(titles)}")
    cases = summary["split"]
    print(f"split {split.name}: ", end="")
    print(", ".join(f"{cases[part]:,} {part}" for part in ("train", "validation", "test")))
    for note in split.notes:
        print(f"  note: {note}")
    if dataset.licence:
        print(f"terms: {dataset.licence}")


def _print_domains(summary: dict[str, Any]) -> None:
    """The largest domains, and which of them share most users."""
    domains = sorted(summary["domains"], key=lambda one: -one["events"])
    columns = ("users", "items", "events")
    console.table(
        ["domain", *columns],
        [[one["name"], *(f"{one[name]:,}" for name in columns)] for one in domains[:DOMAINS]],
    )
    for pair in summary["shared_users"][:DOMAINS]:
        plural = "" if pair["users"] == 1 else "s"
        print(f"{' and '.join(pair['domains'])} share {pair['users']:,} user{plural}")
    if len(domains) > DOMAINS:
        print(f"{len(domains) - DOMAINS} more domains: see --json")


def _when(dataset: Dataset, which: str) -> str | None:
    """The first or last time as a date, where the data has a clock of seconds."""
    if not dataset.has_clock:
        return None
    value = int(getattr(dataset.interactions["time"], which)())
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if 1990 <= _year(value / unit) < 2100:
            return datetime.fromtimestamp(value / unit, UTC).date().isoformat()
    return str(value)


def _year(seconds: float) -> float:
    return 1970 + seconds / 31_556_952
