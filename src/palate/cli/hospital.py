"""What ``palate data show`` says of a hospital."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from palate.cli import console

if TYPE_CHECKING:
    from palate.data.hospital.config import HospitalConfig
    from palate.data.hospital.splits import HospitalSplit

MOST = 5  # codes of each kind that are shown


def show_hospital(config: HospitalConfig, as_json: bool) -> None:
    """Read, prepare and split a hospital, and print what came of it; nothing of one patient."""
    with console.working("reading"):
        from palate.data.hospital.load import load_hospital, split_hospital
    split = split_hospital(load_hospital(config, progress=True), config)
    summary = hospital_summary(split)
    if as_json:
        console.print_json(summary)
    else:
        _print(summary)


def hospital_summary(split: HospitalSplit) -> dict[str, Any]:
    """Counts only."""
    from dataclasses import asdict

    import numpy as np

    from palate.data.hospital.visits import KINDS

    hospital = split.hospital
    visits, patients = len(hospital.visits), len(hospital.patient_ids)
    counts = np.bincount(hospital.visits.patients, minlength=patients)
    codes = {}
    for kind in KINDS:
        held, vocabulary = hospital.visits.codes[kind], hospital.vocabularies[kind]
        often = np.bincount(held.codes, minlength=len(vocabulary)) / visits
        top = np.argsort(-often, kind="stable")[:MOST].tolist()
        codes[kind] = {
            "codes": len(vocabulary),
            "mean": float(held.lengths.mean()),
            "most": int(held.lengths.max()),
            "frequent": [
                {
                    "code": vocabulary.keys[n],
                    "name": vocabulary.names[n],
                    "share": round(float(often[n]), 4),
                }
                for n in top
            ],
        }
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    size = len(hospital.interactions)
    return {
        "name": hospital.name,
        "synthetic": hospital.synthetic,
        "licence": hospital.licence,
        "citation": hospital.citation,
        "patients": patients,
        "visits": visits,
        "single": int((counts == 1).sum()),
        "multi": int((counts > 1).sum()),
        "most_visits": int(counts.max()),
        "codes": codes,
        "profile": {name: len(values) - 1 for name, values in split.profile_values.items()},
        "interactions": {
            "pairs": int(hospital.interactions.sum()) // 2,
            "density": float(hospital.interactions.sum() / max(1, size * (size - 1))),
            "without": int((~hospital.interactions.any(axis=1)).sum()),
            "note": hospital.interactions_note,
        },
        "steps": [asdict(step) for step in hospital.steps],
        "split": {
            "name": split.name,
            **{
                name: {"cases": len(cases), "single": int(cases.single.sum())}
                for name, cases in parts.items()
            },
            "notes": list(split.notes),
        },
        "fingerprint": hospital.fingerprint,
        "caution": hospital.caution,
    }


def _print(summary: dict[str, Any]) -> None:
    kinds = list(summary["codes"])
    print(
        f"{summary['name']}{' (synthetic)' if summary['synthetic'] else ''}: "
        f"{summary['patients']:,} patients, {summary['visits']:,} visits"
    )
    print(
        f"{summary['single']:,} patients with one visit, {summary['multi']:,} with more "
        f"(up to {summary['most_visits']})"
    )
    console.table(
        ["step", "what it did", "patients", "visits", *kinds],
        [
            [s["name"], s["note"], f"{s['patients']:,}", f"{s['visits']:,}"]
            + [_kept(s["rows"][kind], s["dropped"][kind]) for kind in kinds]
            for s in summary["steps"]
        ],
        left=2,
    )
    console.table(
        ["", "most frequent", "codes", "a visit", "at most"],
        [
            [
                kind,
                _frequent(one["frequent"]),
                f"{one['codes']:,}",
                f"{one['mean']:.1f}",
                f"{one['most']:,}",
            ]
            for kind, one in summary["codes"].items()
        ],
        left=2,
    )
    values = ", ".join(f"{name} ({count})" for name, count in summary["profile"].items())
    print(f"profile, with known values: {values}")
    print(f"interactions: {summary['interactions']['note']}")
    split = summary["split"]
    parts = [
        f"{split[part]['cases']:,} {part} ({split[part]['single']:,} first visits)"
        for part in ("train", "validation", "test")
    ]
    print(f"split {split['name']}: {', '.join(parts)}")
    for note in split["notes"]:
        print(f"  note: {note}")
    if summary["licence"]:
        print(f"terms: {summary['licence']}")
    print(summary["caution"])


def _kept(rows: int, dropped: int) -> str:
    return f"{rows:,} (-{dropped:,})" if dropped else f"{rows:,}"


def _frequent(codes: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['name']} {one['share']:.0%}" for one in codes)
