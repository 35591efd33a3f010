"""LLM4Search (Xiong et al., IEEE TSC 2024, arXiv:2407.00128): does each component help?

    python claims/llm4search.py run --data FOLDER                      # hours without a GPU
    python claims/llm4search.py run --data FOLDER --parts ranking --queries 20
    python claims/llm4search.py run --data FOLDER --parts pipelines \
        --collections scifact,cranfield,acm-cr
    python claims/llm4search.py table

The paper is a survey without experiments: it names components, and every one is held here against
doing without it, on SciFact (BEIR), Cranfield and NovelEval (RankGPT), with intervals over queries
and what it cost; and whole pipelines, also on ACM-CR, to see which one should be the default.
FOLDER holds ``scifact``, ``cranfield``, ``noveleval`` and ``acm-cr`` as their publishers lay them
out. All numbers belong to one language model (``--model``); a larger one may be named, or an
address (``--address``).

Per-query numbers are kept in ``runs/claims/llm4search``; a part that was computed is not computed
again, so a run that was ended goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.kept import Kept
from claims.llm4search_parts.content import content
from claims.llm4search_parts.experiment import FOLDER, SETTINGS, Experiment
from claims.llm4search_parts.judging import judge, users
from claims.llm4search_parts.pipelines import pipelines
from claims.llm4search_parts.query import query, spelling
from claims.llm4search_parts.ranking import learned, ranking
from claims.verdicts import table

PARTS: dict[str, Callable[[Experiment], list[dict[str, Any]]]] = {
    "ranking": ranking,
    "query": query,
    "spelling": spelling,
    "content": content,
    "judge": judge,
    "users": users,
    "learned": learned,
    "pipelines": pipelines,
}
NAME = "llm4search"


def main() -> None:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--data", type=Path, default=os.environ.get("PALATE_SHARED_DATA"))
    parser.add_argument("--collections", default="scifact,cranfield,noveleval")
    parser.add_argument("--parts", default=",".join(PARTS), help="which, with commas")
    parser.add_argument("--queries", type=int, default=50, help="of each collection")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--address", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=NUMBER",
        help=f"one of the sizes: {', '.join(f'{key} ({size})' for key, size in SETTINGS.items())}",
    )  # fmt: skip
    parser.add_argument("--name", default=NAME, help="of the file of results")
    given = parser.parse_args()
    path = RESULTS / f"{given.name}.json"
    if given.part == "run":
        if given.data is None:
            parser.error("where are the collections? say --data FOLDER")
        given.data = Path(given.data)
        for one in given.set:
            key, _, size = one.partition("=")
            if key not in SETTINGS or not size.isdigit():
                parser.error(f"--set {one}: there are {', '.join(SETTINGS)}, each a number")
            SETTINGS[key] = int(size)
        chosen = [one for one in given.parts.split(",") if one]
        if strange := [one for one in chosen if one not in PARTS]:
            parser.error(f"no part '{strange[0]}'; there are: {', '.join(PARTS)}")
        measure(given, chosen, path)
    results = json.loads(path.read_text("utf-8"))["results"]
    print(table([claim for part in results["parts"].values() for claim in part]))


def measure(given: argparse.Namespace, chosen: Sequence[str], path: Path) -> None:
    """Compute the parts, and write after each what there is so far."""
    from palate.language.chat import ChatConfig
    from palate.search.language_stages import shared_chat

    # The one that stages of pipelines share, so that all is counted in one place.
    model = shared_chat(ChatConfig(model=given.model, address=given.address))
    kept = Kept(FOLDER / f"{given.name}-{given.model.replace('/', '-')}-{given.seed}", text=True)
    results: dict[str, Any] = {"model": given.model, "settings": SETTINGS, "parts": {}}
    if path.exists():
        before = json.loads(path.read_text("utf-8"))["results"]
        if before["model"] == given.model:
            results["parts"] = before["parts"]
    for name in given.collections.split(","):
        run = Experiment(given, name, model, kept)
        for part in chosen:
            started = time.perf_counter()
            claims = PARTS[part](run)
            print(f"{name}, {part}: {time.perf_counter() - started:.0f} s", flush=True)
            if claims:
                results["parts"][f"{part}, {name}, {given.queries} queries"] = claims
            typed = commands(results["parts"], given)
            record(given.name, results, typed, seed=given.seed, folder=RESULTS)


def commands(parts: Iterable[str], given: argparse.Namespace) -> str:
    """What gives these parts, a command for all that were computed on as many queries."""
    chosen: dict[tuple[str, str], list[str]] = {}
    for key in parts:
        part, name, queries = key.split(", ")
        chosen.setdefault((name, queries.partition(" ")[0]), []).append(part)
    several: dict[tuple[str, str], list[str]] = {}
    for (name, queries), own in chosen.items():
        several.setdefault((queries, ",".join(own)), []).append(name)
    more = "".join(f" --set {one}" for one in given.set)
    more += f" --name {given.name}" if given.name != NAME else ""
    return "; ".join(
        f"python claims/{NAME}.py run --data FOLDER --model {given.model} --queries {queries}"
        f" --collections {','.join(names)} --parts {own}{more}"
        for (queries, own), names in several.items()
    )


if __name__ == "__main__":
    main()
