"""LEADER's claims (Liu et al., arXiv:2402.02803), with the controls that its tables lack.

    python claims/leader.py run --seeds 3                     # hours without a GPU; goes on
    python claims/leader.py run --seeds 1 --patients 400      # a smoke test: minutes
    python claims/leader.py table

On a *synthetic* hospital (no patient is real; docs/medication.md says how it comes about), because
the data of the paper may be used by credentialed people only and the open demo has 100 patients.
Nothing here says how good a method is at prescribing. What is put to the test are orderings: is the
student close to its teacher and far cheaper, does it need the teacher, the alignment and the
profile, is it this patient's teaching that counts (permuted teaching is the control), and for whom.

Baselines, and the student itself, choose their settings on validation patients at seed 0, from
grids of equal size. The teacher is the first layers of a small language model, the paper's is
LLaMA-7B. The chance of every medication is known: the oracle is the ceiling.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS, command, typed
from claims.kept import Kept
from claims.verdicts import FAILS, HOLDS, OPEN, better, exactly, pooled

PATIENTS, HOSPITAL_SEED = 6_000, 1
MARGIN = 0.01  # of PRAUC, what the paper calls close: .7816 and .7795, .7120 and .7020
TEACHER: dict[str, Any] = {
    "layers": 6,
    "max_tokens": 256,
    "epochs": 3,
    "patience": 3,
    "learning_rate": 1e-3,
    "head_learning_rate": 5e-3,
}
RATES: list[dict[str, Any]] = [
    {"learning_rate": rate, "dropout": dropout} for rate in (1e-3, 3e-3) for dropout in (0.1, 0.4)
]
GRIDS: dict[str, list[dict[str, Any]]] = {
    "diagnosis-popularity": [{"smoothing": one} for one in (1, 3, 10, 30)],
    "retain": RATES,
    "gamenet": RATES,
    "safedrug": RATES,
}
"""Tuned on validation; logistic tunes itself."""
BASELINES = ("popularity", "diagnosis-popularity", "logistic", "retain", "gamenet", "safedrug")
ALONE: dict[str, Any] = {"distillation": 0, "batch_size": 64}
STRENGTHS = (0.1, 0.4, 0.8)
VARIANTS: dict[str, dict[str, Any]] = {
    "student": {},
    "no distillation": {"distillation": 0},
    "no alignment": {"alignment": 0},
    "no profile": {"alignment": 0, "profile": False},
    "permuted teacher": {"teaching": "permuted"},
    "neither": {"distillation": 0, "alignment": 0, "profile": False},
    "interaction-aware": {"interaction_weight": 1.0},
    "released": {
        "positive_in_denominator": False,
        "released_alignment_ids": True,
        "first_visits": True,
        "features": "raw",
    },
}
"""The student and its ablations; *released* has the defects of the released code."""


class Experiment:
    """One hospital, and what was found on it so far."""

    def __init__(self, patients: int) -> None:
        from palate.data.hospital.splits import make_hospital_split
        from palate.data.hospital.synthetic import synthetic_hospital

        made = synthetic_hospital(patients, HOSPITAL_SEED)
        self.split, self.oracle = make_hospital_split(made.hospital), made.oracle
        self.name = "leader" if patients == PATIENTS else f"leader-{patients}"
        self.folder = Path("runs/claims") / self.name
        whole = patients == PATIENTS
        self.kept = Kept(RESULTS / "per-user" / self.name if whole else self.folder, text=whole)

    def outcome(self, validation: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
        """Per test patient, decided by a threshold that validation patients chose."""
        from palate.evaluation.decisions import best_threshold, decide
        from palate.evaluation.medication import Judged

        split = self.split
        threshold = best_threshold(validation, split.validation.target)
        graph, single = split.hospital.interactions, split.test.single
        chosen = decide(test, threshold)
        found = Judged(test, chosen, split.test.target, graph, single)
        interacting, pairs = found.pairs
        return {
            "prauc": found.per_patient["prauc"],
            "jaccard": found.per_patient["jaccard"],
            "drugs": found.per_patient["drugs"],
            "interacting": interacting,
            "pairs": pairs,
            "single": single[found.judgeable],
            "threshold": np.array(threshold),
        }

    def fitted(self, method: str, settings: Mapping[str, Any], seed: int, folder: Path) -> Any:
        """A method, trained; what was interrupted goes on, what was trained is opened."""
        from palate.recommenders import registry
        from palate.recommenders.medication.base import Terms
        from palate.training.context import FitContext

        terms = Terms.of(self.split)
        made = registry.get(method, "medication")
        if (folder / "recommender.json").exists():
            return made.load(folder, terms)
        model = made(registry.configure(method, settings, kind="medication"))
        model.fit(self.split, FitContext(seed, folder / "checkpoints", True, progress=True))
        terms.save(folder)
        model.save(folder)
        return model

    def judged(
        self, method: str, settings: Mapping[str, Any], seed: int, label: str
    ) -> dict[str, np.ndarray]:
        model = self.fitted(method, settings, seed, self.at(label, seed))
        split = self.split
        scores = [model.score(cases.without_targets()) for cases in (split.validation, split.test)]
        return self.outcome(*scores) | {"parameters": np.array(model.parameters)}

    def at(self, label: str, seed: int) -> Path:
        return self.folder / "models" / f"{label.replace(' ', '-')}-{seed}"

    def tuned(
        self, method: str, grid: Sequence[Mapping[str, Any]], label: str | None = None
    ) -> Mapping[str, Any]:
        """The settings of a grid that do best on validation patients, with seed 0."""

        def compute() -> dict[str, np.ndarray]:
            from palate.evaluation.medication import prauc
            from palate.recommenders import registry
            from palate.training.context import FitContext

            found = []
            for settings in grid:
                config = registry.configure(method, settings, kind="medication")
                model = registry.get(method, "medication")(config)
                model.fit(self.split, FitContext(0, progress=True))
                cases = self.split.validation
                found.append(np.nanmean(prauc(model.score(cases.without_targets()), cases.target)))
            return {"prauc": np.array(found)}

        values = self.kept(f"tuning {label or method}", compute)["prauc"]
        return grid[int(np.argmax(values))]


def run(seeds: int, variants: Sequence[str], patients: int) -> None:
    here = Experiment(patients)
    lines: dict[str, list[dict[str, np.ndarray]]] = {}
    settings: dict[str, Mapping[str, Any]] = {}
    cases = (here.split.validation, here.split.test)
    lines["oracle"] = [here.outcome(*(here.oracle[one.visits] for one in cases))]
    for method in BASELINES:
        settings[method] = here.tuned(method, GRIDS[method]) if method in GRIDS else {}
        for seed in range(seeds if method in ("retain", "gamenet", "safedrug") else 1):
            compute = partial(here.judged, method, settings[method], seed, method)
            lines.setdefault(method, []).append(here.kept(f"{method}-{seed}", compute))
    own = here.tuned("leader", [one | ALONE for one in RATES])
    own = {name: value for name, value in own.items() if name != "distillation"}
    settings["teacher"] = TEACHER
    for seed in range(seeds):
        compute = partial(here.judged, "leader-teacher", TEACHER, seed, "teacher")
        lines.setdefault("teacher", []).append(here.kept(f"teacher-{seed}", compute))
        teacher = {"teacher": str(here.at("teacher", seed))}
        if seed == 0:
            grid = [own | teacher | {"distillation": one} for one in STRENGTHS]
            best = here.tuned("leader", grid, "leader taught")
            strength = {"distillation": best["distillation"]}
        for name in variants:
            settings[name] = own | strength | VARIANTS[name]
            compute = partial(here.judged, "leader", settings[name] | teacher, seed, name)
            lines.setdefault(name, []).append(here.kept(f"{name}-{seed}", compute))
        write(here, lines, settings, seeds, variants)
    costs = {
        name: forward_cost(here, name)
        for name in ("teacher", "student")
        if (here.at(name, 0) / "recommender.json").exists()
    }
    write(here, lines, settings, seeds, variants, costs)


def forward_cost(here: Experiment, label: str) -> dict[str, float]:
    """What one forward pass takes, in a process of its own."""
    test = here.split.test
    cases = test.take(np.arange(100) % len(test)).without_targets()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(timed, here.at(label, 0), cases).result()


def timed(folder: Path, cases: Any) -> dict[str, float]:
    """Milliseconds for one patient and for a hundred, parameters, bytes; nothing but the forward.

    Neither reading the model nor making tokens or tensors of the patients is timed, nor what is
    done with the logits.
    """
    import json

    import psutil
    import torch

    from palate.evaluation.cost import Meter, latency
    from palate.recommenders import registry
    from palate.recommenders.medication.base import Terms

    before = psutil.Process().memory_info().rss  # Python, torch and the like
    method = json.loads((folder / "recommender.json").read_text())["method"]
    model = registry.get(method, "medication").load(folder, Terms.load(folder))
    found: dict[str, float] = {
        "parameters": model.parameters,
        "weight_bytes": sum(p.numel() * p.element_size() for p in model.net.parameters()),
    }
    for name, several in (("1", cases.take(np.arange(1))), ("100", cases)):
        call = forward(model, several)
        with torch.inference_mode(), Meter() as meter:
            once = latency(call, 50, 5, limit=60)
        found |= {f"p50_ms_{name}": once.p50_ms, f"calls_{name}": once.calls}
        found[f"memory_bytes_{name}"] = meter.peak_bytes_absolute - before
    return found


def forward(model: Any, cases: Any) -> Callable[[], Any]:
    """Logits for cases that are tensors already."""
    from palate.language.collate import collate, encode

    if hasattr(model, "backbone"):
        encoded = encode(model.prompts(cases), model.backbone.tokenizer)
        batch = collate(encoded, model.backbone.tokenizer.pad_id)
        given = {key: batch[key] for key in ("input_ids", "attention_mask", "position_ids")}
        return lambda: model.net.head(model.net.features(**given))
    given = model.timelines(cases).batch(np.arange(len(cases)))
    model.net.eval()
    return lambda: model.net.logits(**given)


def write(
    here: Experiment,
    lines: dict[str, list[dict[str, np.ndarray]]],
    settings: Mapping[str, Mapping[str, Any]],
    seeds: int,
    variants: Sequence[str],
    costs: Mapping[str, Mapping[str, float]] | None = None,
) -> None:
    one = {
        name: {key: pooled([found[key] for found in several]) for key in ("prauc", "interacting")}
        for name, several in lines.items()
    }
    single = lines["oracle"][0]["single"].astype(bool)

    def claim(told: str, ours: str, other: str, paper: str = "not in its tables") -> list[Any]:
        if ours not in one or other not in one:
            return []
        found = [better(told, one[ours]["prauc"], one[other]["prauc"], paper, what="PRAUC")]
        for group, which in (("first visits", single), ("earlier visits", ~single)):
            values = [one[name]["prauc"][which] for name in (ours, other)]
            found.append(better(f"{told}: {group}", *values, paper, what="PRAUC"))
        return found

    claims = [
        *close("the student is close to its teacher (within .01)", one, "student", "teacher",
               "PRAUC .7795 and .7816 (III), .7020 and .7120 (IV)"),
        *claim("distillation helps", "student", "no distillation",
               ".7673 of the weakest variant, .7795 (III)"),
        *claim("it is this patient's teaching that helps", "student", "permuted teacher"),
        *claim("alignment helps", "student", "no alignment", "as above"),
        *claim("the profile helps", "no alignment", "no profile", "as above"),
        *claim("all three together help", "student", "neither", "as above"),
        *larger("the gain of profile and alignment is larger on first visits", one, single,
                "no distillation", "neither",
                "first visits .7521 to .7631 (III), .6773 to .7033 (IV), beside other methods"),
        *larger("the gain of distillation is larger on first visits", one, single,
                "student", "no distillation", "as above"),
        *claim("better than the released code's form", "student", "released"),
        *[found for method in ("popularity", "logistic", "retain", "gamenet", "safedrug")
          for found in claim(f"better than {method}", "student", method,
                             "best baseline .7582 (III), .6823 (IV)")[:1]],
        *[found for method in ("logistic",)
          for found in claim("the teacher is better than a logistic regression", "teacher",
                             method)[:1]],
    ]  # fmt: skip
    if "interaction-aware" in one:
        more, less = (one[name]["interacting"] for name in ("student", "interaction-aware"))
        claims.append(
            better("without the interaction-aware loss more pairs interact", more, less,
                   "LEADER has no such loss", what="interacting pairs a patient")
        )  # fmt: skip
    claims += costs_told(costs or {})
    if "student" in lines:
        size = here.split.n_medications
        recommended = int(sum(found["drugs"].sum() for found in lines["student"]))
        claims.append(
            exactly(
                "a head over the vocabulary recommends nothing outside of it",
                True,  # by its shape: what is recommended is a column of [patients, vocabulary]
                "the language model that writes names does, by how much is not verified",
                f"{recommended:,} recommendations, each a column of the {size} medications",
            )
        )
    results = {
        "data": f"{here.split.hospital.name}: synthetic, no patient is real",
        "caution": here.split.hospital.caution,
        "split": here.split.name,
        "notes": list(here.split.notes),
        "patients": len(lines["oracle"][0]["prauc"]),
        "first_visits": int(single.sum()),
        "seeds": seeds,
        "settings": {name: dict(found) for name, found in settings.items()},
        "prauc": {name: told(several, single) for name, several in lines.items()},
        "forward": {name: dict(found) for name, found in (costs or {}).items()},
        "claims": claims,
    }
    patients = "" if here.name == "leader" else f" --patients {here.name.partition('-')[2]}"
    again = typed("leader", seeds, variants, list(VARIANTS)) + patients
    folder = RESULTS if here.name == "leader" else here.folder
    print(record(here.name, results, again, folder=folder))


def told(several: Sequence[Mapping[str, np.ndarray]], single: np.ndarray) -> dict[str, Any]:
    """A line of the table: all patients, the groups, and each seed."""
    values = pooled([found["prauc"] for found in several])
    interacting = sum(int(found["interacting"].sum()) for found in several)
    pairs = sum(int(found["pairs"].sum()) for found in several)
    return {
        "mean": float(values.mean()),
        "first_visits": float(values[single].mean()),
        "earlier_visits": float(values[~single].mean()),
        "by_seed": [float(found["prauc"].mean()) for found in several],
        "jaccard": float(np.mean([found["jaccard"].mean() for found in several])),
        "medications": float(np.mean([found["drugs"].mean() for found in several])),
        "interaction_rate": interacting / max(pairs, 1),
        "thresholds": [float(found["threshold"]) for found in several],
    }


def close(
    claim: str, one: Mapping[str, Mapping[str, np.ndarray]], ours: str, other: str, paper: str
) -> list[dict[str, Any]]:
    """That the whole interval of the difference is above minus the margin."""
    if ours not in one or other not in one:
        return []
    found = better(claim, one[ours]["prauc"], one[other]["prauc"], paper, what="PRAUC")
    low, high = found["interval"]
    return [found | {"verdict": HOLDS if low > -MARGIN else FAILS if high < -MARGIN else OPEN}]


def larger(
    claim: str,
    one: Mapping[str, Mapping[str, np.ndarray]],
    single: np.ndarray,
    ours: str,
    other: str,
    paper: str,
    resamples: int = 10_000,
) -> list[dict[str, Any]]:
    """That a gain is larger for patients at their first visit than for others.

    Two groups of other patients: p by shuffling who is in which, the interval by bootstrap within
    each.
    """
    if ours not in one or other not in one:
        return []
    gains = one[ours]["prauc"] - one[other]["prauc"]
    random = np.random.default_rng(0)
    first, rest = gains[single], gains[~single]
    difference = float(first.mean() - rest.mean())
    drawn = [
        random.choice(first, len(first)).mean() - random.choice(rest, len(rest)).mean()
        for _ in range(resamples // 5)
    ]
    turned = []
    for _ in range(resamples // 5):
        mixed = random.permutation(gains)
        turned.append(mixed[: len(first)].mean() - mixed[len(first) :].mean())
    p = (1 + int((np.abs(turned) >= abs(difference)).sum())) / (1 + len(turned))
    sure = HOLDS if difference > 0 else FAILS
    return [
        {
            "claim": claim,
            "paper": paper,
            "measure": "gain in PRAUC, first visits and others",
            "ours": float(first.mean()),
            "other": float(rest.mean()),
            "difference": difference,
            "interval": [float(end) for end in np.quantile(drawn, [0.025, 0.975])],
            "p": p,
            "users": len(gains),
            "verdict": sure if p < 0.05 else OPEN,
        }
    ]


def costs_told(costs: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """How many times cheaper the student is."""
    if len(costs) < 2:
        return []
    teacher, student = costs["teacher"], costs["student"]
    claims = []
    for name, key in (
        ("one patient", "p50_ms_1"),
        ("a hundred at once", "p50_ms_100"),
        ("weights", "weight_bytes"),
        ("memory beyond the libraries', one patient", "memory_bytes_1"),
        ("memory beyond the libraries', a hundred at once", "memory_bytes_100"),
        ("parameters", "parameters"),
    ):
        times = teacher[key] / student[key]
        claims.append(
            exactly(
                f"the student is far cheaper (5 times or more): {name}",
                times >= 5,
                "25 to 30 times as fast, a tenth of the memory (not verified); LLaMA-7B",
                f"{times:.1f} times: {teacher[key]:,.4g} and {student[key]:,.4g}",
            )
        )
    return claims


if __name__ == "__main__":
    command("leader", __doc__ or "", run, seeds=3, variants=list(VARIANTS), patients=PATIENTS)
