"""Whether a version is good enough to take the place of the one before.

An update judges both versions on the newest tenth of the events that came, which neither has
learned from. A version that does worse there is not activated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.experiments.lineage import record
from palate.experiments.run import Run

SURE = 0.05  # p below which a version is worse, however little
WORSE = 0.1  # share of the old figure by which it may not fall short, sure or not


@dataclass(frozen=True)
class Verdict:
    """Whether a version may be activated.

    Attributes:
        why: the figures, in a sentence.
    """

    good: bool
    why: str


def verdict(versions: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Judge by what an update's ``versions`` say: each metric's old and new value, and p."""
    told = [
        f"{metric} {one['old']:.4f} before, {one['new']:.4f} now (p = {one['p']:.3g}, "
        f"{one['cases']} held-out events)"
        for metric, one in versions.items()
    ]
    figures = "; ".join(told)
    for metric, one in versions.items():
        lost = one["old"] - one["new"]
        if lost > 0 and (one["p"] < SURE or lost > WORSE * one["old"]):
            return Verdict(False, f"worse than the version before by {metric}: {figures}")
    return Verdict(True, f"no worse than the version before: {figures}")


def of_version(folder: Path) -> Verdict | None:
    """The verdict on a version that an update made; None for other runs."""
    if not (folder / "config.yaml").is_file():
        return None
    made = record(Run(folder, finished=False))
    return None if made is None else verdict(made["versions"])
