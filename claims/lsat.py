"""LSAT's claims (CIKM 2024, arXiv:2312.15599), and the control that its table lacks.

    python claims/lsat.py run --seeds 3 --variants sasrec-likes,sasrec   # an hour without a GPU
    python claims/lsat.py run --seeds 3 --variants sasrec-likes@movietweetings
    python claims/lsat.py run --seeds 1 --variants tallrec               # hours
    python claims/lsat.py table

MovieLens-100K, or what is named after an @, found in the folder ``PALATE_SHARED_DATA``; periods of
equal counts; the long-term model learns from the first half of them and every later period is
tested after learning up to the one before, as in the paper. All ways to go on learning go through
one interface, for the language model (``tallrec``) as for models of ids: ``sasrec-likes`` is asked
the same questions, ``sasrec`` ranks what comes next. The language model is a part of a small one,
and its periods are smaller; what is put to the test are the orderings.

``two-full`` is the control: an ensemble of two ordinary retrained models. Where it does as well as
the long-term and the short-term model mixed, the gain is one of ensembles.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS, command, typed
from claims.shared import ML_100K, data_of
from claims.verdicts import FAILS, HOLDS, LEVEL, OPEN

FOLDER = Path("runs/claims/lsat")
PERIODS: dict[str, dict[str, Any]] = {
    "sasrec-likes": {"count": 20, "first": 10},
    "sasrec-likes@movietweetings": {"count": 20, "first": 10},
    "sasrec": {"count": 20, "first": 10},
    "tallrec": {"count": 10, "first": 5, "newest": 3000},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "sasrec-likes": {"patience": 5, "epochs": 60},
    "sasrec": {"patience": 5, "epochs": 60},
    "tallrec": {"noun": "movie", "layers": 8, "epochs": 2, "patience": 2},
}
CLAIMS: list[tuple[str, str, str, str]] = [
    ("both models mixed beat full retraining", "lsat-en", "full", ".7720 and .7650"),
    ("and fine-tuning", "lsat-en", "fine-tune", ".7720 and .7594"),
    ("and the short-term model alone", "lsat-en", "short-term", ".7720 and .7638"),
    ("and the long-term model alone", "lsat-en", "long-term", ".7720 and .7617"),
    ("interpolated tensors beat full retraining", "lsat-ta", "full", ".7665 and .7650"),
    ("outputs mixed beat interpolated tensors", "lsat-en", "lsat-ta", ".7720 and .7665"),
    ("updates interpolated exactly beat tensors", "lsat-ta-exact", "lsat-ta", "not in its tables"),
    ("full retraining beats a model that is left (ID models; for language models it does not)",
     "full", "long-term", "figure; TALLRec .7650 and .7617"),
    ("fine-tuning beats a model that is left", "fine-tune", "long-term", ".7594 and .7617"),
    ("both mixed beat an ensemble of two ordinary models", "lsat-en", "two-full",
     "not in its tables"),
    ("one adapter held near what it was beats both mixed (PESO's view)", "peso", "lsat-en",
     "not compared"),
    ("one adapter held near what it was beats plain fine-tuning", "peso", "fine-tune",
     "PESO: yes"),
]  # fmt: skip


def run(seeds: int, variants: Sequence[str]) -> None:
    from palate.experiments.periods import PeriodsConfig, compare_periods

    kept = RESULTS / "lsat.json"
    before = json.loads(kept.read_text())["results"] if kept.exists() else {}
    methods, claims = dict(before.get("methods", {})), list(before.get("claims", []))
    for variant in variants:
        method, tables = variant.partition("@")[0], {}
        for reference in dict.fromkeys(reference for _, _, reference, _ in CLAIMS):
            tables[reference] = compare_periods(
                [method],
                data_of(variant.partition("@")[2] or ML_100K),
                PeriodsConfig(**PERIODS[variant], reference=reference),
                seeds,
                FOLDER / variant,
                {method: SETTINGS[method]},
                progress=True,
            )
        methods[variant] = told(variant, tables) | {"seeds": seeds}
        claims = [one for one in claims if one["method"] != variant] + judged(variant, tables)
    again = typed("lsat", seeds, list(methods), list(PERIODS))
    print(record("lsat", {"methods": methods, "claims": claims}, again, folder=RESULTS))


def judged(variant: str, tables: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims on one variant, each way against the other."""
    claims = []
    for claim, ours, other, paper in CLAIMS:
        found = {line.strategy: line for line in tables[other].lines}
        if ours not in found or other not in found:
            continue
        one = found[ours]
        sure = one.p < LEVEL and one.difference != 0
        claims.append(
            {
                "method": variant,
                "claim": f"{variant}: {claim}",
                "paper": paper,
                "measure": f"{one.metric} averaged over periods",
                "ours": one.mean,
                "other": found[other].mean,
                "difference": one.difference,
                "interval": list(one.interval),
                "p": one.p,
                "verdict": (HOLDS if one.difference > 0 else FAILS) if sure else OPEN,
            }
        )
    return claims


def told(variant: str, tables: dict[str, Any]) -> dict[str, Any]:
    """The table of one variant."""
    main = tables["full"]
    lines = {line.strategy: line for line in main.lines}
    return {
        "notes": main.notes,
        "tested": main.tested,
        "periods": PERIODS[variant],
        "settings": SETTINGS[main.lines[0].method],
        "table": [
            {
                "strategy": name,
                "mean": line.mean,
                "spread": line.spread,
                "values": line.values,
                "warm": line.warm,
                "cold": line.cold,
                "share": line.share,
                "seconds": line.seconds,
            }
            for name, line in lines.items()
        ],
        "stale": main.stale,
    }


if __name__ == "__main__":
    command("lsat", __doc__ or "", run, seeds=1, variants=list(PERIODS))
