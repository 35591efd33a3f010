"""Lite-LLM4Rec's claims, and the controls that say what its language models are good for.

    python claims/lite_llm4rec.py accuracy     # hours on two cores
    python claims/lite_llm4rec.py efficiency   # a few minutes
    python claims/lite_llm4rec.py table        # the accuracy part again, as the README shows it
    python claims/lite_llm4rec.py contrasts    # and what its lines say about the claims

Each part writes ``claims/results/lite-llm4rec-<part>.json``; a part that was interrupted goes on
from the runs that are finished.

The paper (arXiv:2402.09543; IJCNLP-AACL 2025) claims a gain of 46.8 % on MovieLens-1M *over
generative language-model recommenders*, and inference 97.28 % (first version) or 99.48 %
(proceedings) faster than theirs. It does not claim a gain over a SASRec with a full softmax, which
is the opponent that a head of this kind has to be held against.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims import verdicts
from claims.verdicts import better, pooled

from palate.evaluation.ranking import ndcg
from palate.experiments.comparison import Comparison

RESULTS = Path(__file__).parent / "results"
REFERENCE = "sasrec"
LITE = "lite-llm4rec"

# What two cores can do in an hour or two; the default goes on for longer.
BUDGET = {"epochs": 20}
# Controls may stop sooner. Of those that are not far behind, random layers did, after 16 epochs.
CONTROL = BUDGET | {"patience": 5}
# One thing differs in each line of Lite-LLM4Rec, but for the paper's own form, and for random
# layers: they begin small, and need no gate to keep them from drowning what they read.
SETTINGS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "itemknn": {},
    "ease": {},
    "sasrec": {},
    "sasrec@svd": {"initial_items": "svd", "averaging": 0.99},
    LITE: BUDGET,
    f"{LITE}@ids": CONTROL | {"item_vectors": "id"},
    f"{LITE}@random-llm": CONTROL | {"initial": "random", "gate": None},
    f"{LITE}@no-gate": CONTROL | {"gate": None},
    f"{LITE}@shuffled-texts": CONTROL | {"shuffle_texts": True},
    f"{LITE}@texts": CONTROL | {"item_vectors": "text"},
    f"{LITE}@paper": CONTROL
    | {
        "item_vectors": "text",
        "head": "projection",
        "width": None,
        "text_dims": None,
        "tuning": "full",
        "initial_items": "random",
        "averaging": 0.0,
        "gate": None,
    },
}
# Trained once: the first three are far behind, and random layers are not behind at all.
ONCE = (f"{LITE}@texts", f"{LITE}@paper", f"{LITE}@no-gate", f"{LITE}@random-llm")


def accuracy(seeds: int, control_seeds: int) -> None:
    """All lines on MovieLens-100K, leave-one-out, the whole catalogue ranked."""
    from palate.data.load import DataConfig
    from palate.experiments.compare import compare

    often = {
        label: 1 if label in ONCE else control_seeds if label.startswith(f"{LITE}@") else seeds
        for label in SETTINGS
    }
    comparison = compare(
        list(SETTINGS),
        DataConfig(data="ml-100k"),
        often,
        Path("runs/claims/lite-llm4rec"),
        SETTINGS,
        progress=True,
        reference=REFERENCE,
    )
    if comparison.failed:
        sys.exit("; ".join(f"{row.label}: {row.error}" for row in comparison.failed))
    rows = [asdict(row) | {"settings": SETTINGS[row.label]} for row in comparison.rows]
    keep(
        "accuracy",
        {
            "data": "ml-100k",
            "split": comparison.split,
            "notes": comparison.notes,
            "reference": comparison.reference,
            "rows": rows,
            "contrasts": compared(comparison),
        },
        f"python claims/lite_llm4rec.py accuracy --seeds {seeds} --control-seeds {control_seeds}",
    )
    print(table())


def compared(comparison: Comparison) -> list[dict[str, Any]]:
    """Pairs of lines that say something about a claim, or about the language model's part."""
    values = {
        row.label: pooled(
            [ndcg(run.cases()["rank"].to_numpy() - 1, 10) for run in comparison.runs_of(row)]
        )
        for row in comparison.rows
    }
    unclaimed = "not in the paper"
    pairs = [
        ("better than SASRec with a full softmax", LITE, REFERENCE, "not claimed"),
        ("better than SASRec from the same start", LITE, "sasrec@svd", unclaimed),
        ("the paper's own form is better than SASRec", f"{LITE}@paper", REFERENCE, "not claimed"),
        ("texts help beside ids", LITE, f"{LITE}@ids", unclaimed),
        ("an item's own text helps more than another's", LITE, f"{LITE}@shuffled-texts", unclaimed),
        ("pretrained layers help more than random ones", LITE, f"{LITE}@random-llm", unclaimed),
        ("a gate on what layers add helps", LITE, f"{LITE}@no-gate", unclaimed),
        ("ids help beside texts", LITE, f"{LITE}@texts", unclaimed),
    ]
    return [better(claim, values[a], values[b], paper) for claim, a, b, paper in pairs]


def efficiency(users: int, rounds: int) -> None:
    """One user at a time: one step and a head, against writing titles with 20 beams.

    The same backbone with all its layers, the same weights, number format and history of 20
    items on both sides; the generator has its key-value cache. Its beams are not even held to the
    catalogue, which would only cost it more. Quality plays no part, so nothing is trained.
    """
    import torch

    from palate.data.load import DataConfig, load
    from palate.data.splits import make_split
    from palate.language.backbone import Backbone
    from palate.language.reader import VectorReader
    from palate.recommenders.lite_llm4rec import LiteLLM4RecConfig, LiteLLM4RecNet

    split = make_split(load(DataConfig(data="ml-100k")), "leave-one-out")
    titles = split.catalogue.titles
    generator = Backbone.load("smollm2-135m", precision="fp32")
    config = LiteLLM4RecConfig(layers=None)
    reader = VectorReader(Backbone.load("smollm2-135m", precision="fp32"))
    net = LiteLLM4RecNet(split.n_items, torch.randn(split.n_items, 128), reader, config).eval()
    histories = [split.test.histories[user][-20:] for user in range(users)]
    tokenizer = generator.tokenizer.raw

    @torch.no_grad()
    def one_step(history: Any) -> None:
        items = torch.from_numpy(history)[None]
        net.head(net.states(items)[:, -1]).topk(10)

    @torch.no_grad()
    def beams(history: Any) -> None:
        text = "Watched: " + "; ".join(titles[item] for item in history) + ". Next: "
        inputs = tokenizer(text, return_tensors="pt")
        generator.model.generate(
            **inputs,
            num_beams=20,
            num_return_sequences=10,
            max_new_tokens=12,
            do_sample=False,
            pad_token_id=generator.tokenizer.pad_id,
        )

    seconds: dict[str, list[float]] = {"one step": [], "20 beams": []}
    for call in (one_step, beams):
        call(histories[0])
    for _ in range(rounds):
        for name, call in (("one step", one_step), ("20 beams", beams)):
            for history in histories:
                start = time.perf_counter()
                call(history)
                seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = median["20 beams"] / median["one step"]
    for name, value in median.items():
        print(f"{name}: {1000 * value:.1f} ms a user")
    print(f"{ratio:.1f} times as fast: {100 * (1 - 1 / ratio):.2f} % less time")
    keep(
        "efficiency",
        {
            "model": "smollm2-135m, all layers, fp32",
            "milliseconds_per_user": {name: 1000 * value for name, value in median.items()},
            "times_as_fast": ratio,
            "percent_less_time": 100 * (1 - 1 / ratio),
            "paper_percent_less_time": {"arXiv v1": 97.28, "IJCNLP-AACL 2025": 99.48},
            "users": users,
            "rounds": rounds,
            "history": 20,
            "new_tokens": 12,
            "threads": torch.get_num_threads(),
            "not_counted": "reading each item's text once per catalogue",
        },
        f"python claims/lite_llm4rec.py efficiency --users {users} --rounds {rounds}",
    )


def table() -> str:
    """The accuracy part's results as a Markdown table."""
    found = json.loads((RESULTS / "lite-llm4rec-accuracy.json").read_text())["results"]
    lines = [
        "| method | NDCG@10 (95 % interval) | HR@10 | seeds | p | training | memory | parameters |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found["rows"]:
        low, high = row["intervals"]["ndcg@10"]
        metrics, cost = row["metrics"], row["cost"]
        cells = [
            f"`{row['label']}`",
            f"{metrics['ndcg@10']:.4f} ({low:.4f}–{high:.4f})",
            f"{metrics['hr@10']:.4f}",
            str(len(row["runs"])),
            "–" if row["p"] is None else f"{row['p']:.3f}",
            f"{cost['fit_seconds']:.0f} s",
            f"{cost['peak_bytes'] / 2**20:.0f} MiB",
            f"{int(cost['parameters']):,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def keep(part: str, results: dict[str, Any], command: str) -> None:
    path = record(f"lite-llm4rec-{part}", results, command, folder=RESULTS)
    print(f"written: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=["accuracy", "efficiency", "table", "contrasts"])
    parser.add_argument("--seeds", type=int, default=3, help="trainings per line (accuracy)")
    parser.add_argument("--control-seeds", type=int, default=2, help="of the controls (accuracy)")
    parser.add_argument("--users", type=int, default=5, help="users timed (efficiency)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (efficiency)")
    chosen = parser.parse_args()
    if chosen.part == "accuracy":
        accuracy(chosen.seeds, chosen.control_seeds)
    elif chosen.part == "efficiency":
        efficiency(chosen.users, chosen.rounds)
    elif chosen.part == "contrasts":
        found = json.loads((RESULTS / "lite-llm4rec-accuracy.json").read_text())["results"]
        print(verdicts.table(found["contrasts"]))
    else:
        print(table())


if __name__ == "__main__":
    main()
