"""CKD-MDSR's claims (arXiv:2401.00797), on a reconstruction, with the controls that it needs.

    python claims/ckd_mdsr.py run --data GAMES --domain BEAUTY --domain SPORTS \\
        --domain-titles brand_and_categories --seeds 3   # hours
    python claims/ckd_mdsr.py table

Three teachers of different build: UniSRec and Recformer, pre-trained on other domains and tuned on
the target, and Lite-LLM4Rec. Students: SASRec above all, then GRU4Rec, FM, DeepFM and LightGCN.
All on one split and one catalogue, ranking all of it. The paper's full text and code could not be
had: *the method is a reconstruction from its abstracts*, so what fails here fails for the
reconstruction.

Controls: a student who hears the scores of other instances, one who learns from the same candidates
without teachers, and smoothed labels. Where these do as well, the gain is not the teachers'.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.verdicts import better, pooled, table

FOLDER = Path("runs/claims/ckd-mdsr")
FILTERS: dict[str, Any] = {"users": 5000, "k_core": 3}
TEACHERS: dict[str, dict[str, Any]] = {
    "unisrec": {},
    "recformer": {},
    "lite-llm4rec": {"epochs": 8},
}
PRETRAINED = ("unisrec", "recformer")
VARIANTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "distilled": (tuple(TEACHERS), {}),
    "uniform weights": (tuple(TEACHERS), {"weights": "uniform"}),
    "no curriculum": (tuple(TEACHERS), {"curriculum": "none"}),
    "permuted teachers": (tuple(TEACHERS), {"control": "permuted"}),
    "in-batch cross-entropy": (tuple(TEACHERS), {"control": "in-batch"}),
    "label smoothing": (tuple(TEACHERS), {"control": "smoothing"}),
    **{f"{name} alone teaches": ((name,), {}) for name in TEACHERS},
    "hard first": (tuple(TEACHERS), {"curriculum": "hard-first"}),
    "random order": (tuple(TEACHERS), {"curriculum": "random"}),
    "long first": (tuple(TEACHERS), {"length_order": "long-first"}),
    "fused target": (tuple(TEACHERS), {"target": "fused"}),
    "curriculum alone": (tuple(TEACHERS), {"strength": 0}),
}
"""Distillations into SASRec: who teaches, and what is set otherwise."""
STUDENTS = ("sasrec", "gru4rec", "fm", "deepfm", "lightgcn")


def ndcg(run: Any) -> np.ndarray:
    """[u] NDCG@10 of a run's test users."""
    ranks = run.cases()["rank"].to_numpy()
    found: np.ndarray = np.where(ranks <= 10, 1 / np.log2(ranks + 1.0), 0.0)
    return found


def finished(folder: Path, make: Any) -> Any:
    """The run in a folder, made or continued where it is not finished."""
    from palate.experiments.run import Run

    if (folder / "metrics.json").exists():
        return Run(folder)
    print(f"{folder.name}: computing", flush=True)
    return make()


def teachers(data: Any, domains: list[Path], titles: str | None) -> dict[str, Any]:
    """The three, pre-trained where they can be and fine-tuned on the target."""
    from palate.data.load import DataConfig
    from palate.experiments.pretrain import pretrain, resume_pretraining
    from palate.experiments.train import train

    found = {}
    for name, settings in TEACHERS.items():
        more = {}
        if name in PRETRAINED and domains:
            place = FOLDER / f"{name}-pretrained"
            if (place / "begun.json").exists():
                resume_pretraining(place, progress=True)
            elif not (place / "pretrained.json").exists():
                own = FILTERS | {"title_column": titles, "untitled": "id"}
                wanted = {path.stem: DataConfig(data=str(path), **own) for path in domains}
                pretrain(name, {}, wanted, place, progress=True)
            more = {"pretrained": str(place.resolve())}
        folder = FOLDER / name
        found[name] = finished(
            folder,
            lambda name=name, settings=settings, more=more, folder=folder: train(
                name, settings | more, data, folder=folder, progress=True, resume=True
            ),
        )
    return found


def run(data: str, domains: list[Path], titles: str | None, seeds: int) -> None:
    from palate.data.load import DataConfig
    from palate.experiments.distil import distil
    from palate.experiments.train import train
    from palate.training.distillation import DistilConfig

    config = DataConfig(data=data, **FILTERS)
    taught_by = teachers(config, domains, titles)
    lines: dict[str, list[Any]] = {name: [one] for name, one in taught_by.items()}
    for seed in range(seeds):
        for student in STUDENTS:
            plain = FOLDER / f"{student}-alone-{seed}"
            lines.setdefault(f"{student} alone", []).append(
                finished(
                    plain,
                    lambda s=student, p=plain, n=seed: train(
                        s, {}, config, n, p, progress=True, resume=True
                    ),
                )
            )
            for label, (names, settings) in VARIANTS.items():
                if student != "sasrec" and label != "distilled":
                    continue
                folder = FOLDER / f"{student}-{label.replace(' ', '-')}-{seed}"
                line = finished(
                    folder,
                    lambda s=student, f=folder, n=seed, t=names, c=settings: distil(
                        [taught_by[name] for name in t],
                        s,
                        f,
                        config=DistilConfig(**c),
                        seed=n,
                        progress=True,
                        command=f"python claims/ckd_mdsr.py run (seed {n})",
                    ),
                )
                lines.setdefault(f"{student} {label}", []).append(line)
            write(data, domains, titles, lines, seed + 1)


def write(
    data: str,
    domains: list[Path],
    titles: str | None,
    lines: dict[str, list[Any]],
    seeds: int,
) -> None:
    values = {name: [ndcg(one) for one in several] for name, several in lines.items()}

    def claim(told: str, ours: str, other: str, paper: str) -> list[dict[str, Any]]:
        if ours not in values or other not in values:
            return []
        pairs = min(len(values[ours]), len(values[other]))
        a, b = (pooled(values[name][:pairs]) for name in (ours, other))
        return [better(told, a, b, paper)]

    own = "sasrec distilled"
    claims = [
        *claim("distilled better than the student alone", own, "sasrec alone",
               "+.86 % to +19.21 % over five data sets"),
        *(one for name in TEACHERS for one in claim(
            f"the student better than its teacher {name}", own, name, "often")),
        *(one for name in TEACHERS for one in claim(
            f"all teachers better than {name} alone", own, f"sasrec {name} alone teaches",
            "abstract: yes")),
        *claim("weights by consistency better than uniform", own, "sasrec uniform weights",
               "abstract: yes"),
        *claim("the curriculum helps", own, "sasrec no curriculum", "abstract: yes"),
        *claim("easy first better than hard first", own, "sasrec hard first", "not known"),
        *claim("easy first better than a random order at the same pace", own,
               "sasrec random order", "not known"),
        *claim("short first better than long first", own, "sasrec long first", "not known"),
        *claim("each teacher better than one fused target", own, "sasrec fused target",
               "not known"),
        *claim("it is the teachers: better than permuted ones", own, "sasrec permuted teachers",
               "not in the abstracts"),
        *claim("better than cross-entropy among the same candidates", own,
               "sasrec in-batch cross-entropy", "not in the abstracts"),
        *claim("better than smoothed labels", own, "sasrec label smoothing",
               "not in the abstracts"),
        *(one for name in STUDENTS[1:] for one in claim(
            f"{name} distilled better than alone", f"{name} distilled", f"{name} alone",
            "abstract: yes")),
    ]  # fmt: skip
    results = {
        "data": Path(data).name,
        "domains": [path.stem for path in domains],
        "filters": FILTERS,
        "split": lines[own][0].results()["split"] if own in lines else None,
        "label": "reconstruction of CKD-MDSR",
        "seeds": seeds,
        "lines": [cost(name, several, values[name]) for name, several in lines.items()],
        "claims": claims,
    }
    told = "".join(f" --domain {path.name}" for path in domains)
    told += f" --domain-titles {titles}" if titles else ""
    again = f"python claims/ckd_mdsr.py run --data {Path(data).name}{told} --seeds {seeds}"
    print(record("ckd-mdsr", results, again, folder=RESULTS))


def cost(name: str, several: list[Any], values: list[np.ndarray]) -> dict[str, Any]:
    """One line: accuracy, and what it costs."""
    costs = [one.cost() for one in several]
    return {
        "name": name,
        "ndcg@10": float(np.mean([one.mean() for one in values])),
        "by_seed": [float(one.mean()) for one in values],
        "ms_a_user_alone": float(np.mean([one["p50_ms"] for one in costs])),
        "ms_a_user_in_batches": float(np.mean([1000 / one["users_per_second"] for one in costs])),
        "parameters": costs[0]["parameters"],
        "fit_seconds": float(np.mean([one["fit_seconds"] for one in costs])),
        "peak_bytes": max(one["peak_bytes"] for one in costs),
    }


def shown() -> str:
    """The claims, and the table of teachers and students, as Markdown."""
    results = json.loads((RESULTS / "ckd-mdsr.json").read_text())["results"]
    rows = [
        "| model | NDCG@10 | ms a user | ms in batches | parameters | training |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| {one['name']} | {one['ndcg@10']:.4f} | {one['ms_a_user_alone']:.2f} "
        f"| {one['ms_a_user_in_batches']:.3f} | {one['parameters']:,} "
        f"| {one['fit_seconds']:.0f} s |"
        for one in results["lines"]
    ]
    return "\n".join([table(results["claims"]), "", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--data", help="the target: a named data set, or a path")
    parser.add_argument("--domain", type=Path, action="append", default=[], help="to pre-train on")
    parser.add_argument("--domain-titles", help="column of the domains that holds titles")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    if given.part == "run":
        if given.data is None:
            parser.error("which data? --data PATH")
        run(given.data, given.domain, given.domain_titles, given.seeds)
    print(shown())


if __name__ == "__main__":
    main()
