"""ResearchArena's findings (EMNLP Findings 2025, arXiv:2406.10291), and agents that try to beat
what it compares.

    python claims/researcharena.py run --seeds 3                            # hours without a GPU
    python claims/researcharena.py run --variants screening,synthetic       # minutes
    python claims/researcharena.py table

The paper's corpus (S2ORC) cannot be passed on, so its findings are put to the test on other data,
in the folder that ``PALATE_SHARED_DATA`` names: 25 papers of ACM-CR as topics, with the papers that
they cite among 35,450 (a reference is influential where at least two places of the paper cite it);
the curated bibliography of language models for recommendation as a tree; two systematic reviews;
and fields that are made up. The language model is a small one, the paper's is GPT-4: findings on
what a model writes belong to the model. The agent's settings were chosen on made-up fields of other
seeds and (part ``tuning``) on 25 other papers of ACM-CR, of which only what their quoted places
cite is known; to look at keywords and at close papers at all was an idea of somebody who had seen
what the tested papers cite. ACM-CR does not say whom its papers cite, those 25 apart, so that
following citations can only be tested where they are made up.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.acm_cr import acm_cr
from claims.command import RESULTS, command, typed
from claims.shared import shared
from claims.verdicts import better, exactly

FOLDER = Path("runs/claims/researcharena")
PARTS = ["tuning", "discovery", "organization", "screening", "synthetic"]
MODEL = os.environ.get("PALATE_CLAIM_MODEL", "smollm2-135m")
WAYS = ("bm25", "dense")
WRITTEN = ("zero-shot", "decomposer", "self-rag", "storm")
ABLATIONS: dict[str, dict[str, Any]] = {
    "scout@no-vectors": {"dense": False},
    "scout@no-fields": {"fields": False},
    "scout@no-feedback": {"feedback": False},
    "scout@no-rounds": {"rounds": 0},
    "scout@no-authors": {"authors": False},
    "scout@no-keywords": {"keywords": False},
    "scout@no-near": {"near": False},
    "scout@parts": {"decompose": 3},
    "scout@screened": {"screen": 30},
}
CITATIONS = {
    "scout@no-citations": {"citations": False},
    "scout@no-authors": {"authors": False},
    "scout@no-influence": {"influence": False},
    "scout@pagerank": {"pagerank": True},
    "scout@pagerank-for-influence": {"pagerank": True, "influence": False},
}
TRIED_WEIGHTS, TRIED_ROUNDS = (0.5, 1.0, 1.5), (0, 1, 2)
"""Settings of the agent that were tried; its defaults are among them."""
TREES: dict[str, dict[str, Any]] = {
    "clustering": {}, "few-shot": {}, "outline": {}, "cartographer": {},
    "cartographer@words": {"named": False},
    "cartographer@flat": {"named": False, "recursive": False},
    "cartographer@unmerged": {"named": False, "merge": 1.0},
    "cartographer@centred": {"named": False, "centre": True},
}  # fmt: skip
REVIEWS = {
    "kitchenham_2010_software_engineering": "systematic literature reviews in software engineering",
    "nagtegaal_2019_nudging": "nudging healthcare professionals",
}
GOAL = 1.5  # times the best baseline
TRIED = 10  # made-up fields, by whose seeds the agent's settings were chosen


def run(seeds: int, variants: Sequence[str]) -> None:
    kept = RESULTS / "researcharena.json"
    before = json.loads(kept.read_text())["results"] if kept.exists() else {}
    parts = dict(before.get("parts", {}))
    claims = [one for one in before.get("claims", []) if one["part"] not in variants]
    for part in variants:
        parts[part], judged = globals()[part](seeds)
        claims += [one | {"part": part} for one in judged]
    again = typed("researcharena", seeds, [part for part in PARTS if part in parts], PARTS)
    results = {"model": MODEL, "parts": parts, "claims": claims}
    print(record("researcharena", results, again, folder=RESULTS))


def tuning(seeds: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the agent's settings come to on papers that are not tested; no claims."""
    corpus, topics = acm_cr(others=True)
    settings: dict[str, dict[str, Any]] = {"scout": {}, **ABLATIONS}
    for unused in ("scout@parts", "scout@screened"):
        del settings[unused]
    for weight in TRIED_WEIGHTS:
        for rounds in TRIED_ROUNDS:
            name = f"scout@weight-{weight}-rounds-{rounds}"
            settings[name] = {"expansion_weight": weight, "rounds": rounds}
    found = {
        what: _compare(task, settings, topics, corpus, FOLDER / "acm-cr-others")
        for task, what in (("discovery", "recall@100"), ("selection", "ndcg@10"))
    }
    return {
        name: {what: table["systems"][name]["mean"] for what, table in found.items()}
        for name in settings
    }, []


def discovery(seeds: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Discovery and selection on ACM-CR: each system with both ways to search."""
    corpus, topics = acm_cr()
    settings: dict[str, dict[str, Any]] = {
        f"{name}@{way}": {"way": way} for way in WAYS for name in ("title", *WRITTEN)
    }
    settings["decomposer@dense-max"] = {"way": "dense", "fusion": "max"}
    settings["title@rm3"] = {"way": "bm25-rm3"}
    settings["scout"] = {}
    settings |= ABLATIONS
    recall, gain = (
        _compare(task, settings, topics, corpus, FOLDER / "acm-cr", chat=True)
        for task in ("discovery", "selection")
    )
    claims = []
    for name in WRITTEN:
        claims.append(
            _better(
                f"a title as a dense query beats {name}",
                recall,
                "title@dense",
                f"{name}@dense",
                "R@100 .2697, and .1441 to .2554",
            )
        )
    claims += [
        _better("a title as a dense query beats one for BM25", recall, "title@dense", "title@bm25",
                ".2697 and .1338"),
        _better("decomposition helps BM25", recall, "decomposer@bm25", "title@bm25",
                ".1431 and .1338"),
        _better("decomposition does not help dense search", recall, "title@dense",
                "decomposer@dense", ".2697 and .2554"),
        _better("fusion by rank beats raw scores", recall, "decomposer@dense",
                "decomposer@dense-max", "paper and code differ"),
    ]  # fmt: skip
    baselines = [name for name in settings if not name.startswith("scout") and "rm3" not in name]
    claims += _agent(recall, baselines, "R@100") + _agent(gain, baselines, "NDCG@10")
    claims.append(_better("the agent beats RM3 alone", recall, "scout", "title@rm3", "not in it"))
    for name in ABLATIONS:
        told, a, b = _ablated(name)
        claims.append(_better(told, recall, a, b, "not in it"))
        claims.append(_better(told, gain, a, b, "not in it", "NDCG@10"))
    return {"discovery": recall, "selection": gain}, claims


def _ablated(name: str) -> tuple[str, str, str]:
    """What is claimed of a variant, the better one, and the other."""
    if name.startswith("scout@no-"):
        return f"the agent is worse: {name[6:]}", "scout", name
    return f"the agent gains by: {name[6:]}", name, "scout"


def _agent(table: Mapping[str, Any], baselines: Sequence[str], what: str) -> list[dict[str, Any]]:
    lines = table["systems"]
    best = max(baselines, key=lambda name: lines[name]["mean"])
    ratio = lines["scout"]["mean"] / max(lines[best]["mean"], 1e-9)
    told = (
        f"{lines['scout']['mean']:.4f} and {lines[best]['mean']:.4f} of {best}: {ratio:.2f} times"
    )
    return [
        _better(f"the agent beats the best baseline ({best})", table, "scout", best, "goal", what),
        exactly(f"the agent has {GOAL} times the {what} of the best baseline", ratio >= GOAL,
                "goal", told),
    ]  # fmt: skip


def organization(seeds: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Trees: the curated bibliography, and the paper's claims on content and structure."""
    from palate.research.corpus import Corpus
    from palate.research.readers import markdown
    from palate.research.tasks import Topic
    from palate.research.trees import Tree

    found = markdown.read(shared() / "llm4rec-survey/README.source.md")
    part = next(child for child in found.tree.children if child.label == "Papers")
    # What is new has no place yet, and surveys are no part of the field.
    branches = tuple(
        child for child in part.children if not re.search("Newest|Survey", child.label)
    )
    title = "How Can Recommender Systems Benefit from Large Language Models"
    topic = Topic("llm4rec", title, "2026-02", tree=Tree(title, branches))
    table = _compare("organization", TREES, [topic], Corpus(found.papers, "llm4rec"),
                     FOLDER / "llm4rec", chat=True)  # fmt: skip
    metrics = {name: line["metrics"] for name, line in table["systems"].items()}

    def told(*names: str) -> str:
        return "; ".join(
            f"{name}: recall {m['heading_recall']:.3f}, precision {m['heading_precision']:.3f}, "
            f"F1 {m['heading_f1']:.3f}, distance {m['tree_distance']:.0f} "
            f"({m['tree_distance_normalised']:.3f})"
            for name in names
            for m in [metrics[name]]
        )

    base = ("clustering", "few-shot", "outline")
    recall = max(base, key=lambda name: metrics[name]["heading_recall"])
    near = min(base, key=lambda name: metrics[name]["tree_distance"])
    small = min(base, key=lambda name: metrics[name]["tree_distance_normalised"])
    ours = metrics["cartographer@words"]
    claims = [
        exactly("few-shot has the highest heading recall, without references", recall == "few-shot",
                "HSR .8408, .7325 and .6074", told(*base)),
        exactly("clustering has the smallest tree distance", near == "clustering",
                "45.69, 49.83 and 60.04", told(*base)),
        exactly("content and structure disagree on who is best", recall != near, "they do",
                f"{recall} and {near}"),
        exactly("the agent has a smaller normalised distance at no lower heading F1",
                ours["tree_distance_normalised"] < metrics[small]["tree_distance_normalised"]
                and ours["heading_f1"] >= max(metrics[name]["heading_f1"] for name in base),
                "goal", told("cartographer@words", small)),
        exactly("names by the language model make headings better",
                metrics["cartographer"]["heading_f1"] > ours["heading_f1"], "not in it",
                told("cartographer", "cartographer@words")),
    ]  # fmt: skip
    return {"llm4rec": table}, claims


def screening(seeds: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Systematic reviews: work saved by active learning."""
    from palate.experiments.research_screen import compare_screening
    from palate.research.readers.screening_csv import read

    parts, claims = {}, []
    for name, question in REVIEWS.items():
        review = read(shared() / f"systematic-reviews/{name}.csv")
        found = {line.strategy: line for line in compare_screening(review, question, seeds)}
        cold = compare_screening(review, "", seeds)
        found["active, begun at random"] = next(x for x in cold if x.strategy == "active")
        parts[name] = {
            strategy: {"wss@95": line.wss, "spread": line.spread, "read": line.read,
                       "found in a tenth": line.early}
            for strategy, line in found.items()
        }  # fmt: skip
        told = "; ".join(f"{strategy} {line.wss:.3f}" for strategy, line in found.items())
        for other in ("bm25", "random"):
            claims.append(
                exactly(
                    f"{name.split('_')[0]}: active learning saves more work than {other}",
                    found["active"].wss > found[other].wss,
                    "common finding",
                    f"WSS@95: {told}",
                )
            )
    return parts, claims


def synthetic(seeds: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Fields that are made up: exact truth, noise, and what citations add."""
    from palate.research.synthetic import SyntheticConfig, generate

    settings: dict[str, dict[str, Any]] = {"title@bm25": {}, "title@rm3": {"way": "bm25-rm3"},
                                           "scout": {}, **CITATIONS}  # fmt: skip
    pooled: dict[str, dict[str, list[float]]] = {"discovery": {}, "selection": {}}
    by_noise: dict[str, list[float]] = {}
    for noise in (0.5, 0.9, 0.97):
        own: dict[str, list[float]] = {}
        for seed in range(TRIED, TRIED + seeds):
            made = generate(SyntheticConfig(papers=1000, noise=noise, seed=seed))
            topics = [topic for topic in made.topics if len(topic.grades) >= 10]
            for task in ("discovery", "selection"):
                table = _compare(task, settings, topics, made.corpus,
                                 FOLDER / f"synthetic-{noise}-{seed}", vectors=False)  # fmt: skip
                for name, line in table["systems"].items():
                    pooled[task].setdefault(name, []).extend(line["values"].values())
                    if task == "discovery":
                        own.setdefault(name, []).extend(line["values"].values())
        for name, values in own.items():
            by_noise.setdefault(name, []).append(float(np.mean(values)))
    claims = []
    for task, what in (("discovery", "R@100"), ("selection", "NDCG@10")):
        values = {name: np.array(found) for name, found in pooled[task].items()}
        for other in ("title@bm25", "title@rm3"):
            claims.append(better(f"made up: the agent beats {other}", values["scout"],
                                 values[other], "goal", what=what))  # fmt: skip
        for name in CITATIONS:
            told, a, b = _ablated(name)
            claims.append(better(f"made up: {told}", values[a], values[b], "not in it", what=what))
    falls = all(values == sorted(values, reverse=True) for values in by_noise.values())
    told = "; ".join(f"{n}: {', '.join(f'{x:.3f}' for x in v)}" for n, v in by_noise.items())
    claims.append(exactly("made up: recall falls as noise rises", falls, "not in it", told))
    return {"recall@100 by noise .5, .9, .97": by_noise}, claims


def _compare(
    task: str,
    settings: Mapping[str, Mapping[str, Any]],
    topics: Sequence[Any],
    corpus: Any,
    folder: Path,
    chat: bool = False,
    vectors: bool = True,
) -> dict[str, Any]:
    from palate.experiments.research_compare import compare
    from palate.experiments.research_runner import CompareConfig
    from palate.language.chat import ChatConfig
    from palate.research.workbench import BenchConfig

    bench = BenchConfig(
        search_by_vectors=vectors,
        encoder="minilm" if vectors else "none",
        chat=ChatConfig(model=MODEL) if chat else None,
    )
    config = CompareConfig(task=task, bench=bench)  # type: ignore[arg-type]
    found = compare(list(settings), topics, corpus, config, folder, settings,
                    lambda what: print(what, file=sys.stderr, flush=True))  # fmt: skip
    return {
        "notes": found.notes,
        "metric": found.metric,
        "systems": {
            line.system: {
                "mean": line.metrics[found.metric],
                "interval": list(line.interval),
                "metrics": {k: None if v != v else v for k, v in line.metrics.items()},
                "cost per topic": line.cost,
                "values": line.values,
            }
            for line in found.lines
        },
    }


def _better(
    claim: str, table: Mapping[str, Any], ours: str, other: str, paper: str, what: str = "R@100"
) -> dict[str, Any]:
    one, two = (np.array(list(table["systems"][name]["values"].values())) for name in (ours, other))
    return better(claim, one, two, paper, what=what)


if __name__ == "__main__":
    command("researcharena", __doc__ or "", run, seeds=3, variants=PARTS)
