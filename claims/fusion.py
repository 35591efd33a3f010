"""Statistics and semantics fused: what does each add to the other?

    python claims/fusion.py run --seeds 3 --variants ml-100k   # an hour or two without a GPU
    python claims/fusion.py run --seeds 1 --variants lastfm,movietweetings,games
    python claims/fusion.py table                              # what was found, as Markdown

Leave-one-out, all items ranked; data that palate cannot fetch are found in the folder that
``PALATE_SHARED_DATA`` names. Each method is trained once for each seed, then
some are fused by weights that are learned on validation users: the classical ones, Lite-LLM4Rec
with one of them, and all. The question that the survey leaves open is whether a method that reads
texts adds to what statistics know when those are fused, too. (That it is the reading which adds is
not said by that: ``claims/lite_llm4rec.py`` has the controls.) On MovieLens-100K, Lite-LLM4Rec,
SASRec and SLIST are those of ``claims/students.py``, and trained here if they are not there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS, command, typed
from claims.lines import finished, ndcg10
from claims.shared import DATA, ML_100K, data_of
from claims.students import FOLDER as OF_STUDENTS
from claims.students import SETTINGS, TEACHER
from claims.verdicts import better, pooled

FOLDER = Path("runs/claims/fusion")
CLASSICAL = ("sasrec", "itemknn", "slist", "ease")
FUSIONS = {
    "sasrec and lite-llm4rec": ("sasrec", TEACHER),
    "itemknn and lite-llm4rec": ("itemknn", TEACHER),
    "closed forms": ("itemknn", "slist", "ease"),
    "classical": CLASSICAL,
    "all": (*CLASSICAL, TEACHER),
}
"""Which methods are fused. Closed forms are those that nothing is trained for step by step."""
EVEN = "all, reciprocal ranks"


def run(seeds: int, data_sets: list[str]) -> None:
    for name in data_sets:
        fuse(name, seeds)


def fuse(data_set: str, seeds: int) -> None:
    """The claims on one data set, in a file of its own."""
    from palate.data.load import load
    from palate.data.splits import make_split
    from palate.evaluation.ranking import ndcg, rank_targets
    from palate.experiments.train import train
    from palate.recommenders.fusion import Fusion, FusionConfig

    data = data_of(data_set)
    # Elsewhere it takes longer to learn: its default of epochs then.
    of_teacher, folder = (SETTINGS, OF_STUDENTS) if data_set == ML_100K else ({}, FOLDER / data_set)
    split = make_split(load(data), "leave-one-out")
    seen = (split.test.histories.items, split.test.histories.offsets)
    values: dict[str, list[np.ndarray]] = {}
    weights: dict[str, list[Any]] = {}
    for seed in range(seeds):
        parts = {}
        for name in FUSIONS["all"]:
            settings = of_teacher if name == TEACHER else {}

            def make(name: str = name, settings: Any = settings, seed: int = seed) -> Any:
                place = folder / f"{name}-{seed}"
                return train(name, settings, data, seed, place, progress=True, resume=True)

            one = finished(folder / f"{name}-{seed}", make)
            values.setdefault(name, []).append(ndcg10(one))
            parts[name] = one.recommender()
        for label, names in FUSIONS.items():
            fusion = Fusion(FusionConfig(parts=names))
            fusion.weigh([parts[name] for name in names], split, seed)
            weights.setdefault(label, []).append(fusion.weights.tolist())
            scorers = {label: fusion.score}
            if label == "all":
                scorers[EVEN] = fusion.controls()["reciprocal ranks"]
            for told, score in scorers.items():
                ranks = rank_targets(score(split.test.histories), split.test.targets, seen)
                values.setdefault(told, []).append(ndcg(ranks, 10))
            print(f"seed {seed}, {label}: {values[label][-1].mean():.4f}", flush=True)
    one = {name: pooled(several) for name, several in values.items()}
    best = max(FUSIONS["all"], key=lambda name: float(one[name].mean()))
    claims = [
        better("all fused better than Lite-LLM4Rec", one["all"], one[TEACHER], "not in a paper"),
        better(f"all fused better than the best of them ({best})", one["all"], one[best],
               "not in a paper"),
        better("classical methods fused better than Lite-LLM4Rec", one["classical"], one[TEACHER],
               "not in a paper"),
        better("closed forms fused better than Lite-LLM4Rec", one["closed forms"], one[TEACHER],
               "not in a paper"),
        better("closed forms fused better than SASRec", one["closed forms"], one["sasrec"],
               "not in a paper"),
        better("Lite-LLM4Rec adds to the classical ones", one["all"], one["classical"],
               "the survey's hope"),
        better("Lite-LLM4Rec adds to SASRec alone", one["sasrec and lite-llm4rec"], one["sasrec"],
               "the survey's hope"),
        better("learned weights better than reciprocal ranks", one["all"], one[EVEN],
               "not in a paper"),
    ]  # fmt: skip
    results = {
        "data": data_set,
        "split": split.name,
        "notes": list(split.notes),
        "parts": FUSIONS,
        "settings": {TEACHER: of_teacher},
        "seeds": seeds,
        "ndcg@10": {
            name: {
                "mean": float(one[name].mean()),
                "by_seed": [float(values_.mean()) for values_ in several],
            }
            for name, several in values.items()
        },
        "weights": weights,
        "claims": claims,
    }
    again = typed("fusion", seeds, [data_set], [])
    print(record(file_of(data_set), results, again, folder=RESULTS))


def file_of(data_set: str) -> str:
    """What the file of results of a data set is called."""
    return "fusion" if data_set == ML_100K else f"fusion-{data_set}"


if __name__ == "__main__":
    command("fusion", __doc__ or "", run, seeds=3, variants=[ML_100K, *DATA])
