"""What an update would do, before anything is trained or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.data.cases import Split
from palate.data.dataset import Dataset
from palate.data.load import DataConfig
from palate.data.questions import Questions
from palate.data.split_names import UPDATE
from palate.data.splits import make_split
from palate.data.splits.update import update_questions
from palate.data.updates import Update, append
from palate.errors import ConfigError, DataError
from palate.experiments.items import absolute
from palate.experiments.lineage import record
from palate.experiments.run import Run
from palate.recommenders.base import Recommender
from palate.recommenders.lsat import Merge
from palate.recommenders.registry import configure, get
from palate.recommenders.updates import RanksNext, Updates

MERGES: dict[str, Merge] = {"lsat-en": "outputs", "lsat-ta": "factors", "lsat-ta-exact": "updates"}
WAYS = (*MERGES, "fine-tune", "peso", "full")
CELLS = 2**27  # answers that are kept at once where each question has one for every item


@dataclass(frozen=True)
class Plan:
    """An update of a run.

    Attributes:
        strategy: one of ``WAYS``.
        method: of the new run, with its *settings*.
        before: the data the run was trained on.
        dataset: those with the update.
        train: questions that a model learns, of the update; likewise *validation* to choose by.
        test: questions that both versions are judged by, where they judge likes.
    """

    run: Run
    strategy: str
    method: str
    settings: Mapping[str, Any]
    data: DataConfig
    before: Dataset
    dataset: Dataset
    split: Split
    train: Questions
    validation: Questions
    test: Questions

    @property
    def config(self) -> dict[str, Any]:
        """``config.yaml`` of the new run."""
        return {
            "method": self.method,
            "settings": dict(self.settings),
            "data": self.data.model_dump(mode="json"),
            "seed": self.run.seed,
        }

    @property
    def base(self) -> str:
        """The method that learns: the run's, or of a run of lsat the one that it is made of."""
        return _base(self.run)[0]

    def learner(self) -> Recommender:
        """A new one of it."""
        base, settings = _base(self.run)
        return get(base)(configure(base, settings))

    def new(self) -> dict[str, int]:
        """What the update brings."""
        fresh, newest = self.dataset.of_update, self.before.times.max()
        assert fresh is not None
        return {
            "events": int(fresh.sum()),
            "users": len(set(self.dataset.users).difference(self.before.users)),
            "items": len(self.dataset.catalogue) - len(self.before.catalogue),
            "late": int((self.dataset.times[fresh] < newest).sum()),
        }

    def questions(self) -> dict[str, int]:
        """How many train, choose and test."""
        learned = len(self.train)
        if self.strategy == "full":
            learned = len(self.split.train.sequences().items)
        test = self.split.test if isinstance(self.learner(), RanksNext) else self.test
        return {"train": learned, "choose": len(self.validation), "test": len(test)}

    def models(self) -> list[str]:
        """Which models would be trained, and which stay, in words."""
        n, name = self.questions()["train"], self.run.folder.name
        if self.strategy == "full":
            return [f"{self.method}: trained anew on all {n:,} events before validation"]
        if self.strategy in MERGES:
            return [
                f"short-term {self.base}: trained from scratch on {n:,} questions of the update",
                f"long-term {self.base}: stays as it is in {name}",
            ]
        near = ", held near what it was" if self.strategy == "peso" else ""
        return [f"{self.base} of {name}: trained on, on {n:,} questions of the update{near}"]

    def estimate(self) -> dict[str, float]:
        """Seconds of training and judging, from what those of the run took."""
        cost, learned = self.run.cost(), _learned(self.run)
        rate = cost["fit_seconds"] / max(learned, 1)  # for an event, in all epochs together
        passes = 4 if self.strategy in MERGES else 2  # both versions; lsat's controls
        return {
            "training": rate * self.questions()["train"],
            "judging": passes * len(self.split.test) / max(cost["users_per_second"], 1e-9),
        }

    def told(self) -> dict[str, Any]:
        """All of it, for a person to decide."""
        return {
            "run": str(self.run.folder),
            "strategy": self.strategy,
            "new": self.new(),
            "read": self.dataset.steps[-1].note,
            "models": self.models(),
            "questions": self.questions(),
            "estimated_seconds": self.estimate(),
            "notes": list(self.split.notes),
        }


def plan(
    run: Run, brought: Update | Path, items: Path | None = None, strategy: str | None = None
) -> Plan:
    """Read the update and decide what would be done; nothing is written.

    Args:
        brought: an update, or a file of later events with *items*, what is new in them.
        strategy: one of ``WAYS``; by default ``lsat-en``, and ``full`` for a method that does not
            go on learning.

    Raises:
        ConfigError: a strategy that there is not, or not for this method.
        DataError: the update cannot be used, or is too small to learn, choose and test.
        RunError: the run's data are gone or changed.
    """
    strategy = _strategy(run, strategy)
    before = run.dataset()
    update = brought
    if not isinstance(update, Update):
        update = Update(interactions=update, items=items)
    values = run.data.model_dump() | {
        "updates": (*(run.data.updates or ()), update),
        "split": UPDATE,
    }
    data = absolute(DataConfig.model_validate(values))
    dataset = append(before, update, data)
    split = make_split(dataset, data.split, data.split_seed, data.test_users)
    base, settings = _base(run)
    learner = get(base)(configure(base, settings))
    train, validation, test = update_questions(dataset, run.seed)
    if isinstance(learner, RanksNext):
        train, validation, test = (part.next_items() for part in (train, validation, test))
        validation = validation.some(max(1, CELLS // split.n_items), run.seed)
    # What an LLM is asked in a training is limited by its settings, and so in an update.
    train = train.some(getattr(learner.config, "samples", None), run.seed)
    validation = validation.some(getattr(learner.config, "validation_users", None), run.seed)
    if strategy != "full" and not len(train):
        raise DataError(
            f"{update.interactions}: none of its events before the validation part follows "
            "another of its user, so there is nothing to learn from; bring a longer period"
        )
    method, settings = run.method, run.config["settings"]
    if strategy in MERGES:
        more = settings if method == "lsat" else {"base": base, "settings": settings}
        made = configure("lsat", more | {"merge": MERGES[strategy]})
        method, settings = "lsat", made.model_dump(mode="json")
    return Plan(
        run, strategy, method, settings, data, before, dataset, split, train, validation, test
    )


def _base(run: Run) -> tuple[str, dict[str, Any]]:
    settings: dict[str, Any] = run.config["settings"]
    if run.method == "lsat":
        return str(settings["base"]), settings["settings"]
    return run.method, settings


def _strategy(run: Run, strategy: str | None) -> str:
    if strategy is not None and strategy not in WAYS:
        raise ConfigError(f"no strategy '{strategy}'; there are: {', '.join(WAYS)}")
    base, settings = _base(run)
    learner = get(base)(configure(base, settings))
    if not isinstance(learner, Updates) or getattr(learner.config, "samples", None) == 0:
        if strategy not in (None, "full"):
            raise ConfigError(
                f"{run.folder}: {base} does not go on learning as it was trained here, so "
                f"'{strategy}' cannot be; leave --strategy out to train it anew on everything"
            )
        return "full"
    if run.method != "lsat":
        return strategy or "lsat-en"
    if strategy in ("fine-tune", "peso"):
        raise ConfigError(
            f"{run.folder}: a run of lsat holds two models, so '{strategy}' does not say which "
            f"goes on; take one of {', '.join(MERGES)}, or full"
        )
    own = {merge: name for name, merge in MERGES.items()}
    return strategy or own[run.config["settings"]["merge"]]


def _learned(run: Run) -> int:
    """Events that the run's own training learned from."""
    made = record(run)
    if made is not None:
        return int(made["questions"]["train"])
    events = int(run.environment()["data"]["events"])
    samples = _base(run)[1].get("samples")
    return events if samples is None else min(events, int(samples))
