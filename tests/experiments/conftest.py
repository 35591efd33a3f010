"""Real runs that the tests of experiments share, on MovieLens 100K and on a person's own files."""

from __future__ import annotations

import polars as pl
import pytest

from palate.data.dataset import Dataset
from palate.data.load import DataConfig
from palate.experiments.compare import compare
from palate.experiments.comparison import Comparison
from palate.experiments.run import Run
from palate.experiments.train import train

TINY = {"epochs": 2, "width": 16, "length": 20, "layers": 1}


@pytest.fixture(scope="session")
def ease_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """EASE on MovieLens 100K, leave-one-out."""
    folder = tmp_path_factory.mktemp("runs") / "ease"
    return train("ease", {}, DataConfig(data="ml-100k"), folder=folder)


@pytest.fixture(scope="session")
def own_files(ml100k: Dataset, tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """The ratings of the first 150 users of MovieLens 100K, as a person's own files."""
    folder = tmp_path_factory.mktemp("own")
    events = ml100k.interactions.filter(pl.col("user").is_in(ml100k.users[:150]))
    events.select("user", "item", "time").write_csv(folder / "events.csv")
    ml100k.catalogue.frame.select("item", "title").write_csv(folder / "films.csv")
    return DataConfig(interactions=folder / "events.csv", items=folder / "films.csv")


@pytest.fixture(scope="session")
def comparison(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two methods without chance, one with two seeds, and one that fails."""
    return compare(
        ["popularity", "ease", "sasrec", "sasrec@nowhere"],
        own_files,
        seeds=2,
        folder=tmp_path_factory.mktemp("runs") / "comparison",
        settings={"sasrec": TINY, "sasrec@nowhere": {**TINY, "device": "cuda:99"}},
    )
