"""The command line as a person meets it: typed words in; exit code, stdout and stderr out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from palate.cli import main
from palate.data.dataset import Dataset


@dataclass(frozen=True)
class Answer:
    """What a command did."""

    code: int
    out: str
    err: str


Palate = Callable[..., Answer]


@pytest.fixture
def palate(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Palate:
    """Run ``palate`` with these words, in an empty folder; heavy modules are imported only once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PALATE_DEBUG", raising=False)

    def run(*words: str | Path) -> Answer:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["palate", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Answer(ended.value.code or 0, told.out, told.err)

    return run


@dataclass(frozen=True)
class OwnFiles:
    """Files as a person may have them: their own column names, CSV and Parquet."""

    interactions: Path
    items: Path

    @property
    def words(self) -> list[str]:
        """The options that name them."""
        return ["--interactions", str(self.interactions), "--items", str(self.items)]


@pytest.fixture(scope="session")
def own_files(ml100k: Dataset, tmp_path_factory: pytest.TempPathFactory) -> OwnFiles:
    """The films and ratings of the first 150 users of MovieLens 100K."""
    folder = tmp_path_factory.mktemp("own")
    files = OwnFiles(folder / "clicks.csv", folder / "films.parquet")
    events = ml100k.interactions.filter(pl.col("user").is_in(ml100k.users[:150]))
    events.select(
        pl.col("user").alias("userId"),
        pl.col("item").alias("movieId"),
        pl.col("time").alias("timestamp"),
        "rating",
    ).write_csv(files.interactions)
    films = ml100k.catalogue.frame.select(pl.col("item").alias("movieId"), "title")
    films.write_parquet(files.items)
    return files


@pytest.fixture(scope="session")
def trained(own_files: OwnFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of EASE on the person's own files."""
    from palate.data.load import DataConfig
    from palate.experiments.train import train

    data = DataConfig(interactions=own_files.interactions, items=own_files.items)
    return train("ease", {}, data, folder=tmp_path_factory.mktemp("runs") / "ease").folder
