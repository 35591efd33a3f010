"""RecInterpreter's claims (Yang et al., "Large Language Model Can Interpret Latent Space of
Sequential Recommender", arXiv:2310.20487), and the controls that tell words from guesses.

    python claims/recinterpreter.py run --seeds 3    # an hour or two without a GPU
    python claims/recinterpreter.py table            # what was found, as Markdown

A frozen SASRec (GRU4Rec, Caser) of MovieLens-100K turns a history into states; a small adapter
turns states into tokens of a frozen language model, which says what is in them: the history
(recovery), or the item that came last, out of the states before and after it (residual). The
adapter learns from some people and is judged on others. Seeds draw people and adapter anew.

The paper has a language model of 7 billion parameters and gives no figure that could be verified;
what is put to the test are its orderings, and whether the words are true at all.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS, command, typed
from claims.kept import Kept
from claims.verdicts import better, exactly

KEPT = Kept(RESULTS / "per-user" / "recinterpreter", text=True)
SETTINGS: dict[str, Any] = {
    "noun": "movie",
    "tasks": ("recovery", "residual"),
    "samples": 1024,
    "epochs": 3,
}
JUDGED = 188
"""People whom it is judged on: a fifth of all."""
RECOMMENDERS = ("sasrec", "gru4rec", "caser")


def judged(split: Any, method: str, seed: int) -> dict[str, np.ndarray]:
    """Train a recommender, then words for its states, and judge those."""
    from palate.experiments.faithfulness import judge, meet
    from palate.recommenders.interpreter import Interpreter, InterpreterConfig
    from palate.recommenders.registry import get
    from palate.training.context import FitContext

    # The recommender is the same for all seeds: they tell how much the words owe to chance.
    recommender = get(method)().fit(split, FitContext(0, progress=True))
    people = meet(split.train.sequences(), 0, JUDGED)
    config = InterpreterConfig(**SETTINGS)
    interpreter = Interpreter(recommender, split.catalogue, config, seed)
    before = interpreter.fingerprints()
    interpreter.fit(people.learned, people.stopped, FitContext(seed, progress=True))
    found = judge(interpreter, people, seed, progress=True)
    found["frozen"] = interpreter.fingerprints() == before
    found["held_out_losses"] = interpreter.held_out_losses
    found["trainable_parameters"] = interpreter.trainable_parameters
    states = interpreter.states(people.judged)
    found["examples"] = [
        {"words": words, "truth": interpreter.answer(interpreter.truth(history.tolist()))}
        for words, history in zip(
            interpreter.words(states.take(np.arange(3))), people.judged, strict=False
        )
    ]
    return {"found": np.array(json.dumps(found))}


def run(seeds: int, recommenders: list[str]) -> None:
    from palate.data.load import DataConfig, load
    from palate.data.splits import make_split

    split = make_split(load(DataConfig(data="ml-100k")), "leave-one-out")
    runs: dict[str, list[dict[str, Any]]] = {}
    for method in recommenders:
        for seed in range(seeds if method == recommenders[0] else 1):
            kept = KEPT(f"{method}-{seed}", partial(judged, split, method, seed))
            runs.setdefault(method, []).append(json.loads(str(kept["found"])))
            write(split, runs, seeds, recommenders)


def rows(runs: list[dict[str, Any]], task: str, field: str) -> dict[str, np.ndarray]:
    """[n] a figure of each person, for the words and each control, averaged over seeds."""
    names = [row["name"] for row in runs[0][task]["rows"]]
    return {
        name: np.mean([one[task]["rows"][place][field] for one in runs], axis=0)
        for place, name in enumerate(names)
    }


def claims_of(method: str, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    true = rows(runs, "recovery", "true_shares")
    newest = rows(runs, "recovery", "newest_named")
    hits = rows(runs, "residual", "hits")
    words, named = true["words"], "share of named titles that are true"

    def beside(told: str, other: str, paper: str = "not in the paper") -> dict[str, Any]:
        return better(f"{method}: {told}", words, true[other], paper, what=named)

    def last(told: str, other: np.ndarray, paper: str = "not in the paper") -> dict[str, Any]:
        return better(f"{method}: {told}", hits["words"], other, paper, what="newest item named")

    return [
        last("residual better than recovery at naming the newest item", newest["words"],
             "residual is the clearer task (no figure)"),
        beside("the words are of this state: better than of another", "words for another state"),
        beside("better than words for no state", "words for no state"),
        beside("better than naming popular items", "most popular items"),
        beside("better than a linear probe of the same state", "linear probe"),
        last("residual needs both states: better than twice the state after",
             hits["words for twice the state after"]),
        last("residual better than the item nearest to the state", hits["nearest items"]),
        exactly(
            f"{method}: recommender and language model stay as they were",
            all(one["frozen"] for one in runs),
            "by construction",
            f"hashes before and after are equal, {len(runs)} times",
        ),
    ]  # fmt: skip


def write(
    split: Any, runs: dict[str, list[dict[str, Any]]], seeds: int, recommenders: list[str]
) -> None:
    def figures(several: list[dict[str, Any]]) -> dict[str, Any]:
        first = several[0]
        return {
            "seeds": len(several),
            "trainable_parameters": first["trainable_parameters"],
            "held_out_losses": [one["held_out_losses"] for one in several],
            "share of named titles that are true": {
                name: float(v.mean())
                for name, v in rows(several, "recovery", "true_shares").items()
            },
            "newest item named by recovery": {
                name: float(v.mean())
                for name, v in rows(several, "recovery", "newest_named").items()
            },
            "newest item named by residual": {
                name: float(v.mean()) for name, v in rows(several, "residual", "hits").items()
            },
            "recovered of the last ten": float(
                np.mean([one["recovery"]["rows"][0]["mean_recovered"] for one in several])
            ),
            "by place, newest first": first["recovery"]["by_position"],
            "by popularity": first["recovery"]["by_popularity"],
            "bleu": first["recovery"].get("bleu"),
            "rouge": first["recovery"].get("rouge"),
            "examples": first["examples"],
        }

    results = {
        "data": "ml-100k",
        "split": split.name,
        "notes": list(split.notes),
        "settings": SETTINGS,
        "judged": next(iter(runs.values()))[0]["judged"],
        "figures": {method: figures(several) for method, several in runs.items()},
        "claims": [one for method, several in runs.items() for one in claims_of(method, several)],
    }
    again = typed("recinterpreter", seeds, recommenders, RECOMMENDERS)
    print(record("recinterpreter", results, again, folder=RESULTS))


if __name__ == "__main__":
    command("recinterpreter", __doc__ or "", run, seeds=3, variants=RECOMMENDERS)
