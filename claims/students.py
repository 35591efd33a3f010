"""What a small model keeps of a large one, and what it costs to ask either.

    python claims/students.py run --seeds 3    # an hour or two without a GPU
    python claims/students.py table            # what was found, as Markdown

Teacher: Lite-LLM4Rec on MovieLens-100K, leave-one-out, all films ranked. Students: SLIT and
SLIST, linear maps in closed form, and SASRec, each also without the teacher, and with what the
teacher said of somebody else. The goal: 95 % of the teacher's NDCG@10 at a hundredth of its
latency. Latency is measured at the end, all models in turn in one process on one thread, ten
histories at a time, so that other work on the machine strikes all.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims import lines
from claims.command import RESULTS, command, typed
from claims.lines import finished, ndcg10
from claims.verdicts import better, exactly, pooled

FOLDER = Path("runs/claims/students")
TEACHER = "lite-llm4rec"
SETTINGS = {"epochs": 20}
STUDENTS = ("slit", "slist", "sasrec")
TAUGHT = {"none": "taught", "permuted": "taught by what was said of others"}
"""How students are taught, by the control of the distillation."""
KEPT, FASTER = 0.95, 100
ASKED = 300
"""Histories that latency is measured on, one by one."""
IN_A_ROW = 10
BATCHES = (1, 16, 64, 256)


def run(seeds: int, students: list[str]) -> None:
    from palate.data.load import DataConfig
    from palate.experiments.distil import distil
    from palate.experiments.train import train
    from palate.training.distillation import DistilConfig

    data = DataConfig(data="ml-100k")
    runs: dict[str, list[Any]] = {}

    def add(name: str, folder: str, make: Any) -> Any:
        place = FOLDER / folder
        one = finished(place, lambda: make(place))
        runs.setdefault(name, []).append(one)
        return one

    for seed in range(seeds):

        def trained(method: str, settings: dict[str, Any], at: int = seed) -> Any:
            return lambda place: train(
                method, settings, data, at, place, progress=True, resume=True
            )

        teacher = add(TEACHER, f"{TEACHER}-{seed}", trained(TEACHER, SETTINGS))
        for student in students:
            add(student, f"{student}-{seed}", trained(student, {}))
            for control, told in TAUGHT.items():
                config = DistilConfig(control=control)
                add(
                    f"{student}, {told}",
                    f"{student}-taught-{control}-{seed}",
                    lambda place, s=student, c=config, n=seed, t=teacher: distil(
                        [t], s, place, config=c, seed=n, progress=True
                    ),
                )
    write(runs, seeds, students)


def asked(runs: dict[str, list[Any]]) -> dict[str, dict[str, float]]:
    """Milliseconds of a user for each model: alone, and in the batch that suits it best."""
    import torch

    torch.set_num_threads(1)
    models = {name: several[0].recommender() for name, several in runs.items()}
    histories = runs[TEACHER][0].histories()
    found: dict[str, dict[int, list[float]]] = {
        name: {size: [] for size in BATCHES} for name in models
    }
    for size in BATCHES:
        rows = np.arange(min(ASKED * size, len(histories)) // size * size).reshape(-1, size)
        batches = [histories.take(some) for some in rows]
        # Some in a row: who follows a large model first has to fetch what that one drove out.
        for start in range(0, len(batches), IN_A_ROW):
            for name, model in models.items():
                for batch in batches[start : start + IN_A_ROW]:
                    begun = time.perf_counter()
                    model.score(batch)
                    found[name][size].append(1e3 * (time.perf_counter() - begun) / size)
    medians = {
        name: {size: float(np.median(ms)) for size, ms in sizes.items()}
        for name, sizes in found.items()
    }
    return {
        name: {"alone": sizes[1], "best batch": min(sizes.values())}
        for name, sizes in medians.items()
    }


def write(runs: dict[str, list[Any]], seeds: int, students: list[str]) -> None:
    values = {name: pooled([ndcg10(one) for one in several]) for name, several in runs.items()}
    latency = asked(runs)
    rows = [lines.line(name, several) for name, several in runs.items()]
    for row in rows:
        row["ms_a_user_alone"] = latency[row["name"]]["alone"]
        row["ms_a_user_in_batches"] = latency[row["name"]]["best batch"]
        row["of the teacher"] = row["ndcg@10"] / values[TEACHER].mean()
    claims = []
    for student in students:
        taught, permuted = (f"{student}, {told}" for told in TAUGHT.values())
        times = latency[TEACHER]["alone"] / latency[taught]["alone"]
        claims += [
            better(f"{student}: taught better than alone", values[taught], values[student],
                   "not a paper's"),
            better(f"{student}: better than {KEPT:.0%} of its teacher", values[taught],
                   KEPT * values[TEACHER], "the goal"),
            exactly(f"{student}: at a hundredth of the teacher's latency", times >= FASTER,
                    "the goal", f"{times:.0f} times as fast for one user"),
            better(f"{student}: it is what the teacher said of this history", values[taught],
                   values[permuted], "not a paper's"),
            better(f"{student}: taught better than its teacher", values[taught], values[TEACHER],
                   "not a paper's"),
        ]  # fmt: skip
    results = {
        "data": "ml-100k",
        "split": runs[TEACHER][0].results()["split"],
        "teacher": {TEACHER: SETTINGS},
        "seeds": seeds,
        "lines": rows,
        "claims": claims,
    }
    again = typed("students", seeds, students, STUDENTS)
    print(record(file_of(students), results, again, folder=RESULTS))


def file_of(students: Sequence[str]) -> str:
    """What the file of results is called: some students do not overwrite what all have."""
    return "-".join(["students", *students]) if set(students) < set(STUDENTS) else "students"


if __name__ == "__main__":
    command("students", __doc__ or "", run, seeds=3, variants=STUDENTS)
    for path in sorted(RESULTS.glob("students*.json")):
        print(f"\n{path.stem}\n\n{lines.shown(json.loads(path.read_text())['results']['lines'])}")
