"""``palate compare --split periods``: methods that go on learning, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palate.cli import completion, console, settings
from palate.cli.data_options import data_config, data_name
from palate.experiments import wording

if TYPE_CHECKING:
    from palate.experiments.periods import PeriodsComparison

PERIODS = "periods"


def over_periods(
    methods: Sequence[str],
    given: dict[str, Any],
    seeds: int,
    out: Path | None,
    sets: Sequence[str],
    as_json: bool,
) -> None:
    """Compare, print the table, and say where the report is."""
    with console.working("loading"):
        from palate.experiments.periods import PeriodsConfig, compare_periods
        from palate.experiments.periods_report import write_periods_report
        from palate.recommenders import registry

        typed = settings.split_sets([*methods, PERIODS], sets)
        if count := str(given["split"]).partition(":")[2]:
            typed.setdefault(PERIODS, {})["count"] = count
        own = registry.configure(PERIODS, typed.pop(PERIODS, {}), PeriodsConfig)
        assert isinstance(own, PeriodsConfig)
        data = data_config({name: value for name, value in given.items() if name != "split"})
    folder = out or completion.RUNS / f"periods-{data_name(given)}"
    try:
        found = compare_periods(methods, data, own, seeds, folder, typed, progress=True)
    except KeyboardInterrupt:
        console.remark("interrupted; the same command goes on from the models that are trained")
        raise
    report = write_periods_report(found, folder)
    if as_json:
        console.print_json({"folder": str(folder), **asdict(found)})
        return
    show(found)
    console.remark(f"report: {report}")


def show(found: PeriodsComparison) -> None:
    """The table, a line per method and way to go on."""
    rows = []
    for line in found.lines:
        value = wording.score(line.mean)
        rows.append(
            [
                line.method,
                line.strategy,
                f"{line.metric} {value}" + (f" ± {line.spread:.4f}" if line.spread else ""),
                "" if line.difference is None else wording.difference(line.difference),
                "" if line.p is None else wording.probability(line.p),
                "" if line.warm is None else wording.score(line.warm),
                "" if line.cold is None else wording.score(line.cold),
                "" if line.share is None else f"{sum(line.share) / len(line.share):.2f}",
                wording.seconds(line.seconds),
            ]
        )
    console.table(
        [
            "method",
            "way",
            "mean",
            f"against {found.reference}",
            "p",
            "warm",
            "cold",
            "long-term",
            "a period",
        ],
        rows,
        left=2,
    )
    print(
        f"Tested on periods {found.tested[0]} to {found.tested[-1]}, each after learning up to the "
        "one before. p: bootstrap over questions within periods, corrected (Holm)."
    )
    for note in found.notes:
        print(f"Note: {note}")
