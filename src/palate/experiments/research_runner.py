"""One system on the topics of a benchmark; what it makes of each is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError, DataError, RunError
from palate.evaluation.headings import Entities, named_by_rule, named_by_spacy
from palate.experiments.atomic import write_json, write_text
from palate.experiments.environment import rooms_version
from palate.research.budget import Budget, Cost, Ledger, SpentError, key
from palate.research.desk import Brief
from palate.research.readers.trec import run_lines
from palate.research.systems import make_discoverer, make_organizer
from palate.research.tasks import Scores, Task, Topic, score_lists, score_trees
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


class Runner:
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


def _file(topic: Topic) -> str:
    """A name for what is made of a topic: its id as files allow it, and all that is told of it."""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in topic.id)
    return f"{plain[:60]}-{key({'id': topic.id, 'title': topic.title, 'date': topic.date})}"
