"""Every system of the survey that is here, beside tuned classical methods, on one data set.

    python claims/tables.py run --data ml-100k --noun movie          # hours without a GPU
    python claims/tables.py run --data PATH --name movietweetings --noun movie
    python claims/tables.py show

Full ranking of the catalogue on 300 users of the leave-one-out split, the same for all; several
seeds of SASRec, one of what takes long (Lite-LLM4Rec and those that read prompts); paired tests
against SASRec with Holm's correction; cost out of the same runs. It is ``palate compare`` with the
settings below, so the runs with their controls and reports stay in ``runs/tables``, and what is
finished is not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record

RESULTS = Path(__file__).parent / "results"
FOLDER = Path("runs/tables")
TESTED = 300
CLASSICAL: dict[str, dict[str, Any]] = {
    "popularity": {},
    "ease": {},
    "itemknn": {},
    "slit": {},
    "slist": {},
    "sasrec": {},
    "lite-llm4rec": {},
}
FEW: dict[str, Any] = {"samples": 1024, "epochs": 1}
LANGUAGE: dict[str, dict[str, Any]] = {
    "bigrec": FEW | {"validation_users": 100},  # they tune what is injected
    "llara": FEW | {"validation_users": 1},  # nothing to choose in one epoch
    "ilm": FEW | {"validation_users": 1, "beams": 10},
}
"""Methods that read prompts, all on as many samples and steps."""


def lines(noun: str, model: str | None) -> dict[str, dict[str, Any]]:
    """Every line of the table with its settings."""
    more = {"noun": noun} | ({} if model is None else {"model": model})
    return CLASSICAL | {label: settings | more for label, settings in LANGUAGE.items()}


def run(
    name: str, noun: str, seeds: int, model: str | None, data: str, **filters: int | None
) -> None:
    from palate.data.load import DataConfig
    from palate.experiments.compare import compare

    settings = lines(noun, model)
    config = DataConfig(data=data, test_users=TESTED, **filters)
    found = compare(
        list(settings),
        config,
        {"sasrec": seeds},
        FOLDER / name,
        {label: own for label, own in settings.items() if own},
        progress=True,
        reference="sasrec",
    )
    results = {
        "data": name,
        "split": found.split,
        "notes": found.notes,
        "settings": settings,
        "reference": found.reference,
        "rows": [
            {
                "label": row.label,
                "seeds": len(row.runs),
                "ndcg@10": row.metrics.get("ndcg@10"),
                "hr@10": row.metrics.get("hr@10"),
                "interval": row.intervals.get("ndcg@10"),
                "spread": row.spread.get("ndcg@10"),
                "difference": row.difference,
                "p": row.p,
                "cost": row.cost,
                "error": row.error,
                "controls": [
                    {"name": one["name"], "ndcg@10": one["metrics"]["ndcg@10"], "p": one["p"]}
                    for run in found.runs_of(row)[:1]
                    for one in run.results().get("controls", [])
                ],
            }
            for row in found.rows
        ],
    }
    told = f"--data {Path(data).name} --name {name} --noun {noun} --seeds {seeds}"
    told += "".join(f" --{of.replace('_', '-')} {n}" for of, n in filters.items() if n)
    told += f" --model {model}" if model else ""
    print(record(f"table-{name}", results, f"python claims/tables.py run {told}", folder=RESULTS))


def shown() -> str:
    """All tables that were made, as Markdown."""
    parts = []
    for path in sorted(RESULTS.glob("table-*.json")):
        found = json.loads(path.read_text())["results"]
        parts += [
            f"**{found['data']}**, {found['notes'][-1]}",
            "",
            "| method | seeds | NDCG@10 | HR@10 | 95 % | less SASRec | p | fit s | ms a user |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for row in found["rows"]:
            if row["ndcg@10"] is None:
                parts.append(f"| {row['label']} | 0 | failed: {row['error']} | | | | | | |")
                continue
            low, high = row["interval"]
            tested = ("", "")
            if row["p"] is not None:
                tested = (f"{row['difference']:+.4f}", f"{row['p']:.4f}")
            cost = row["cost"]
            parts.append(
                f"| {row['label']} | {row['seeds']} | {row['ndcg@10']:.4f} | {row['hr@10']:.4f} "
                f"| {low:.4f} … {high:.4f} | {tested[0]} | {tested[1]} "
                f"| {cost.get('fit_seconds', 0):.0f} | {cost.get('p50_ms', 0):.1f} |"
            )
        parts.append("")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=["run", "show"])
    parser.add_argument("--data", default="ml-100k", help="a named data set, or a path")
    parser.add_argument("--name", help="what the table is called; by default as the data")
    parser.add_argument("--noun", default="movie", help="what prompts call an item")
    parser.add_argument("--users", type=int, help="keep so many users")
    parser.add_argument("--k-core", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of SASRec")
    parser.add_argument("--model", help="another language model than the default")
    given = parser.parse_args()
    if given.part == "run":
        name = given.name or Path(given.data).name
        filters = {"users": given.users, "k_core": given.k_core}
        run(name, given.noun, given.seeds, given.model, given.data, **filters)
    print(shown())


if __name__ == "__main__":
    main()
