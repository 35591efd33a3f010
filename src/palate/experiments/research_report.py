"""What the literature assistant found, as a page and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from palate.experiments import wording
from palate.experiments.atomic import write_text
from palate.experiments.report import template
from palate.research.corpus import Corpus
from palate.research.trees import Tree

if TYPE_CHECKING:
    from palate.experiments.research import Findings

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write_reports(found: Findings, corpus: Corpus, about: Mapping[str, Any]) -> None:
    """Write ``report.html`` and ``report.md`` into the folder of a run."""
    context = _context(found, corpus, about)
    write_text(found.folder / "report.html", template("research.html.jinja").render(context))
    write_text(found.folder / "report.md", _markdown(found, corpus, context))


def _context(found: Findings, corpus: Corpus, about: Mapping[str, Any]) -> dict[str, Any]:
    config = found.config
    surveyed = len(found.tree.all_papers())
    return {
        "title": config.topic,
        "version": about["palate"],
        "started": about["started"].replace("T", " ").removesuffix("+00:00") + " UTC",
        "finding": f"{len(found.ranked)} papers from before {config.before}, ranked by "
        f"{config.finder}; {surveyed} of them in a tree of {found.tree.size} nodes by "
        f"{config.mapper}.",
        "facts": [
            (f"{len(corpus):,}", "papers in the corpus"),
            (f"{found.cost.searches:,}", "searches"),
            (f"{found.cost.calls:,}", "questions to a language model"),
            (f"{found.cost.tokens:,}", "tokens"),
            (wording.seconds(found.cost.seconds), "of work"),
        ],
        "notes": found.remarks,
        "tree": _node(found.tree, corpus),
        "papers": [
            {
                "rank": rank,
                "id": one.paper,
                "title": corpus[one.paper].title,
                "date": corpus[one.paper].date,
                "reasons": one.reasons,
            }
            for rank, one in enumerate(found.ranked, start=1)
        ],
        "steps": [
            {"told": step.told, **asdict(step.cost), "seconds": wording.seconds(step.cost.seconds)}
            for step in found.steps
        ],
        "cost": {**asdict(found.cost), "seconds": wording.seconds(found.cost.seconds)},
        "command": about["command"],
        "provenance": [
            ("corpus", config.corpus),
            ("language model", config.bench.chat.model if config.bench.chat else "none"),
            ("vectors", config.bench.encoder),
            ("machine", f"{about['processor']}, {about['cores']} cores"),
            ("commit", about["commit"] or "not known"),
        ],
    }


def _node(tree: Tree, corpus: Corpus) -> dict[str, Any]:
    return {
        "label": tree.label,
        "count": len(tree.all_papers()),
        "papers": [corpus[paper].title if paper in corpus else paper for paper in tree.papers],
        "children": [_node(child, corpus) for child in tree.children],
    }


def _markdown(found: Findings, corpus: Corpus, context: Mapping[str, Any]) -> str:
    facts = " · ".join(f"{value} {word}" for value, word in context["facts"])
    lines = [f"# {plain(found.config.topic)}", "", plain(context["finding"]), "", facts, ""]
    lines += [f"> {plain(note)}" for note in found.remarks]
    lines += ["", "## The field", "", *tree_lines(found.tree, corpus), "", "## The papers", ""]
    for row in context["papers"]:
        why = "; ".join(plain(reason) for reason in row["reasons"])
        lines.append(f"{row['rank']}. **{plain(row['title'])}** ({row['date']}): {why}")
    lines += ["", "## What was done", "", "| step | searches | calls | tokens | time |",
              "| --- | ---: | ---: | ---: | ---: |"]  # fmt: skip
    lines += [
        f"| {plain(step['told'])} | {step['searches']} | {step['calls']} | {step['tokens']} | "
        f"{step['seconds']} |"
        for step in context["steps"]
    ]
    return "\n".join(lines) + "\n"


def tree_lines(tree: Tree, corpus: Corpus | None = None, papers: bool = True) -> list[str]:
    """A tree as a Markdown list."""
    lines = []
    for node, path in tree.walk():
        indent = "  " * (len(path) - 1)
        count = len(node.all_papers())
        lines.append(f"{indent}- **{plain(node.label)}** ({count})")
        if papers:
            titles = [corpus[p].title if corpus and p in corpus else p for p in node.papers]
            lines += [f"{indent}  - {plain(title)}" for title in titles]
    return lines


def plain(text: str) -> str:
    """Text in which Markdown finds no signs of its own."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
