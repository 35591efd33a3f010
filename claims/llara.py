"""LLaRA's claims (SIGIR 2024, arXiv:2312.02445), and the controls that its tables lack.

    python claims/llara.py run --seeds 1     # hours without a GPU; goes on where it stopped
    python claims/llara.py table             # what was found, as Markdown

The paper's own protocol: pick what came next out of 20 candidates, 19 of them drawn at random, on
MovieLens-100K. All models are asked about the same lists, which are kept in a file. This is no
ranking of the catalogue: a model at chance hits 5 % of the time.

The paper tests 95 users of MovieLens, so that one user is a point of its HitRatio; here it is
every user of the leave-one-out split with a last event. The language model is far smaller than
the paper's and learns from far fewer prompts: what is put to the test are the orderings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS, command, typed
from claims.kept import Kept
from claims.verdicts import better, pooled

FOLDER = Path("runs/claims/llara")
KEPT = Kept(RESULTS / "per-user" / "llara", text=True)
M = 20
WHAT = f"HitRatio@1 of {M} sampled candidates"
SETTINGS: dict[str, Any] = {
    "noun": "movie",
    "candidates": M,
    "samples": 1024,
    "epochs": 1,
    "learning_rate": 8e-4,
    "batch_size": 8,
    "accumulate": 2,  # as 16 at once, in half the memory
}
VARIANTS: dict[str, dict[str, Any]] = {
    "curriculum": {"curriculum": "curriculum"},
    "text-only": {"curriculum": "text-only"},
    "direct": {"curriculum": "direct"},
    "two-stage": {"curriculum": "two-stage"},
    "trained on permuted vectors": {"curriculum": "curriculum", "item_vectors": "permuted"},
    "trained on random vectors": {"curriculum": "curriculum", "item_vectors": "random"},
    "behaviour-only": {"curriculum": "direct", "prompt": "behaviour-only"},
    "curriculum on 4096 samples": {"curriculum": "curriculum", "samples": 4096},
    "text-only on 4096 samples": {"curriculum": "text-only", "samples": 4096},
}
"""The ways to train, the ones that tell most first."""
READINGS: dict[str, tuple[str, ...]] = {
    "curriculum": ("zero", "permuted", "random"),
    "curriculum on 4096 samples": ("permuted",),
}
"""What stands in the vectors' place when a model is read again."""


def asked(split: Any) -> Any:
    """The lists that all models are asked about, drawn once and kept."""
    from palate.evaluation.candidates import CandidateSets

    path = FOLDER / "candidates.jsonl"
    if not path.exists():
        CandidateSets.draw(split.test, split.n_items, M).save(path)
    return CandidateSets.load(path, split.test)


def chosen(model: Any, split: Any, sets: Any, tag: str = "") -> dict[str, np.ndarray]:
    """What a model writes to each list, and what it comes to."""
    from palate.evaluation.candidates import judge

    answers = model.choose(split.test.histories, sets.items)
    found = judge(answers, sets, model.titles)
    return {
        f"{tag}answers": np.array(answers),
        f"{tag}valid": found.valid,
        f"{tag}correct": found.correct,
        f"{tag}by_position": sets.by_position(found.correct),
    }


def llara(split: Any, sets: Any, name: str, seed: int, samples: int) -> dict[str, np.ndarray]:
    """Train one variant and ask it; the curriculum's is asked with other vectors as well."""
    from palate.recommenders.base import FitContext
    from palate.recommenders.item_vectors import altered
    from palate.recommenders.llara import LLaRA, LLaRAConfig

    settings = SETTINGS | {"samples": samples} | VARIANTS[name]
    folder = FOLDER / f"checkpoints-{name.replace(' ', '-')}-{seed}"
    context = FitContext(seed, folder, resume=True, progress=True)
    model = LLaRA(LLaRAConfig(**settings)).fit(split, context)
    found = chosen(model, split, sets)
    if name in READINGS:
        found["steps"] = np.array(model.steps)
        for how in READINGS[name]:
            other = altered(model.net.bridge.table.cpu(), how, seed)
            with model.net.bridge.reading(other):
                found |= chosen(model, split, sets, f"{how} ")
    return found


def classical(split: Any, sets: Any, method: str, seed: int) -> dict[str, np.ndarray]:
    """Whether the candidate with a recommender's best score is the right one."""
    from palate.evaluation.candidates import candidate_ranks
    from palate.recommenders.base import FitContext
    from palate.recommenders.registry import get

    model = get(method)().fit(split, FitContext(seed, progress=True))
    ranks = candidate_ranks(sets.scores(model.score(split.test.histories)), sets)
    return {"correct": ranks == 0, "valid": np.ones(len(ranks), dtype=bool)}


def run(seeds: int, variants: Sequence[str]) -> None:
    from palate.data.load import DataConfig, load
    from palate.data.splits import make_split

    split = make_split(load(DataConfig(data="ml-100k")), "leave-one-out")
    sets = asked(split)
    lines: dict[str, list[dict[str, np.ndarray]]] = {}
    for method in ("popularity", "ease"):
        lines[method] = [KEPT(method, partial(classical, split, sets, method, 0))]
    for seed in range(seeds):
        one = KEPT(f"sasrec-{seed}", partial(classical, split, sets, "sasrec", seed))
        lines.setdefault("sasrec", []).append(one)
        for name in variants:
            compute = partial(llara, split, sets, name, seed, SETTINGS["samples"])
            one = KEPT(f"{name}-{seed}", compute)
            lines.setdefault(name, []).append(one)
            for how in READINGS.get(name, ()):
                other = {key: one[f"{how} {key}"] for key in ("valid", "correct", "by_position")}
                lines.setdefault(f"{name}, read with {how} vectors", []).append(other)
    lines["untrained"] = [KEPT("untrained", lambda: llara(split, sets, "text-only", 0, 0))]
    write(split, lines, seeds, variants)


def write(
    split: Any, lines: dict[str, list[dict[str, np.ndarray]]], seeds: int, variants: Sequence[str]
) -> None:
    one = {
        name: pooled([found["correct"].astype(float) for found in several])
        for name, several in lines.items()
    }

    def claim(told: str, ours: str, other: str, paper: str) -> list[dict[str, Any]]:
        if ours not in one or other not in one:
            return []
        return [better(told, one[ours], one[other], paper, what=WHAT)]

    claims = [
        *claim("hybrid prompts better than text alone", "curriculum", "text-only",
               "LLaRA .4421, TALLRec .3895"),
        *claim("hybrid prompts better than the ID model", "curriculum", "sasrec",
               ".4421 and .3444"),
        *claim("curriculum better than hybrid throughout", "curriculum", "direct",
               ".4421 and .4211: two users of 95"),
        *claim("curriculum better than two stages", "curriculum", "two-stage",
               ".4421 and .4316: one user of 95"),
        *claim("tuning helps: text alone better than untrained", "text-only", "untrained",
               "TALLRec .3895, Llama2 .0421"),
        *claim("titles help: hybrid better than vectors alone", "direct", "behaviour-only",
               "not in its tables"),
        *(
            found
            for name, several in READINGS.items()
            for how in several
            for found in claim(
                f"{how} vectors at reading destroy the gain: the right ones better ({name})",
                name, f"{name}, read with {how} vectors", "not in its tables")
        ),
        *claim("four times as many samples help", "curriculum on 4096 samples", "curriculum",
               "not in its tables"),
        *claim("more is learned than what is popular", "curriculum on 4096 samples", "popularity",
               "not in its tables"),
        *claim("hybrid prompts better than text alone, both on 4096 samples",
               "curriculum on 4096 samples", "text-only on 4096 samples",
               "LLaRA .4421, TALLRec .3895"),
        *(
            found
            for how in ("permuted", "random")
            for found in claim(
                f"better than when trained on {how} vectors",
                "curriculum", f"trained on {how} vectors", "not in its tables")
        ),
    ]  # fmt: skip
    results = {
        "data": "ml-100k",
        "split": split.name,
        "notes": list(split.notes),
        "protocol": f"sampled-candidate: {M} candidates, one list for each user",
        "users": len(split.test),
        "settings": SETTINGS,
        "seeds": seeds,
        WHAT: {
            name: {
                "mean": float(one[name].mean()),
                "by_seed": [float(found["correct"].mean()) for found in several],
                "valid_ratio": float(np.mean([found["valid"].mean() for found in several])),
                "of_valid": float(
                    np.mean([f["correct"].sum() / max(1, f["valid"].sum()) for f in several])
                ),
            }
            for name, several in lines.items()
        },
        "hits by the target's place in the list": {
            name: np.nanmean([f["by_position"] for f in several], axis=0).round(4).tolist()
            for name, several in lines.items()
            if "by_position" in several[0]
        },
        "claims": claims,
    }
    if "steps" in lines.get("curriculum", [{}])[0]:
        steps = lines["curriculum"][0]["steps"]
        results["chance of a hybrid batch, first and last step"] = [steps[0, 0], steps[-1, 0]]
        results["share of hybrid batches"] = float(steps[:, 1].mean())
    again = typed("llara", seeds, variants, list(VARIANTS))
    print(record("llara", results, again, folder=RESULTS))


if __name__ == "__main__":
    command("llara", __doc__ or "", run, seeds=1, variants=list(VARIANTS))
