"""Methods that go on learning, compared period by period."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field
from rich.console import Console

from palate.config import Config
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.periods import Period, periods, told
from palate.data.questions import Questions
from palate.errors import ConfigError
from palate.evaluation.likes import auc, over_periods
from palate.evaluation.significance import holm
from palate.experiments.atomic import replacing, write_json
from palate.experiments.environment import code_version, command_line, environment
from palate.experiments.items import absolute
from palate.experiments.strategies import STRATEGIES, Learner
from palate.recommenders.registry import configure, get
from palate.recommenders.updates import WHO, JudgesLikes, Updates

RESULTS = "periods.json"
FEW = 10  # questions of either kind in a period, for an AUC of warm or cold items to be told


class PeriodsConfig(Config):
    """How a log is cut into periods, and which ways to go on learning are compared."""

    count: int = Field(10, ge=3)
    """Periods."""
    by: Literal["count", "time"] = "count"
    """count: as many events in each. time: of the same duration."""
    first: int = Field(5, ge=1)
    """Periods that the long-term model learns from; tested are those after the one that follows
    them."""
    known: int = Field(10, ge=1)
    """Events that a user must have before one that is asked about."""
    newest: int | None = Field(None, ge=100)
    """Use so many of the newest events only; not set, all."""
    strategies: tuple[str, ...] = tuple(STRATEGIES)
    """Ways to go on learning."""
    reference: str = "full"
    """The way that the others are tested against."""


@dataclass(frozen=True)
class StrategyLine:
    """One way of one method.

    Attributes:
        metric: ``auc`` or ``ndcg@10``.
        mean: of the tested periods' values, each averaged over seeds.
        values: of each tested period.
        spread: standard deviation of the mean over seeds; None with one seed.
        difference: of the mean from the reference's, and its interval and p (Holm).
        seconds: of training after a period, on average.
        warm: metric of the questions about items that occurred before the period.
        cold: of the others; None where there are too few.
        share: weight of the long-term model by tested period, where two are mixed.
    """

    method: str
    strategy: str
    metric: str
    mean: float
    values: list[float]
    spread: float | None
    difference: float | None
    interval: tuple[float, float] | None
    p: float | None
    seconds: float
    warm: float | None
    cold: float | None
    share: list[float] | None = None


@dataclass(frozen=True)
class PeriodsComparison:
    """What came out, as it is kept in ``periods.json``."""

    data: str
    notes: list[str]
    tested: list[int]
    seeds: int
    lines: list[StrategyLine]
    stale: dict[str, list[float]]
    reference: str
    about: dict[str, Any] = field(default_factory=dict)


def compare_periods(
    methods: Sequence[str],
    data: DataConfig,
    config: PeriodsConfig,
    seeds: int,
    folder: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: bool = False,
) -> PeriodsComparison:
    """Train every method in every way, period by period, and test it on the next one.

    Models and answers that *folder* holds are not made again, so an interrupted comparison goes
    on where it was.

    Args:
        settings: of each of *methods* that is not to have its defaults.

    Raises:
        ConfigError: a method does not go on learning, or a strategy is unknown.
        DataError: the data cannot be cut into these periods.
    """
    _check(methods, config)
    dataset = load(absolute(data), progress=progress)
    several = periods(dataset, config.count, config.by, config.known, config.newest)
    tested = list(range(config.first + 1, config.count))
    console = Console(stderr=True, quiet=not progress)
    lines: list[StrategyLine] = []
    stale: dict[str, list[float]] = {}
    for method in methods:
        learners = [
            _learner(method, settings or {}, dataset, several, config, seed, folder, progress)
            for seed in range(seeds)
        ]
        found: dict[str, list[np.ndarray]] = {}
        for strategy in config.strategies:
            if strategy == "lsat-ta-exact" and not learners[0].method.low_rank:
                continue  # without low-rank factors it is the same as lsat-ta
            console.print(f"{method}  {strategy}", highlight=False)
            found[strategy] = [
                np.stack([_asked(one, strategy, t - 1, several[t]) for one in learners])
                for t in tested
            ]
        lines += _lines(method, found, learners, dataset, several, tested, config.reference)
        if "full" in found:
            stale[method] = _stale(learners, several, config)
    about = environment() | {
        "command": command_line(),
        "fingerprint": dataset.fingerprint,
        "periods": config.model_dump(mode="json"),
        "settings": {name: dict(own) for name, own in (settings or {}).items()},
    }
    comparison = PeriodsComparison(
        dataset.name,
        list(told(several)),
        [t + 1 for t in tested],
        seeds,
        lines,
        stale,
        config.reference,
        about,
    )
    write_json(folder / RESULTS, asdict(comparison))
    return comparison


def _check(methods: Sequence[str], config: PeriodsConfig) -> None:
    if strange := [one for one in config.strategies if one not in STRATEGIES]:
        raise ConfigError(f"no strategy '{strange[0]}'; there are: {', '.join(STRATEGIES)}")
    if config.reference not in config.strategies:
        raise ConfigError(
            f"reference={config.reference} is not compared; {', '.join(config.strategies)} are"
        )
    if config.first > config.count - 2:
        raise ConfigError(
            f"of {config.count} periods {config.first} are for the long-term model: one to go on "
            "with and one to test on must be left"
        )
    for method in methods:
        if not isinstance(get(_name(method))(), Updates):
            raise ConfigError(
                f"'{method}' does not go on learning, so periods cannot compare it; {WHO} do"
            )


def _name(label: str) -> str:
    return label.partition("@")[0]


def _learner(
    label: str,
    settings: Mapping[str, Mapping[str, Any]],
    dataset: Dataset,
    several: Sequence[Period],
    config: PeriodsConfig,
    seed: int,
    folder: Path,
    progress: bool,
) -> Learner:
    chosen = configure(_name(label), settings.get(label, {}))
    method = get(_name(label))(chosen)
    assert isinstance(method, Updates)
    cut = config.model_dump(mode="json", exclude={"strategies", "reference"})
    same = [chosen.model_dump(mode="json"), cut, dataset.fingerprint, dataset.like_from]
    text = json.dumps([*same, code_version(_name(label))], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    place = folder / "models" / f"{label}-seed{seed}-{key}"
    return Learner(method, dataset.catalogue, several, config.first, seed, place, progress=progress)


def _asked(learner: Learner, strategy: str, t: int, period: Period) -> np.ndarray:
    """[n] answers to all questions of a period, or the value of each where they have one."""
    path = learner.folder / "answers" / f"{strategy}-{t}.npz"
    if not path.exists():
        questions = _test(learner, period)
        answers = learner.predict(strategy, t, questions)
        values = learner.method.quality(answers, questions)
        share = learner.shares.get(strategy, {}).get(t, np.nan)
        with replacing(path) as staged, staged.open("wb") as file:
            np.savez_compressed(
                file,
                values=answers if values is None else values,
                share=share,
                seconds=learner.training_seconds(strategy, t),
            )
    with np.load(path) as file:
        learner.shares.setdefault(strategy, {})[t] = float(file["share"])
        learner.spent[strategy, t] = float(file["seconds"])
        values = file["values"]
    return np.asarray(values)


def _test(learner: Learner, period: Period) -> Questions:
    judges = isinstance(learner.method, JudgesLikes)
    return period.all if judges else period.all.next_items()


def _lines(
    method: str,
    found: Mapping[str, Sequence[np.ndarray]],
    learners: Sequence[Learner],
    dataset: Dataset,
    several: Sequence[Period],
    tested: Sequence[int],
    reference: str,
) -> list[StrategyLine]:
    tests = [_test(learners[0], several[t]) for t in tested]
    judged = isinstance(learners[0].method, JudgesLikes)
    liked = [test.liked for test in tests] if judged else None
    cold = [_cold(dataset, several[t], test) for t, test in zip(tested, tests, strict=True)]
    opponents = [name for name in found if name != reference] if reference in found else []
    against = {name: over_periods(found[name], found[reference], liked) for name in opponents}
    ps = dict(zip(opponents, holm([against[name][2] for name in opponents]), strict=True))
    lines = []
    for strategy, answers in found.items():
        by_seed = np.array(
            [[_metric(row, liked, number) for row in one] for number, one in enumerate(answers)]
        )  # [periods, seeds]
        shares = [
            float(np.mean([one.shares.get(strategy, {}).get(t - 1, np.nan) for one in learners]))
            for t in tested
        ]
        spent = [one.spent[strategy, t - 1] for one in learners for t in tested]
        difference, interval, _ = against.get(strategy, (None, None, None))
        means = by_seed.mean(0)
        lines.append(
            StrategyLine(
                method,
                strategy,
                learners[0].method.metric,
                float(by_seed.mean()),
                by_seed.mean(1).tolist(),
                float(means.std(ddof=1)) if len(means) > 1 else None,
                difference,
                interval,
                float(ps[strategy]) if strategy in ps else None,
                float(np.mean(spent)),
                _part(answers, liked, [~one for one in cold]),
                _part(answers, liked, cold),
                None if np.isnan(shares).any() else shares,
            )
        )
    return lines


def _metric(
    row: np.ndarray, liked: Sequence[np.ndarray] | None, number: int, part: Any = slice(None)
) -> float:
    return float(row[part].mean()) if liked is None else auc(row[part], liked[number][part])


def _part(
    answers: Sequence[np.ndarray],
    liked: Sequence[np.ndarray] | None,
    parts: Sequence[np.ndarray],
) -> float | None:
    """The metric on a part of each period's questions, averaged over the periods with enough."""
    found = []
    for number, (several, part) in enumerate(zip(answers, parts, strict=True)):
        ups = int(part.sum()) if liked is None else int(liked[number][part].sum())
        downs = FEW if liked is None else int(part.sum()) - ups
        if min(ups, downs) >= FEW:
            found += [_metric(row, liked, number, part) for row in several]
    return float(np.mean(found)) if found else None


def _cold(dataset: Dataset, period: Period, test: Questions) -> np.ndarray:
    """[n] whether no event before the period is about the item."""
    known = np.zeros(len(dataset.catalogue), dtype=bool)
    known[dataset.sequences.items[dataset.times < period.start]] = True
    cold: np.ndarray = ~known[test.items]
    return cold


def _stale(
    learners: Sequence[Learner], several: Sequence[Period], config: PeriodsConfig
) -> list[float]:
    """What models that learned up to each period come to on the last one, averaged over seeds."""
    last = several[-1]
    curve = []
    for t in range(config.first - 1, config.count - 1):
        values = []
        for learner in learners:
            path = learner.folder / "answers" / f"stale-{t}.json"
            if not path.exists():
                test = _test(learner, last)
                answers = learner.predict("full", t, test)
                write_json(path, learner.method.judge(answers, test))
            values.append(json.loads(path.read_text()))
        curve.append(float(np.mean(values)))
    return curve


def opened(folder: Path) -> PeriodsComparison:
    """The comparison that a folder keeps."""
    kept = json.loads((folder / RESULTS).read_text("utf-8"))
    lines = [
        StrategyLine(**line | {"interval": tuple(line["interval"]) if line["interval"] else None})
        for line in kept.pop("lines")
    ]
    return PeriodsComparison(lines=lines, **kept)
