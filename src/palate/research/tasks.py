"""The three tasks of ResearchArena: what is asked, what is right, and what is scored.

Discovery asks for the papers that a survey cites, given its title alone; selection for the most
important of them first; organisation for the tree that the survey makes of its field (Kang and
Xiong, "ResearchArena", arXiv:2406.10291, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from palate.errors import DataError
from palate.evaluation.headings import Embed, Entities, entity_recall, heading_scores
from palate.evaluation.ranking import Values
from palate.evaluation.retrieval import Gain, evaluate_lists
from palate.evaluation.trees import alike, grouping, path_similarity, tree_distance
from palate.research.corpus import Corpus, Guards, Left
from palate.research.trees import Tree

RELEVANT, INFLUENTIAL = 1, 2
Task = Literal["discovery", "selection", "organization"]
METRICS: dict[str, tuple[str, ...]] = {
    "discovery": ("recall@10", "recall@100", "precision@10", "precision@100"),
    "selection": ("ndcg@10", "ndcg@30", "ndcg@100", "mrr"),
}
PRIMARY = {"discovery": "recall@100", "selection": "ndcg@10", "organization": "heading_f1"}
LOWER_IS_BETTER = {"tree_distance", "tree_distance_normalised", "unordered_normalised"}


@dataclass(frozen=True)
class Topic:
    """One survey.

    Attributes:
        title: all that a system is told, besides the date.
        date: of the survey; only papers from strictly before it may be found.
        grades: of each reference, 2 for influential ones and 1 for others.
        tree: what the survey makes of its field, where that is known.
    """

    id: str
    title: str
    date: str = ""
    grades: Mapping[str, int] = field(default_factory=dict)
    tree: Tree | None = None

    def allowed(self, corpus: Corpus, guards: Guards | None = None) -> tuple[Corpus, Left]:
        """The papers that it may be written from."""
        return corpus.allowed(self.date, self.id, self.title, guards)

    def truth(self, allowed: Corpus) -> dict[str, int]:
        """The grades of the references that could be found."""
        return {paper: grade for paper, grade in self.grades.items() if paper in allowed}


@dataclass(frozen=True)
class Scores:
    """Metrics of one system on one task, topic by topic.

    Attributes:
        topics: [t] ids, in the order of all values.
        values: [t] by metric; NaN where a topic has no truth for it.
        notes: what a reader of the numbers has to know.
    """

    task: Task
    topics: tuple[str, ...]
    values: dict[str, Values]
    notes: tuple[str, ...] = ()

    def means(self) -> dict[str, float]:
        """The mean of each metric over the topics that have it (macro average)."""
        return {
            name: float(np.nanmean(values)) if not np.isnan(values).all() else math.nan
            for name, values in self.values.items()
        }


def score_lists(
    task: Literal["discovery", "selection"],
    lists: Mapping[str, Sequence[str]],
    truth: Mapping[str, Mapping[str, int]],
    gain: Gain = "linear",
) -> Scores:
    """Judge ranked lists of papers.

    Args:
        lists: ids of papers for each topic, best first; a topic without a list has 0.
        truth: grades for each topic. Topics without any are left out, and a note says so.
        gain: of a grade in NDCG. ResearchArena does not say which it took.

    Raises:
        DataError: a list names a paper twice, or no topic has truth.
    """
    for topic, papers in lists.items():
        if len(set(papers)) < len(papers):
            twice = next(paper for paper in papers if list(papers).count(paper) > 1)
            raise DataError(f"topic '{topic}': paper '{twice}' stands twice in the list")
    judged = {topic: grades for topic, grades in truth.items() if any(grades.values())}
    if not judged:
        raise DataError("no topic has a reference that could be found")
    scores = evaluate_lists(lists, judged, METRICS[task], gain=gain)
    notes = []
    if missing := len(truth) - len(judged):
        notes.append(f"{missing} of {len(truth)} topics have no reference that could be found")
    if absent := [topic for topic in judged if topic not in lists]:
        notes.append(f"{len(absent)} topics have no list and count as 0, such as '{absent[0]}'")
    if task == "selection" and not any(
        grade >= INFLUENTIAL for grades in judged.values() for grade in grades.values()
    ):
        notes.append("no reference is marked as influential: all relevant ones count the same")
    return Scores(task, tuple(scores.queries), dict(scores.values), tuple(notes))


def score_trees(
    trees: Mapping[str, Tree],
    truth: Mapping[str, Tree],
    embed: Embed,
    entities: Entities,
    entities_by: str,
) -> Scores:
    """Judge trees against those of the surveys.

    Args:
        trees: of each topic; a topic without one is judged as a bare root.
        truth: the right ones.
        embed: vectors of labels.
        entities: what finds names in labels.
        entities_by: how it is called, for the notes.

    Raises:
        DataError: there is no right tree.
    """
    if not truth:
        raise DataError("no topic has a tree to compare with")
    rows = []
    for topic, right in truth.items():
        tree = trees.get(topic, Tree(right.label))
        rows.append(tree_metrics(tree, right, embed, entities))
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}
    coverage = np.nanmean([row["entity_coverage"] for row in rows])
    notes = [
        f"entities are found {entities_by}; {100 * coverage:.0f} % of the right headings have any"
    ]
    if absent := [topic for topic in truth if topic not in trees]:
        notes.append(f"{len(absent)} topics have no tree, such as '{absent[0]}'")
    return Scores("organization", tuple(truth), values, tuple(notes))


def tree_metrics(tree: Tree, right: Tree, embed: Embed, entities: Entities) -> dict[str, float]:
    """All metrics of one tree. The root is the topic, which everybody is told, and counts in none
    but the distances."""
    headings = heading_scores(right.labels() or [right.label], tree.labels(), embed)
    named = entity_recall(right.labels(), tree.labels(), entities)
    similar = alike(embed, tree.nested(), right.nested())
    ordered = tree_distance(tree.nested(), right.nested(), similar)
    found = {
        "heading_recall": headings.soft_recall,
        "heading_precision": headings.soft_precision,
        "heading_f1": headings.f1,
        "entity_recall": named.recall,
        "entity_coverage": named.coverage,
        "tree_distance": ordered.raw,
        "tree_distance_normalised": ordered.normalised,
        "unordered_normalised": tree_distance(
            tree.nested(), right.nested(), similar, ordered=False
        ).normalised,
        "nodes": float(tree.size),
    }
    papers = right.all_papers()
    if papers:  # where the tree places none, they are all in one group
        groups = grouping(right.groups(papers), tree.groups(papers))
        ours, theirs = tree.paths(), right.paths()
        alike_paths = [path_similarity(theirs[p], ours[p], similar) for p in papers if p in ours]
        found |= {
            "ari": groups.ari,
            "v_measure": groups.v_measure,
            "path_similarity": float(np.mean(alike_paths)) if alike_paths else 0.0,
            "placed": len(alike_paths) / len(papers),
        }
    return found
