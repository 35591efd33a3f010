"""RecTools' side of sasrec.py: runs in an environment of its own, one measurement per line asked.

Writes a JSON line of versions, then reads ``{"epochs": n}`` lines from standard input and answers
each with a JSON line of seconds and metrics. The first argument is a folder with ``train.csv`` and
``targets.csv`` (user, item, time), the second the settings as JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import MRR, NDCG, HitRate, calc_metrics
from rectools.models import SASRecModel

METRICS = {
    "hr@10": HitRate(k=10),
    "ndcg@10": NDCG(k=10, divide_by_achievable=True),
    "mrr@10": MRR(k=10),
}


def interactions(path: Path) -> pd.DataFrame:
    """The events of a file, as RecTools wants them."""
    frame = pd.read_csv(path)
    frame["time"] = pd.to_datetime(frame["time"], unit="s")
    frame["weight"] = 1.0
    return frame.rename(
        columns={
            "user": Columns.User,
            "item": Columns.Item,
            "time": Columns.Datetime,
            "weight": Columns.Weight,
        }
    )


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    dataset = Dataset.construct(interactions(folder / "train.csv"))
    targets = interactions(folder / "targets.csv")
    users = targets[Columns.User].unique()
    versions = {name: version(name) for name in ("RecTools", "torch", "pytorch-lightning")}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        epochs = json.loads(line)["epochs"]
        torch.manual_seed(settings["seed"])
        model = SASRecModel(
            n_factors=settings["width"],
            n_blocks=settings["layers"],
            n_heads=settings["heads"],
            session_max_len=settings["length"],
            dropout_rate=settings["dropout"],
            batch_size=settings["batch_size"],
            lr=settings["learning_rate"],
            loss="softmax",
            epochs=epochs,
            recommend_torch_device="cpu",
        )
        start, cpu = time.perf_counter(), time.process_time()
        model.fit(dataset)
        fitted, cpu = time.perf_counter(), time.process_time() - cpu
        lists = model.recommend(users, dataset, k=10, filter_viewed=True)
        metrics = calc_metrics(METRICS, lists, targets)
        evaluated = time.perf_counter()
        answer = {
            "fit": fitted - start,
            "fit_cpu": cpu,
            "evaluate": evaluated - fitted,
            "metrics": {key: float(value) for key, value in metrics.items()},
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
