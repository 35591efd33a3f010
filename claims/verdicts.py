"""A paper's claim beside what came out here, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from palate.evaluation.ranking import Values
from palate.evaluation.significance import bootstrap_interval, paired_test

LEVEL = 0.05
HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told at this size"


def better(
    claim: str, ours: Values, theirs: Values, paper: str, *, what: str = "NDCG@10"
) -> dict[str, Any]:
    """That one thing is better than another, judged on the same users.

    Args:
        ours: [u] what is claimed to be better, per user, averaged over seeds.
        theirs: [u] the other.
        paper: what the paper says, with its numbers where they are known.

    Returns:
        the claim, both means, the difference with its 95 % bootstrap interval and p, and the
        verdict: it holds where the difference is above zero beyond chance, it does not where it is
        below, and else it cannot be told.
    """
    difference = ours - theirs
    p = paired_test(ours, theirs)
    mean = float(difference.mean())
    verdict = OPEN if p >= LEVEL or mean == 0 else HOLDS if mean > 0 else FAILS
    return {
        "claim": claim,
        "paper": paper,
        "measure": what,
        "ours": float(ours.mean()),
        "other": float(theirs.mean()),
        "difference": mean,
        "interval": list(bootstrap_interval(difference)),
        "p": p,
        "users": len(ours),
        "verdict": verdict,
    }


def exactly(claim: str, true: bool, paper: str, told: str) -> dict[str, Any]:
    """That something is so for every user, without chance."""
    return {
        "claim": claim,
        "paper": paper,
        "told": told,
        "verdict": HOLDS if true else FAILS,
    }


def pooled(runs: Sequence[Values]) -> Values:
    """[u] per user, averaged over seeds: users are what tests draw from."""
    return np.mean(np.stack(runs), axis=0)


def table(claims: Sequence[dict[str, Any]]) -> str:
    """The claims as a Markdown table."""
    lines = [
        "| claim | paper | ours | other | difference (95 % interval) | p | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in claims:
        if "told" in one:
            cells = [one["claim"], one["paper"], one["told"], "", "", "", one["verdict"]]
        else:
            low, high = one["interval"]
            named = "" if one["measure"] == "NDCG@10" else f" ({one['measure']})"
            cells = [
                one["claim"] + named,
                one["paper"],
                f"{one['ours']:.4f}",
                f"{one['other']:.4f}",
                f"{one['difference']:+.4f} ({low:+.4f} … {high:+.4f})",
                f"{one['p']:.4f}",
                one["verdict"],
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
