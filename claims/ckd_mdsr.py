"""CKD-MDSR's claims (arXiv:2401.00797), on a reconstruction, with the controls that it needs.

    python claims/ckd_mdsr.py run --data GAMES --domain BEAUTY --domain SPORTS \\
        --domain-titles brand_and_categories --seeds 3   # hours
    python claims/ckd_mdsr.py table

Three teachers of different build: UniSRec and Recformer, pre-trained on other domains and tuned on
the target, and Lite-LLM4Rec. Students: SASRec above all; GRU4Rec, FM, DeepFM, LightGCN and SLIST.
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

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims import lines
from claims.command import RESULTS
from claims.lines import finished, ndcg10
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
STUDENTS = ("sasrec", "gru4rec", "fm", "deepfm", "lightgcn", "slist")


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
    runs: dict[str, list[Any]] = {name: [one] for name, one in taught_by.items()}
    for seed in range(seeds):
        for student in STUDENTS:
            plain = FOLDER / f"{student}-alone-{seed}"
            runs.setdefault(f"{student} alone", []).append(
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
                one = finished(
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
                runs.setdefault(f"{student} {label}", []).append(one)
            write(data, domains, titles, runs, seed + 1)


def write(
    data: str,
    domains: list[Path],
    titles: str | None,
    runs: dict[str, list[Any]],
    seeds: int,
) -> None:
    values = {name: [ndcg10(one) for one in several] for name, several in runs.items()}

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
        "split": runs[own][0].results()["split"] if own in runs else None,
        "label": "reconstruction of CKD-MDSR",
        "seeds": seeds,
        "lines": [lines.line(name, several) for name, several in runs.items()],
        "claims": claims,
    }
    told = "".join(f" --domain {path.name}" for path in domains)
    told += f" --domain-titles {titles}" if titles else ""
    again = f"python claims/ckd_mdsr.py run --data {Path(data).name}{told} --seeds {seeds}"
    print(record("ckd-mdsr", results, again, folder=RESULTS))


def shown() -> str:
    """The claims, and the table of teachers and students, as Markdown."""
    results = json.loads((RESULTS / "ckd-mdsr.json").read_text())["results"]
    return f"{table(results['claims'])}\n\n{lines.shown(results['lines'])}"


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
