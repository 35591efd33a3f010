"""All claims that were put to the test, on one page.

    python claims/overview.py > docs/claims.md

Made from the files in ``claims/results``: what is not there was not run.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from claims.command import RESULTS
from claims.lines import shown
from claims.readings import READINGS
from claims.tables import shown as tables
from claims.verdicts import FAILS, HOLDS, OPEN, exactly, table

SYSTEMS = {
    "lsat": ("LSAT", "2312.15599"),
    "bigrec": ("BIGRec", "2308.08434"),
    "llm4search": ("LLM4Search", "2407.00128"),
    "llm4search-gemma3-270m": ("LLM4Search, ranking by Gemma 3 270M", "2407.00128"),
    "search4llm": ("Search4LLM", "2407.00128"),
    "ckd-mdsr": ("CKD-MDSR, a reconstruction", "2401.00797"),
    "ilm": ("ILM", "2406.02844"),
    "leader": ("LEADER", "2402.02803"),
    "llara": ("LLaRA", "2312.02445"),
    "recinterpreter": ("RecInterpreter", "2310.20487"),
    "lite-llm4rec-accuracy": ("Lite-LLM4Rec, what it recommends", "2402.09543"),
    "lite-llm4rec-efficiency": ("Lite-LLM4Rec, how fast", "2402.09543"),
    "researcharena": ("ResearchArena", "2406.10291"),
    "fusion": ("Statistics and semantics fused", ""),
    "fusion-lastfm": ("Fused, for listeners", ""),
    "fusion-movietweetings": ("Fused, for film raters", ""),
    "fusion-games": ("Fused, for buyers of games", ""),
    "search_items": ("Search and recommendation of the same items", ""),
    "students": ("Students of a language model", ""),
    "students-slit-slist": ("Linear students of a language model", ""),
}
"""Title and arXiv number of each file of results, in the survey's order; then our own."""
HEAD = """# What the papers claim, and what holds here

Each system's headline claims as experiments, each with the paper's figure where it has one, ours,
a 95 % interval, and a verdict: *holds* or *does not hold* where a paired test over the same users
says so at p < 0.05, else *cannot be told at this size*. Language models here are small
(SmolLM2-135M unless said otherwise) and run on two cores; the papers' have seven billion
parameters and more. What is put to the test are orderings, not the papers' absolute figures, and
a claim that fails here may hold for a larger model. Claims that were not run are not listed.
Data, settings, seeds, versions and the machine are in the files; the commands go on where they
stopped.

This page is made by `python claims/overview.py > docs/claims.md`.
"""


SIDE = """## Side by side

Full ranking, the same users for all; `claims/tables.py`. Lite-LLM4Rec learned for 8 epochs on
MovieLens-100K, the fourth of which was its best, and for its default of up to 40 on the others.
Methods were trained beside other work: read seconds as a rough guide."""


def claims_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims in a file of results, whatever they are called there."""
    if "times_as_fast" in results:
        paper = results["paper_percent_less_time"]
        return [
            exactly(
                "one step takes less time than 20 beams",
                results["times_as_fast"] > 1,
                "; ".join(f"{value} % less ({where})" for where, value in paper.items()),
                f"{results['percent_less_time']:.2f} % less ({results['model']})",
            )
        ]
    found: list[dict[str, Any]] = results.get("claims") or results.get("contrasts") or []
    return found or [claim for part in results["parts"].values() for claim in part]


def section(name: str, document: dict[str, Any]) -> str:
    title, arxiv = SYSTEMS[name]
    about = document["environment"]
    results = document["results"]
    link = f"[arXiv:{arxiv}](https://arxiv.org/abs/{arxiv}). " if arxiv else ""
    where = f"on {results['data']}, " if isinstance(results.get("data"), str) else ""
    parts = [
        f"## {title}",
        f"{link}`{document['command']}`, {where}measured {about['started'][:10]} "
        f"([figures](../claims/results/{name}.json)).",
        *([READINGS[name].strip()] if name in READINGS else []),
        table(claims_of(results)),
    ]
    if "lines" in results:
        parts.append(shown(results["lines"]))
    return "\n\n".join(parts)


def overview() -> str:
    """The page."""
    documents = {
        name: json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        for name in SYSTEMS
        if (RESULTS / f"{name}.json").exists()
    }
    rows = ["| system | holds | does not hold | cannot be told |", "| --- | --- | --- | --- |"]
    for name, document in documents.items():
        told = Counter(one["verdict"] for one in claims_of(document["results"]))
        anchor = "".join(c for c in SYSTEMS[name][0].lower() if c.isalnum() or c in " -")
        rows.append(
            f"| [{SYSTEMS[name][0]}](#{anchor.replace(' ', '-')}) "
            f"| {told[HOLDS]} | {told[FAILS]} | {told[OPEN]} |"
        )
    parts = [HEAD.rstrip(), "\n".join(rows)]
    parts += [section(name, document) for name, document in documents.items()]
    if found := tables():
        parts.append(SIDE)
        parts.append(found.rstrip())
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(overview())
