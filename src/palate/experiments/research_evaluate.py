"""Judging ranked lists and trees that anyone made."""

from __future__ import annotations

from pathlib import Path

from palate.errors import ConfigError, DataError
from palate.experiments.research_runner import named
from palate.research.corpus import Corpus
from palate.research.readers import markdown, survey_rows
from palate.research.readers.trec import read_run
from palate.research.tasks import Scores, Topic, score_lists, score_trees
from palate.research.trees import Tree, read_tree
from palate.research.workbench import BenchConfig, Workbench
from palate.search.layouts import trec

TASKS = ("discovery", "selection", "organization")


def evaluate_run(
    task: str,
    run: Path,
    truth: Path,
    topic: str | None = None,
    gain: str = "linear",
    entities: str = "rules",
    encoder: str = "minilm",
) -> Scores:
    """Judge the lists of a TREC run file, or a tree.

    Args:
        truth: for lists, judgements or ``survey.jsonl``; for trees, one in JSON or Markdown, or
            ``survey.jsonl``.
        topic: whose tree, where there are several.

    Raises:
        ConfigError: no such task or gain.
        DataError: a file cannot be used; names it, the row and the mend.
    """
    if task not in TASKS:
        raise ConfigError(f"--task {task}: there are {', '.join(TASKS)}")
    if gain not in ("linear", "exponential"):
        raise ConfigError(f"--gain {gain}: linear or exponential")
    if task == "organization":
        name, right = right_tree(truth, topic)
        by, how = named(entities)
        embed = Workbench(Corpus(()), BenchConfig(encoder=encoder)).embed
        if embed is None:
            raise ConfigError("headings are compared by vectors: --encoder none cannot be")
        return score_trees({name: read_tree(run, right.label)}, {name: right}, embed, by, how)
    lists = read_run(run)
    judged = right_grades(truth)
    if not set(lists) & set(judged):
        raise DataError(
            f"{run}: no topic of it is in {truth}; the first is '{next(iter(lists), '')}' here and "
            f"'{next(iter(judged), '')}' there"
        )
    return score_lists(task, lists, judged, gain)  # type: ignore[arg-type]


def right_grades(path: Path) -> dict[str, dict[str, int]]:
    """Grades by topic, of judgements or of surveys' rows."""
    if _is_rows(path):
        return {topic.id: dict(topic.grades) for topic in survey_rows.read(path)}
    return trec.qrels(path)


def right_tree(path: Path, topic: str | None) -> tuple[str, Tree]:
    """A topic's id and its tree.

    Raises:
        DataError: there is none, or there are several and *topic* names none of them.
    """
    if path.suffix == ".md":
        listed = markdown.read(path)
        return listed.tree.label, listed.tree
    if not _is_rows(path):
        tree = read_tree(path)
        return tree.label, tree
    rows: dict[str, Topic] = {one.id: one for one in survey_rows.read(path) if one.tree is not None}
    if not rows:
        raise DataError(f"{path}: no row has a tree in 'typology'")
    if topic is None and len(rows) > 1:
        raise DataError(
            f"{path}: {len(rows)} rows have trees; say which: --topic {next(iter(rows))}"
        )
    name = topic or next(iter(rows))
    if name not in rows:
        raise DataError(
            f"{path}: no row '{name}' with a tree; there are {', '.join(list(rows)[:5])}"
        )
    found = rows[name].tree
    assert found is not None
    return name, found


def _is_rows(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))
