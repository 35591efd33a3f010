"""The benchmark: systems on the same topics, with significance and the cost of a topic.

A system's list or tree of a topic is kept in the folder, so that a benchmark that was stopped goes
on, and one that has a system more computes only that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError, DataError, RunError
from palate.evaluation.headings import Entities, named_by_rule, named_by_spacy
from palate.evaluation.ranking import Values
from palate.evaluation.significance import bootstrap_interval, holm, paired_test
from palate.experiments.atomic import write_json, write_text
from palate.experiments.environment import command_line, environment, rooms_version
from palate.research.budget import Budget, Cost, Ledger, SpentError, key
from palate.research.corpus import Corpus
from palate.research.desk import Brief
from palate.research.readers.trec import run_lines
from palate.research.systems import kind, make_discoverer, make_organizer
from palate.research.tasks import PRIMARY, Scores, Task, Topic, score_lists, score_trees
from palate.research.trees import Tree, from_json
from palate.research.workbench import BenchConfig, Workbench

RULE = "by rule: acronyms and capitalised spans"


class CompareConfig(Config):
    """What systems are compared on."""

    task: Task
    """Discovery, selection or organization."""
    count: int = Field(100, ge=1)
    """Length of the lists."""
    bench: BenchConfig = BenchConfig()
    """What the systems may use."""
    budget: Budget = Budget()
    """What they may spend on a topic."""
    reference: str = ""
    """Whom the others are tested against; the first one by default."""
    entities: str = "rules"
    """What finds names in headings: rules, or a spaCy pipeline that is installed."""
    seed: int = 0
    """Of the bootstrap and of the tests."""


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
        one = _Runner(name, own, config, bench, folder, told)
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


class _Runner:
    """One system on all topics."""

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        config: CompareConfig,
        bench: Workbench,
        folder: Path,
        told: Callable[[str], None] | None,
    ) -> None:
        self.name, self.config, self.bench, self.told = name, config, bench, told
        self.settings = settings
        decided = {
            "settings": dict(settings), "count": config.count, "budget": config.budget.model_dump(),
            "bench": config.bench.model_dump(), "corpus": bench.corpus.fingerprint,
            "code": rooms_version("research", "search", "language"),
        }  # fmt: skip
        self.folder = folder / config.task.replace("selection", "discovery") / name / key(decided)

    def run(self, topics: Sequence[Topic]) -> tuple[Scores, list[Cost]]:
        """What it made is judged, with what each topic cost."""
        if self.config.task == "organization":
            return self._trees([topic for topic in topics if topic.tree is not None])
        return self._lists(topics)

    def _lists(self, topics: Sequence[Topic]) -> tuple[Scores, list[Cost]]:
        system = make_discoverer(self.name, self.settings)
        lists: dict[str, list[tuple[str, float]]] = {}
        truth: dict[str, dict[str, int]] = {}
        costs = []
        for number, topic in enumerate(topics, start=1):
            truth[topic.id] = topic.truth(
                topic.allowed(self.bench.corpus, self.bench.config.guards)[0]
            )
            if not any(truth[topic.id].values()):
                continue

            def work(
                topic: Topic = topic, number: int = number
            ) -> tuple[list[tuple[str, float]], Cost]:
                ledger = self._ledger(topic, number, len(topics))
                desk = self.bench.desk(Brief(topic.title, topic.date), ledger, topic.id)
                try:
                    found = system.discover(desk, Brief(topic.title, topic.date), self.config.count)
                except SpentError:
                    found = []
                return [(one.paper, one.score) for one in found], ledger.cost

            lists[topic.id], cost = self._kept(topic, work)
            costs.append(cost)
        write_text(self.folder / "papers.run", run_lines(lists, self.name))
        task = "selection" if self.config.task == "selection" else "discovery"
        ids = {name: [paper for paper, _ in found] for name, found in lists.items()}
        return score_lists(task, ids, truth), costs  # type: ignore[arg-type]

    def _trees(self, topics: Sequence[Topic]) -> tuple[Scores, list[Cost]]:
        if not topics:
            raise DataError("no topic has a tree; they are read from 'typology', or from Markdown")
        system = make_organizer(self.name, self.settings)
        trees, truth, costs = {}, {}, []
        for number, topic in enumerate(topics, start=1):
            assert topic.tree is not None
            truth[topic.id] = topic.tree

            def work(topic: Topic = topic, number: int = number) -> tuple[dict[str, Any], Cost]:
                ledger = self._ledger(topic, number, len(topics))
                brief = Brief(topic.title, topic.date)
                desk = self.bench.desk(brief, ledger, topic.id, search=False)
                right = topic.tree.all_papers() if topic.tree else []
                papers = [p for p in (right or list(topic.grades)) if p in desk.allowed]
                try:
                    tree = system.organize(desk, brief, papers)
                except SpentError:
                    tree = Tree(topic.title, (), tuple(papers))
                return tree.as_json(), ledger.cost

            told, cost = self._kept(topic, work)
            trees[topic.id] = from_json(told)
            costs.append(cost)
        entities, how = named(self.config.entities)
        embed = self.bench.embed
        if embed is None:
            raise ConfigError("headings are compared by vectors: an encoder is needed (--encoder)")
        return score_trees(trees, truth, embed, entities, how), costs

    def _ledger(self, topic: Topic, number: int, of: int) -> Ledger:
        def told(what: str) -> None:
            if self.told is not None:
                self.told(f"{self.name}, topic {number} of {of}: {what[:80]}")

        return Ledger(self.config.budget, self.folder / f"{_file(topic)}.jsonl", told)

    def _kept(self, topic: Topic, work: Callable[[], tuple[Any, Cost]]) -> tuple[Any, Cost]:
        """What was made of a topic, from the folder or now."""
        path = self.folder / f"{_file(topic)}.json"
        if path.exists():
            try:
                kept = json.loads(path.read_text("utf-8"))
                return kept["made"], Cost(**kept["cost"])
            except (ValueError, KeyError, TypeError):
                raise RunError(f"{path}: not a result; delete it to compute it again") from None
        made, cost = work()
        write_json(path, {"made": made, "cost": asdict(cost)})
        return made, cost


def named(entities: str) -> tuple[Entities, str]:
    """What finds names of things, and how to call it."""
    if entities == "rules":
        return named_by_rule, RULE
    return named_by_spacy(entities), f"by spaCy's {entities}"


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


def _file(topic: Topic) -> str:
    """A name for what is made of a topic: its id as files allow it, and all that is told of it."""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in topic.id)
    return f"{plain[:60]}-{key({'id': topic.id, 'title': topic.title, 'date': topic.date})}"


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _jsonable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return None if isinstance(value, float) and value != value else value
