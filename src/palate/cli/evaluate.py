"""``palate evaluate`` and ``palate report``: judge a run again, and show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import console
from palate.cli.run_argument import RunFolder

if TYPE_CHECKING:
    from palate.experiments.run import Run


def evaluate(
    folder: RunFolder,
    candidates: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="M",
            help="Instead, let it pick what came next out of M candidates, the others drawn at "
            "random: for comparison with papers that do. The same lists for every run of a split.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The metrics as one JSON document on stdout.")
    ] = False,
) -> None:
    """Judge a trained run on its test cases again, and write its metrics and report anew.

    [bold]Examples[/bold]
      palate evaluate runs/sasrec-ml-100k
      palate evaluate runs/llara-ml-100k --candidates 20

    The data must still be where it was when the run was trained. What comes of --candidates is no
    ranking of the catalogue; it is kept apart, in the run's candidates.json.
    """
    with console.working("loading"):
        from palate.experiments.candidates import judge_candidates
        from palate.experiments.kinds import judge_again, open_run
        from palate.experiments.run import Run

        run = open_run(folder) if candidates is None else Run(folder)
    if candidates is not None:
        found = judge_candidates(run, candidates, progress=True)
        if as_json:
            console.print_json(found)
        else:
            show_candidates(run, found)
        return
    judge_again(run, progress=True)
    if as_json:
        console.print_json(run.metrics())
        return
    show_run(run)


def report(folder: RunFolder) -> None:
    """Write report.html of a run or of a comparison again, and say where it is.

    [bold]Example[/bold]
      palate report runs/compare-ml-100k

    The report is one file that opens in any browser, without a connection.
    """
    with console.working("loading"):
        from palate.experiments.comparison import Comparison
        from palate.experiments.kinds import open_run, write_report

        both = (folder / "comparison.json").exists()
        written = write_report(Comparison.open(folder) if both else open_run(folder))
    print(written)


def show_candidates(run: Run, found: dict[str, Any]) -> None:
    """What came of the lists of candidates, and where the lists are."""
    rows = [[name, f"{value:.4f}"] for name, value in found["metrics"].items()]
    console.table([run.method, ""], rows)
    m = found["candidates"]
    print(f"{found['cases']:,} test cases, {m} candidates each; hr@1 is {1 / m:.4f} at chance")
    print("Note: a pick among a few that were drawn at random is no ranking of the catalogue.")
    print(f"lists: {run.path('candidates.jsonl')}")


DOMAINS = 20


def show_domains(methods: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> None:
    """Each method's numbers by domain of the target; nothing where no domains are known."""
    rows = []
    for method, domains in methods:
        largest = sorted(domains, key=lambda one: (-one["cases"], one["domain"]))
        for number, one in enumerate(largest[: 2 * DOMAINS]):
            metrics = (f"{one['metrics'][name]:.4f}" for name in ("ndcg@10", "hr@10", "mrr"))
            name = "" if number else method
            rows.append([name, one["domain"], one["ranked"], f"{one['cases']:,}", *metrics])
    if rows:
        heads = ["method", "domain of the target", "ranked over", "cases"]
        console.table([*heads, "NDCG@10", "HR@10", "MRR"], rows, left=3)


def show_run(run: Run) -> None:
    """The numbers of one run of whatever kind."""
    if run.kind == "medication":
        from palate.cli import medication
        from palate.experiments.medication.run import MedicationRun

        assert isinstance(run, MedicationRun)
        medication.show_metrics(run)
    else:
        show_metrics(run)


def show_metrics(run: Run) -> None:
    """The numbers of one run: a row per metric, a column per K, and what belongs beside them."""
    results = run.results()
    at_k: dict[str, dict[int, float]] = {}
    plain: list[str] = []
    for key, value in results["metrics"].items():
        name, _, k = key.partition("@")
        if k.isdigit():
            at_k.setdefault(name, {})[int(k)] = value
        else:
            plain.append(f"{key} {value:.4f}")
    ks = sorted({k for values in at_k.values() for k in values})
    rows = [
        [name, *(f"{values[k]:.4f}" if k in values else "" for k in ks)]
        for name, values in at_k.items()
    ]
    console.table([run.method, *(f"@{k}" for k in ks)], rows)
    plain += [
        f"{key} 95 % interval [{low:.4f} {high:.4f}]"
        for key, (low, high) in results["intervals"].items()
    ]
    print("\n".join(plain))
    show_domains([(run.method, results.get("domains", []))])
    controls = results.get("controls", [])
    if controls:
        rows = [
            [
                row["name"],
                *(f"{row['metrics'][metric]:.4f}" for metric in ("ndcg@10", "hr@10", "mrr")),
                f"{row['p']:.4f}",
            ]
            for row in controls
        ]
        console.table(["control", "NDCG@10", "HR@10", "MRR", "p"], rows)
    print(f"{results['cases']:,} test cases of {results['split']}, ", end="")
    print(f"each against {results['items']:,} items")
    for note in results["notes"]:
        print(f"Note: {note}")
