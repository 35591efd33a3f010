"""SASRec of palate and of RecTools side by side: seconds per epoch, full ranking, quality.

MovieLens 100K, leave-one-out, judged on the validation cases. Both learn from the last 51 events
of each user, which is what RecTools takes for a length of 50, with the same width, layers, heads,
dropout, batch size, learning rate, epochs, full softmax and threads. What palate learns from all
events, as it does by default, is measured beside.

They take turns, several times over, on one machine. Seconds per epoch are the median difference
between a long and a short training, divided by the epochs between, so that start-up cancels. An
evaluation ranks the whole catalogue without what a user has seen; NDCG@10 after the long training
stands beside the speed, so that nobody compares a broken model.

RecTools is installed into a virtual environment of its own in the user's cache, at first use.

    python benchmarks/sasrec.py
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from palate.data.cases import Cases, Histories, Split
from palate.data.load import DataConfig, load
from palate.data.sources.cache import cache_folder
from palate.data.splits import make_split
from palate.evaluation.evaluate import evaluate
from palate.recommenders.sasrec import SASRec, SASRecConfig
from palate.training.context import FitContext
from record import record

RECTOOLS = "rectools[torch]==0.19.*"
SETTINGS = {
    "width": 64,
    "layers": 2,
    "heads": 1,
    "length": 50,
    "dropout": 0.2,
    "batch_size": 128,
    "learning_rate": 1e-3,
}


def rectools_python() -> Path:
    """The interpreter of an environment with RecTools and the torch that palate has."""
    version = torch.__version__.split("+")[0]
    folder = cache_folder("environments") / f"rectools-0.19-torch-{version}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"installing {RECTOOLS} into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        # Torch first, or the resolver is free to take another one.
        for wanted in (f"torch=={version}", RECTOOLS):
            subprocess.run([python, "-m", "pip", "install", "--quiet", wanted], check=True)
        subprocess.run([python, "-c", "from rectools.models import SASRecModel"], check=True)
        ready.touch()
    return python


class RecTools:
    """RecTools' side: a process that waits while palate is measured."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process, self.errors = process, errors
        self.versions = self._answer()

    def measure(self, epochs: int) -> dict[str, Any]:
        """Seconds and metrics of one training and evaluation."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"epochs": epochs}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise SystemExit(f"RecTools' side ended early:\n{self.errors.read_text()[-2000:]}")


@contextmanager
def rectools(python: Path, split: Split, settings: dict[str, Any]) -> Iterator[RecTools]:
    """RecTools' side, given the same events and targets."""
    with tempfile.TemporaryDirectory(prefix="palate-sasrec-") as name:
        folder = Path(name)
        histories, targets = split.validation.histories, split.validation.targets
        events = {
            "train": (histories.rows(), histories.items, np.arange(len(histories.items))),
            "targets": (np.arange(len(targets)), targets, np.full(len(targets), 10**6)),
        }
        for part, columns in events.items():
            frame = pl.DataFrame(dict(zip(("user", "item", "time"), columns, strict=True)))
            frame.write_csv(folder / f"{part}.csv")
        script = Path(__file__).with_name("_rectools_sasrec.py")
        errors = folder / "errors.txt"
        with (
            errors.open("w") as log,
            subprocess.Popen(
                [python, script, folder, json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
            ) as process,
        ):
            try:
                yield RecTools(process, errors)
            finally:
                process.kill()


def newest_events(cases: Cases, events: int) -> Cases:
    """Training cases cut to the last *events* of each sequence, the target among them."""
    cut = [history[-(events - 1) :].tolist() for history in cases.histories]
    return Cases(Histories.of(cut, cases.histories.users), cases.targets)


def palate(split: Split, train: Cases, epochs: int, seed: int) -> dict[str, Any]:
    """Seconds and metrics of one training and evaluation."""
    # Without validation cases no time is spent on them while training, as on the other side.
    none = split.validation.take(np.empty(0, dtype=np.int64))
    model = SASRec(SASRecConfig(**SETTINGS, epochs=epochs, device="cpu"))
    start, cpu = time.perf_counter(), time.process_time()
    model.fit(dataclasses.replace(split, train=train, validation=none), FitContext(seed=seed))
    fitted, cpu = time.perf_counter(), time.process_time() - cpu
    result = evaluate(
        model.score,
        split.validation,
        train=split.train.sequences(),
        n_items=split.n_items,
        ks=(10,),
    )
    metrics = result.metrics()
    return {
        "fit": fitted - start,
        "fit_cpu": cpu,
        "evaluate": time.perf_counter() - fitted,
        "metrics": {key: metrics[key] for key in ("hr@10", "ndcg@10")},
    }


def summary(short: list[dict], long: list[dict], epochs: int) -> dict[str, Any]:
    """Medians over the rounds; *epochs* between the short and the long training."""

    def per_epoch(key: str) -> list[float]:
        return [(b[key] - a[key]) / epochs for a, b in zip(short, long, strict=True)]

    return {
        "seconds_per_epoch": float(np.median(per_epoch("fit"))),
        "seconds_per_epoch_by_round": per_epoch("fit"),
        "processor_seconds_per_epoch": float(np.median(per_epoch("fit_cpu"))),
        "evaluation_seconds": float(np.median([row["evaluate"] for row in short + long])),
        "hr@10": float(np.median([row["metrics"]["hr@10"] for row in long])),
        "ndcg@10": float(np.median([row["metrics"]["ndcg@10"] for row in long])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", type=int, default=2, help="epochs of the short training")
    parser.add_argument("--long", type=int, default=32, help="epochs of the long training")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--python", type=Path, help="an interpreter that has RecTools already")
    options = parser.parse_args()
    if options.long <= options.short:
        parser.error("--long must be more than --short")
    torch.set_num_threads(options.threads)
    split = make_split(load(DataConfig(data="ml-100k")), "leave-one-out")
    newest = newest_events(split.train, SETTINGS["length"] + 1)
    settings = SETTINGS | {"seed": options.seed, "threads": options.threads}
    rows: dict[str, dict[int, list[dict]]] = {}
    with rectools(options.python or rectools_python(), split, settings) as theirs:
        sides = {
            "palate": lambda epochs: palate(split, newest, epochs, options.seed),
            "rectools": theirs.measure,
            "palate_all_events": lambda epochs: palate(split, split.train, epochs, options.seed),
        }
        versions = theirs.versions
        for side in sides.values():  # what is slow only once
            side(1)
        for _ in range(options.rounds):
            for epochs in (options.short, options.long):
                for name, side in sides.items():
                    rows.setdefault(name, {}).setdefault(epochs, []).append(side(epochs))
    results: dict[str, Any] = {
        "settings": settings | {"loss": "softmax", "epochs": options.long},
        "threads": options.threads,
        "rectools_versions": versions,
        "labels_per_epoch": {
            "palate": int(newest.histories.lengths.sum()),
            "palate_all_events": int(split.train.histories.lengths.sum()),
        },
    }
    between = options.long - options.short
    for name, by_epochs in rows.items():
        found = results[name] = summary(by_epochs[options.short], by_epochs[options.long], between)
        print(
            f"{name:18} {found['seconds_per_epoch']:.3f} s/epoch, evaluation "
            f"{found['evaluation_seconds']:.2f} s, NDCG@10 {found['ndcg@10']:.4f}"
        )
    for what in ("seconds_per_epoch", "processor_seconds_per_epoch", "evaluation_seconds"):
        results[f"ratio_{what}"] = results["palate"][what] / results["rectools"][what]
    command = (
        f"python benchmarks/sasrec.py --seed {options.seed} --rounds {options.rounds} "
        f"--short {options.short} --long {options.long} --threads {options.threads}"
    )
    print(record("sasrec", results, command, seed=options.seed))


if __name__ == "__main__":
    main()
