"""Search4LLM (Xiong et al., IEEE TSC 2024, arXiv:2407.00128): does each component help?

    python claims/search4llm.py run --data FOLDER                    # hours without a GPU
    python claims/search4llm.py run --data FOLDER --parts calibration,answers --questions 100
    python claims/search4llm.py table

The paper is a survey without experiments: it names components, and every one is held here against
doing without it. FOLDER holds ``scifact`` (BEIR) and ``cranfield`` as their publishers lay them
out. All numbers belong to one language model (``--model``). Rubbish, duplicates, logs and attacks
are planted, and what is planted is told; nobody's log is in here.

Per-item numbers are kept in ``runs/claims/search4llm``: a part that was computed is not computed
again, so a run that was ended goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.search4llm_parts.alignment import alignment
from claims.search4llm_parts.answers import answers, attacks, calibration
from claims.search4llm_parts.corpus import curation, duplicates
from claims.search4llm_parts.experiment import Experiment
from claims.search4llm_parts.logs import logs
from claims.verdicts import table

PARTS: dict[str, Callable[[Experiment], list[dict[str, Any]]]] = {
    "duplicates": duplicates,
    "curation": curation,
    "logs": logs,
    "alignment": alignment,
    "calibration": calibration,
    "answers": answers,
    "attacks": attacks,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--data", type=Path, help="folder of scifact and cranfield")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--name", default="search4llm", help="of the file of results")
    parser.add_argument("--documents", type=int, default=0, help="of SciFact; 0 is all")
    parser.add_argument("--questions", type=int, default=300, help="of SciFact")
    parser.add_argument("--texts", type=int, default=1000, help="that copies are planted among")
    parser.add_argument("--liked", type=int, default=1000, help="that show what good texts are")
    parser.add_argument("--tokens", type=int, default=300_000, help="that the tiny model reads")
    parser.add_argument("--seeds", type=int, default=3, help="of the tiny model")
    parser.add_argument("--sessions", type=int, default=10_000, help="of the simulated log")
    parser.add_argument("--epochs", type=int, default=2, help="of what is tuned")
    parser.add_argument("--judged", type=int, default=50, help="pairs of answers")
    parser.add_argument("--facts", type=int, default=100, help="that do not exist")
    parser.add_argument("--attacked", type=int, default=8, help="facts that are attacked")
    parser.add_argument("--write", action="store_true", help="the model writes under attack, too")
    given = parser.parse_args()
    if given.part == "run":
        if given.data is None:
            parser.error("--data FOLDER is needed")
        chosen = given.parts.split(",")
        if strange := [one for one in chosen if one not in PARTS]:
            parser.error(f"no part '{strange[0]}'; there are: {', '.join(PARTS)}")
        work = Experiment(given)
        path = RESULTS / f"{given.name}.json"
        before = json.loads(path.read_text())["results"]["claims"] if path.exists() else []
        for part in chosen:
            fresh = [{"part": part, **claim} for claim in PARTS[part](work)]
            before = [claim for claim in before if claim.get("part") != part] + fresh
            sizes = {name: value for name, value in vars(given).items() if type(value) is int}
            about = {"model": given.model, "settings": sizes}
            done = [one for one in PARTS if any(c.get("part") == one for c in before)]
            typed = f"python claims/search4llm.py run --data FOLDER --parts {','.join(done)}"
            print(record(given.name, {**about, "claims": before}, typed, folder=RESULTS))
    print(table(json.loads((RESULTS / f"{given.name}.json").read_text())["results"]["claims"]))


if __name__ == "__main__":
    main()
