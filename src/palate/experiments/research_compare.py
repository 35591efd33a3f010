"""The benchmark: systems on the same topics, with significance and the cost of a topic.

A system's list or tree of a topic is kept in the folder, so that a benchmark that was stopped goes
on, and one that has a system more computes only that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from palate.errors import ConfigError
from palate.evaluation.ranking import Values
from palate.evaluation.significance import bootstrap_interval, holm, paired_test
from palate.experiments.atomic import write_json, write_text
from palate.experiments.environment import command_line, environment
from palate.experiments.research_runner import CompareConfig, Runner
from palate.research.budget import Cost
from palate.research.corpus import Corpus
from palate.research.systems import kind
from palate.research.tasks import PRIMARY, Scores, Task, Topic
from palate.research.workbench import Workbench


@dataclass(frozen=True)
class Line:
    """One system.

    Attributes:
        metrics: means over topics.
        interval: of the primary metric, 95 %.
        difference: from the reference in the primary metric; None for the reference.
        p: of that difference, after Holm's correction.
        cost: of a topic, on average.
        values: of the primary metric, by topic.
    """

    system: str
    metrics: dict[str, float]
    interval: tuple[float, float]
    difference: float | None
    p: float | None
    cost: dict[str, float]
    values: dict[str, float]


@dataclass(frozen=True)
class Benchmark:
    """All systems, and what a reader of the numbers has to know."""

    task: Task
    metric: str
    lines: list[Line]
    notes: list[str]


def compare(
    systems: Sequence[str],
    topics: Sequence[Topic],
    corpus: Corpus,
    config: CompareConfig,
    folder: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    told: Callable[[str], None] | None = None,
) -> Benchmark:
    """Run systems on topics and judge what they make.

    Args:
        systems: names; a variant of one has a name after ``@``.
        topics: those without a date get that of their paper in the corpus.
        folder: where results are kept, by system and settings.

    Raises:
        ConfigError: a system is of another task, or the reference is not compared.
    """
    wanted = "organize" if config.task == "organization" else "discover"
    for name in systems:
        if kind(name).does != wanted:
            raise ConfigError(f"'{name}' cannot be compared on {config.task}")
    reference = config.reference or systems[0]
    if reference not in systems:
        raise ConfigError(f"the reference '{reference}' is not among {', '.join(systems)}")
    bench = Workbench(corpus, config.bench, told=told)
    topics = [dated(topic, corpus) for topic in topics]
    scores: dict[str, Scores] = {}
    costs: dict[str, list[Cost]] = {}
    for name in systems:
        own = dict((settings or {}).get(name, {}))
        one = Runner(name, own, config, bench, folder, told)
        scores[name], costs[name] = one.run(topics)
    lines = _lines(systems, reference, scores, costs, config)
    notes = [*bench.remarks, *next(iter(scores.values())).notes]
    if config.bench.chat is not None:
        notes.append(f"the language model is {config.bench.chat.model}")
    found = Benchmark(config.task, PRIMARY[config.task], lines, list(dict.fromkeys(notes)))
    write_json(folder / f"{config.task}.json", _jsonable(asdict(found)) | {
        "about": environment() | {"command": command_line()},
        "topics": len(next(iter(scores.values())).topics),
    })  # fmt: skip
    write_text(folder / f"{config.task}.md", markdown(found))
    return found


def dated(topic: Topic, corpus: Corpus) -> Topic:
    """The topic with the date of its paper in the corpus, if it has none of its own."""
    if topic.date or topic.id not in corpus:
        return topic
    return Topic(topic.id, topic.title, corpus[topic.id].date, topic.grades, topic.tree)


def _lines(
    systems: Sequence[str],
    reference: str,
    scores: Mapping[str, Scores],
    costs: Mapping[str, Sequence[Cost]],
    config: CompareConfig,
) -> list[Line]:
    metric = PRIMARY[config.task]
    values: dict[str, Values] = {
        name: np.nan_to_num(scores[name].values[metric]) for name in systems
    }
    others = [name for name in systems if name != reference]
    tested = dict(zip(others, holm([
        paired_test(values[name], values[reference], config.seed) for name in others
    ]), strict=True)) if others else {}  # fmt: skip
    lines = []
    for name in systems:
        spent = [asdict(cost) for cost in costs[name]]
        lines.append(
            Line(
                name,
                scores[name].means(),
                bootstrap_interval(values[name], config.seed),
                None if name == reference else float((values[name] - values[reference]).mean()),
                float(tested[name]) if name in tested else None,
                {what: float(np.mean([one[what] for one in spent])) for what in spent[0]},
                dict(zip(scores[name].topics, values[name].tolist(), strict=True)),
            )
        )
    return sorted(lines, key=lambda line: -line.metrics[metric])


def markdown(found: Benchmark) -> str:
    """The benchmark as a Markdown table."""
    names = list(found.lines[0].metrics)
    head = ["system", *names, f"{found.metric} (95 %)", "p", "calls", "tokens", "seconds"]
    rows = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for line in found.lines:
        cells = [line.system, *(f"{line.metrics[name]:.4f}" for name in names)]
        cells.append(f"{line.interval[0]:.4f}–{line.interval[1]:.4f}")
        cells.append("–" if line.p is None else f"{line.p:.4f}")
        cells += [f"{line.cost[what]:,.1f}" for what in ("calls", "tokens", "seconds")]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join([*rows, "", *(f"- {note}" for note in found.notes)]) + "\n"


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _jsonable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return None if isinstance(value, float) and value != value else value
