"""How a map of ``palate research run`` differs from the curated bibliography it was made of.

    palate research run --topic "Large language models for recommendation" --corpus README.md \\
      --before 2025-07-30 --keep-surveys -k 700 --mapped 700 --out map    # and --mapper clustering
    python claims/llm4rec_map.py run --truth papers.tsv --map cartographer=map --map ward=other

``papers.tsv`` has the columns section, subsection and title. Papers of the list of newest work are
not sorted by anybody, so groups are judged on the others; the same groups shuffled are the control.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score, v_measure_score

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS

UNSORTED = "Newest"
SHUFFLES = 50


def plain(title: str) -> str:
    return re.sub(r"\W+", "", title.lower())


def placed(
    tree: dict[str, Any], way: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each paper with the headings above it, the root's left out."""
    for paper in tree.get("papers", []):
        yield paper, way
    for child in tree.get("children", []):
        yield from placed(child, (*way, child["label"]))


def judged(folder: Path, leaves: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Agreement of the groups with the curated leaves, and how each leaf spreads over branches."""
    tree = json.loads((folder / "tree.json").read_text("utf-8"))
    lines = (folder / "papers.jsonl").read_text("utf-8").splitlines()
    titles = {one["paper"]: one["title"] for one in map(json.loads, lines)}
    found = [(leaves.get(plain(titles[paper])), way) for paper, way in placed(tree)]
    known = [(leaf, way) for leaf, way in found if leaf is not None]
    sorted_ = [(leaf[1], way) for leaf, way in known if UNSORTED not in leaf[0]]
    truth, groups = [leaf for leaf, _ in sorted_], ["/".join(way) for _, way in sorted_]
    random = np.random.default_rng(0)
    shuffled = [v_measure_score(truth, random.permutation(groups)) for _ in range(SHUFFLES)]
    branches = [child["label"] for child in tree["children"]]
    spread = Counter((leaf[1] or leaf[0], way[0]) for leaf, way in known if way)
    return {
        "papers": len(found),
        "sorted": len(sorted_),
        "adjusted_rand": adjusted_rand_score(truth, groups),
        "v_measure": v_measure_score(truth, groups),
        "v_measure_shuffled": float(np.mean(shuffled)),
        "branches": branches,
        "leaves over branches": {
            leaf: [spread[leaf, branch] for branch in branches]
            for leaf in sorted({leaf for leaf, _ in spread})
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("part", choices=["run"])
    parser.add_argument("--truth", type=Path, required=True, help="papers.tsv")
    parser.add_argument("--map", action="append", required=True, help="NAME=FOLDER, again for more")
    given = parser.parse_args()
    leaves: dict[str, tuple[str, str]] = {}
    with given.truth.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            leaf = (row["section"], row["subsection"] or row["section"])
            leaves.setdefault(plain(row["title"]), leaf)
    maps = dict(one.split("=", 1) for one in given.map)
    results = {name: judged(Path(folder), leaves) for name, folder in maps.items()}
    typed = " ".join(f"--map {name}=FOLDER" for name in maps)
    again = f"python claims/llm4rec_map.py run --truth papers.tsv {typed}"
    print(record("llm4rec_map", results, again, folder=RESULTS))


if __name__ == "__main__":
    main()
