"""The run: a folder that holds all there is to know about one training.

Commands pass runs to each other and nothing else. A finished run can recommend on a machine
that never saw the original data: it carries the model, the catalogue and the users' histories.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import polars as pl
import yaml

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.errors import PalateError, RunError
from palate.evaluation.ranking import Values, hr, mrr, ndcg
from palate.evaluation.significance import bootstrap_interval
from palate.experiments.atomic import write_json, write_yaml
from palate.recommenders import registry
from palate.recommenders.base import Recommender
from palate.recommenders.registry import get

PRIMARY = "ndcg@10"  # the metric that methods are ranked and tested by
HINTS = {"medication": " (recommend and prompts take --patient ID)"}
MODEL = "model.safetensors"
KIND = "kind"  # key of config.yaml of a run that does not rank items
# Metrics of single users, from the rank of their target: they are what intervals are made of.
PER_USER = {
    "ndcg@10": lambda ranks: ndcg(ranks, 10),
    "hr@10": lambda ranks: hr(ranks, 10),
    "mrr": mrr,
}


class Run:
    """One training of one method on one split, kept in a folder.

    Files: ``config.yaml`` (method, settings, data, seed), ``environment.json`` (where it ran),
    ``model.safetensors`` and ``recommender.json``, ``catalogue.parquet``, ``histories.parquet``
    (every user's known events), ``training.json`` (learning curve), ``cost.json``,
    ``predictions.parquet`` (``user, item, rank, score``), ``cases.parquet`` (each test case and
    the rank of its target), ``metrics.json`` and ``report.html``. ``metrics.json`` is written
    when all else is there: a folder without it is an unfinished run. An ``interpreter/`` may be
    added later, a ``search/`` (the index of its items), and ``candidates.jsonl`` with
    ``candidates.json``, what came of them. A version that an update made has ``update.json``.

    Attributes:
        kind: what it recommends; see :mod:`palate.experiments.kinds`.
        primary: the metric that its method is ranked and tested by.
    """

    kind: ClassVar[str] = "items"
    primary: ClassVar[str] = PRIMARY

    def __init__(self, folder: Path | str, finished: bool = True) -> None:
        """Open a run.

        Args:
            finished: False also opens a run whose training did not end.

        Raises:
            RunError: the folder holds no run, or an unfinished one.
        """
        self.folder = Path(folder)
        if not self.path("config.yaml").is_file():
            raise RunError(self._why_no_run())
        found = self.config.get(KIND, "items")
        if found != self.kind:
            raise RunError(
                f"{folder}: {self.method} {registry.PURPOSE[found]}; this command is for runs of "
                f"another kind{HINTS.get(found, '')}"
            )
        if finished and not self.finished:
            raise RunError(
                f"{folder}: this training did not finish; "
                f"continue it with: palate train --resume {folder}"
            )

    @classmethod
    def create(cls, folder: Path, config: dict[str, Any], environment: dict[str, Any]) -> Self:
        """Start a run in an empty or new folder."""
        if (folder / "config.yaml").exists():
            raise RunError(f"{folder}: there is a run in this folder already; choose another one")
        write_json(folder / "environment.json", environment)
        write_yaml(folder / "config.yaml", config)
        return cls(folder, finished=False)

    def _why_no_run(self) -> str:
        if self.path("comparison.json").is_file():
            inside = sorted(path.parent.name for path in self.folder.glob("*/config.yaml"))
            return f"{self.folder}: a comparison; name one of its runs: {', '.join(inside)}"
        if not self.folder.exists():
            return f"{self.folder}: no such folder; runs are made by: palate train METHOD"
        return f"{self.folder}: no run (no config.yaml); runs are made by: palate train METHOD"

    def path(self, name: str) -> Path:
        """Where a file of this run is kept."""
        return self.folder / name

    @property
    def finished(self) -> bool:
        """True when the training ended and was evaluated."""
        return self.path("metrics.json").is_file()

    @property
    def fitted(self) -> bool:
        """True when the model is there, evaluated or not."""
        return self.path("cost.json").is_file()

    @cached_property
    def config(self) -> dict[str, Any]:
        """``method``, ``settings``, ``data`` and ``seed``: all that is needed to train again.

        Raises:
            RunError: the file cannot be read as what it is.
        """
        try:
            config = yaml.safe_load(self.path("config.yaml").read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            config, why = None, " ".join(str(error).split())[:200]
        else:
            why = "it holds no settings"
        if not isinstance(config, dict):
            raise RunError(
                f"{self.path('config.yaml')}: broken: {why}; put the file back, or train again"
            )
        return config

    @property
    def method(self) -> str:
        """Name of the method."""
        return str(self.config["method"])

    @property
    def seed(self) -> int:
        """Seed of every random choice."""
        return int(self.config["seed"])

    @property
    def data(self) -> DataConfig:
        """What was learned from."""
        return DataConfig.model_validate(self.config["data"])

    def environment(self) -> dict[str, Any]:
        """Versions, machine, command, code and the data's fingerprint."""
        return self._json("environment.json")

    def results(self) -> dict[str, Any]:
        """``metrics.json`` as it stands: metrics, intervals, slices, the split and its notes."""
        return self._json("metrics.json")

    def metrics(self) -> dict[str, float]:
        """Test metrics by name, such as ``ndcg@10``."""
        metrics: dict[str, float] = self.results()["metrics"]
        return metrics

    def cost(self) -> dict[str, Any]:
        """Seconds, memory, parameters and latency."""
        return self._json("cost.json")

    def training(self) -> dict[str, Any] | None:
        """The learning curve, or None for a method that has none."""
        return self._json("training.json") if self.path("training.json").exists() else None

    def predictions(self) -> pl.DataFrame:
        """``user, item, rank, score``: the top of each test user's list, rank 1 first."""
        return pl.read_parquet(self.path("predictions.parquet"))

    def cases(self) -> pl.DataFrame:
        """``user, target, rank, events, known, recent``: the test cases in their order.

        ``events`` counts the history, ``known`` the training users of the target. Where items have
        domains there are ``domain`` and ``domain_rank`` too: the target's, and its rank in it.
        """
        return pl.read_parquet(self.path("cases.parquet"))

    def catalogue(self) -> Catalogue:
        """The items, as they were when the run was trained."""
        return Catalogue(pl.read_parquet(self.path("catalogue.parquet")))

    def recommender(self) -> Recommender:
        """The trained model."""
        found: Recommender = get(self.method).load(self.folder, self.catalogue())
        return found

    def tested(self) -> pl.DataFrame:
        """What makes the test cases of two runs the same."""
        return self.cases().select("user", "target")

    def per_case(self) -> dict[str, Values]:
        """[u] metrics of each test case, in their order."""
        ranks = self.cases()["rank"].to_numpy() - 1
        return {name: of_user(ranks) for name, of_user in PER_USER.items()}

    @staticmethod
    def intervals_of(values: Mapping[str, Values]) -> dict[str, tuple[float, float]]:
        """95 % bootstrap intervals over cases, of what :meth:`per_case` gives."""
        return {name: bootstrap_interval(found) for name, found in values.items()}

    @staticmethod
    def pooled(values: Mapping[str, Values]) -> dict[str, float]:
        """Metrics that are no mean over cases, of what :meth:`per_case` gives; here none."""
        return {}

    def history(self, user: str) -> list[int]:
        """Item indices of all that is known of a user, oldest first.

        Raises:
            RunError: the user is unknown.
        """
        return self.histories(user)[0].tolist()

    def histories(self, user: str | None = None) -> Histories:
        """All that is known of every user, or of one, oldest first.

        Raises:
            RunError: the user is unknown.
        """
        users = pl.scan_parquet(self.path("histories.parquet"))
        wanted = users if user is None else users.filter(pl.col("user") == user)
        frame = wanted.collect()
        if user is not None and frame.is_empty():
            some = ", ".join(users.head(3).collect()["user"])
            raise RunError(f"{self.folder}: no user is called '{user}'; there are {some} …")
        liked = frame["liked"].to_list() if "liked" in frame.columns else None
        return Histories.of(frame["items"].to_list(), frame["user"].to_list(), liked)

    def dataset(self) -> Dataset:
        """The data, read again from where it was.

        Raises:
            RunError: it is gone, or it is not what it was.
        """
        try:
            dataset = load(self.data)
        except PalateError as error:
            raise RunError(f"{self.folder}: its data cannot be read again: {error}") from error
        self.check_fingerprint(dataset.fingerprint)
        return dataset

    def check_fingerprint(self, found: str) -> None:
        """That the data are those of the run.

        Raises:
            RunError: they are not.
        """
        before = self.environment()["fingerprint"]
        if found != before:
            raise RunError(
                f"{self.folder}: the data is not what it was trained on (fingerprint "
                f"{found[:12]}, was {before[:12]}); put the old files back, or "
                f"train again into another folder"
            )

    def split(self) -> Split:
        """The split it was trained and tested on, made again."""
        return make_split(
            self.dataset(), self.data.split, self.data.split_seed, self.data.test_users
        )

    def _json(self, name: str) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads(self.path(name).read_text("utf-8"))
        except FileNotFoundError:
            raise RunError(f"{self.folder}: the run has no {name}; train it again") from None
        return value


def stored_histories(dataset: Dataset) -> pl.DataFrame:
    """``user, items[, liked]``: all events of every user as item indices, oldest first."""
    sequences = dataset.sequences
    columns = {"items": pl.Series(sequences.items, dtype=pl.UInt32)}
    if sequences.liked is not None:
        columns["liked"] = pl.Series(sequences.liked)
    frame = pl.DataFrame({"row": sequences.rows(), **columns})
    lists = frame.group_by("row", maintain_order=True).agg(*columns)
    users = pl.Series(sequences.users, dtype=pl.String)
    return lists.select(users.gather(lists["row"]).alias("user"), *columns)


def recorded_kind(folder: Path) -> str:
    """Of which kind the run or the comparison in *folder* is; ``items`` where there is none."""
    for name, read in (("config.yaml", yaml.safe_load), ("comparison.json", json.loads)):
        if (folder / name).is_file():
            return str(read((folder / name).read_text("utf-8")).get(KIND, "items"))
    return "items"


def weights_of(run: Run) -> str:
    """A hash of a run's model."""
    with run.path(MODEL).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def key(config: dict[str, Any], fingerprint: str, code: str) -> str:
    """What makes two runs the same: method, settings, data, seed and code."""
    text = json.dumps([config, fingerprint, code], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
