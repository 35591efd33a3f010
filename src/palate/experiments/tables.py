"""The tables of a report beside the main one, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from palate.experiments import wording
from palate.experiments.pictures import Line

DOMAINS = 20  # shown of each method; metrics.json has all
ACCURACY = {"ndcg": "NDCG", "hr": "HR (recall)", "precision": "precision", "map": "MAP (MRR)"}
BEYOND = {
    "coverage@10": (
        "coverage",
        "Share of the catalogue that is in anyone's list. More is broader.",
        wording.share,
    ),
    "novelty@10": (
        "novelty",
        "How little known the items are: bits of surprise, −log2 of the share of training users "
        "who had the item.",
        lambda value: f"{value:.2f} bits",
    ),
    "diversity@10": (
        "diversity",
        "How unlike each other the items of a list are by genre or category: 0 all alike, 1 "
        "nothing in common.",
        lambda value: f"{value:.3f}",
    ),
    "popularity_bias@10": (
        "popularity bias",
        "How much more popular the items are than those that people chose themselves: +50 % is "
        "half as popular again, 0 is as popular.",
        lambda value: f"{100 * value:+.0f} %".replace("-", "−"),
    ),
}


def lengths(done: list[Line]) -> list[int]:
    """The lengths of list at which the runs were measured."""
    names = done[0].row.metrics if done else {}
    return sorted(int(name.partition("@")[2]) for name in names if name.startswith("ndcg@"))


def accuracy(done: list[Line]) -> list[dict[str, Any]]:
    """All accuracy metrics; the method is named in its first row only."""
    ks, rows = lengths(done), []
    for line in done:
        metrics = line.row.metrics
        for number, (name, title) in enumerate(ACCURACY.items()):
            cells = [wording.score(metrics[f"{name}@{k}"]) for k in ks]
            whole = wording.score(metrics["mrr"]) if name == "map" else ""
            colour = None if number else line.colour
            rows.append(
                {"label": line.label, "colour": colour, "metric": title, "cells": [*cells, whole]}
            )
        auc = [*[""] * len(ks), wording.score(metrics["auc"])]
        rows.append({"label": line.label, "colour": None, "metric": "AUC", "cells": auc})
    return rows


def beyond(done: list[Line]) -> dict[str, Any]:
    """Coverage, novelty, diversity and popularity bias, as far as they are known."""
    known = {n: v for n, v in BEYOND.items() if all(n in line.row.metrics for line in done)}
    return {
        "columns": [{"title": title, "meaning": meaning} for title, meaning, _ in known.values()],
        "rows": [
            {
                "label": line.label,
                "colour": line.colour,
                "cells": [words(line.row.metrics[name]) for name, (_, _, words) in known.items()],
            }
            for line in done
        ],
    }


def controls(done: list[Line]) -> list[dict[str, Any]]:
    """What each method's first run has to beat; the method is named in its first row only."""
    rows = []
    for line in done:
        for number, one in enumerate(line.pooled.runs[0].results().get("controls", [])):
            cells = [wording.score(one["metrics"][name]) for name in ("ndcg@10", "hr@10", "mrr")]
            rows.append(
                {
                    "label": line.label,
                    "colour": None if number else line.colour,
                    "control": one["name"],
                    "cells": [*cells, wording.probability(one["p"])],
                }
            )
    return rows


def domains(done: list[Line]) -> list[dict[str, Any]]:
    """Each method by domain of the hidden item, the domains with most cases first.

    The method is named in its first row only.
    """
    rows = []
    for line in done:
        largest = sorted(line.row.domains, key=lambda one: (-one["cases"], one["domain"]))
        for number, one in enumerate(largest[: 2 * DOMAINS]):
            cells = [wording.score(one["metrics"][name]) for name in ("ndcg@10", "hr@10", "mrr")]
            rows.append(
                {
                    "label": line.label,
                    "colour": None if number else line.colour,
                    "domain": one["domain"],
                    "ranked": one["ranked"],
                    "cells": [f"{one['cases']:,}", *cells],
                }
            )
    return rows


def costs(line: Line) -> list[tuple[str, str]]:
    """All that one run cost."""
    run, cost = line.pooled.runs[0], line.pooled.runs[0].cost()
    fit = wording.seconds(cost["fit_seconds"])
    if cost["resumed"]:
        fit += ", interrupted and resumed"
    memory = f"{wording.size(cost['peak_bytes'])} at most in the whole process"
    memory += f", of which training added {wording.size(cost['fit_bytes'])}"
    request = f"{wording.milliseconds(cost['p50_ms'])} (half of the requests), "
    request += f"{wording.milliseconds(cost['p99_ms'])} (99 in 100)"
    rows = [
        ("Training", fit),
        ("Memory", memory),
        ("One request", request),
        ("Many users at once", f"{wording.count(cost['users_per_second'])} users per second"),
        ("Parameters", wording.count(cost["parameters"])),
        ("of which trained", wording.count(cost["trainable_parameters"])),
    ]
    if cost["cuda_peak_bytes"]:
        rows.insert(2, ("Memory of the GPU", wording.size(cost["cuda_peak_bytes"])))
    if "flops_per_request" in cost:
        rows.append(("Operations of one request", wording.count(cost["flops_per_request"])))
    learned = run.training()
    if learned is not None:
        rows.append(("Epochs", f"{learned['epochs']:g}"))
    return rows


def provenance(
    about: Mapping[str, Any], done: list[Line], data: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Where the numbers came from."""
    seeds = sorted({run.seed for line in done for run in line.pooled.runs})
    machine = [about.get("processor"), f"{about.get('cores')} cores"]
    machine += [wording.size(about["memory_bytes"]), about.get("accelerator") or "no GPU"]
    packages = " · ".join(f"{name} {found}" for name, found in about["packages"].items())
    rows = [
        ("Data", data.get("name")),
        ("Fingerprint of the data", about.get("fingerprint")),
        ("Licence of the data", data.get("licence")),
        ("Citation", data.get("citation")),
        ("Seeds", ", ".join(map(str, seeds))),
        ("palate", f"{about['palate']}, commit {about['commit'] or 'unknown'}"),
        ("Code", about.get("code")),
        ("Machine", ", ".join(str(part) for part in machine if part)),
        ("System", about.get("platform")),
        ("Python", about.get("python")),
        ("Packages", packages),
    ]
    return [(name, str(value)) for name, value in rows if value]


def settings(done: list[Line]) -> list[tuple[str, str]]:
    """The settings of every method, as YAML."""
    return [
        (line.label, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
        for line in done
        if (settings := line.pooled.runs[0].config["settings"])
    ]
