"""A run of the literature assistant: a topic in, a folder with a ranked list and a tree out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from palate.config import Config
from palate.errors import RunError
from palate.experiments.atomic import write_json, write_text, write_yaml
from palate.experiments.environment import command_line, environment
from palate.research.budget import Budget, Cost, Ledger, SpentError, Step
from palate.research.corpus import Corpus
from palate.research.desk import Brief, Ranked
from palate.research.readers.trec import run_lines
from palate.research.systems import make_discoverer, make_organizer
from palate.research.trees import Tree
from palate.research.workbench import BenchConfig, Workbench

FINDER, MAPPER = "scout", "cartographer"


class ResearchConfig(Config):
    """What is looked for, by whom, and for how much."""

    topic: str
    """In words, or the title of the survey to be."""
    before: str
    """Only papers from strictly before that date."""
    corpus: str
    """Where the papers are."""
    finder: str = FINDER
    """Who finds the papers."""
    mapper: str = MAPPER
    """Who makes the tree."""
    count: int = Field(100, ge=1)
    """Papers in the list."""
    mapped: int = Field(100, ge=0)
    """Best papers that are put into the tree."""
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings by system."""
    bench: BenchConfig = BenchConfig()
    """What the systems may use."""
    budget: Budget = Budget()
    """What they may spend."""


@dataclass(frozen=True)
class Findings:
    """What came of a run.

    Attributes:
        ranked: papers, best first.
        tree: of the best of them.
        steps: all that was done.
        remarks: what a reader should know.
    """

    folder: Path
    config: ResearchConfig
    ranked: list[Ranked]
    tree: Tree
    steps: list[Step]
    cost: Cost
    remarks: list[str]


def research(
    config: ResearchConfig,
    corpus: Corpus,
    out: Path,
    told: Callable[[str], None] | None = None,
) -> Findings:
    """Find papers on a topic, rank them, draw the field, and write it all down.

    A run that was stopped goes on where it was when it is begun again with the same settings; what
    it had spent counts. When the budget is spent, what was found until then is written.

    Raises:
        RunError: the folder holds a run with other settings.
    """
    begin(out, config)
    ledger = Ledger(config.budget, out / "steps.jsonl", told)
    bench = Workbench(corpus, config.bench, told=told)
    brief = Brief(config.topic, config.before)
    desk = bench.desk(brief, ledger)
    finder = make_discoverer(config.finder, config.settings.get(config.finder))
    mapper = make_organizer(config.mapper, config.settings.get(config.mapper))
    remarks = []
    try:
        ranked = finder.discover(desk, brief, config.count)
    except SpentError as error:
        ranked = []
        remarks.append(f"nothing was found: {error}")
    papers = [one.paper for one in ranked[: config.mapped]]
    if told is not None:
        told(f"{config.mapper}: {len(papers)} papers")
    try:
        tree = mapper.organize(desk, brief, papers) if papers else Tree(config.topic)
    except SpentError as error:
        tree = Tree(config.topic, (), tuple(papers))
        remarks.append(f"there is no tree: {error}")
    try:
        ledger.check()
    except SpentError as error:
        remarks.append(f"stopped early: {error}")
    found = Findings(
        out, config, ranked, tree, ledger.steps, ledger.cost, [*bench.remarks, *remarks]
    )
    write(found, corpus)
    return found


def begin(out: Path, config: Config) -> None:
    """Write the settings, or see that the folder has the same.

    Raises:
        RunError: other settings, or a folder that is no run.
    """
    path = out / "config.yaml"
    told = config.model_dump(mode="json")
    if path.exists():
        if yaml.safe_load(path.read_text("utf-8")) != told:
            raise RunError(
                f"{out}: there is a run with other settings; choose another folder, or type the "
                f"same command to go on with it (its settings are in {path})"
            )
        return
    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out}: the folder is not empty and holds no run; choose another one")
    write_yaml(path, told)


def write(found: Findings, corpus: Corpus) -> None:
    """The files of a finished run."""
    from palate.experiments.research_report import write_reports

    out = found.folder
    lists = {"topic": [(one.paper, one.score) for one in found.ranked]}
    write_text(out / "papers.run", run_lines(lists, found.config.finder))
    rows = [
        {
            "rank": rank,
            **asdict(one),
            "title": corpus[one.paper].title,
            "date": corpus[one.paper].date,
        }
        for rank, one in enumerate(found.ranked, start=1)
    ]
    write_text(
        out / "papers.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    )
    write_json(out / "tree.json", found.tree.as_json())
    write_json(out / "cost.json", asdict(found.cost))
    about = environment() | {"command": command_line()}
    write_json(out / "environment.json", about)
    write_reports(found, corpus, about)


def chat_settings(
    model: str | None, address: str | None, more: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Settings of a language model; None where none is named."""
    if model is None and address is None:
        return None
    return {"address": address, **({"model": model} if model else {}), **(more or {})}
