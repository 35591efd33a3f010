"""Ward's clustering of the references; the dendrogram is the tree, its labels are TF-IDF terms.

ResearchArena's "Clustering" (Kang and Xiong, arXiv:2406.10291, section 5.3). Its trees are cut,
here: a dendrogram has as many nodes as papers, and nobody reads that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.research.desk import Brief, Desk
from palate.research.labels import Terms, heading
from palate.research.trees import Tree, from_json


class ClusteringConfig(Config):
    """Settings of the dendrogram."""

    leaves: int = Field(16, ge=2)
    """Groups at the bottom; the tree above them is the dendrogram's."""
    terms: int = Field(1, ge=1)
    """Terms that a label is made of."""


class Clustering:
    """A binary tree of groups that were joined where that adds the least variance."""

    Config = ClusteringConfig

    def __init__(self, config: ClusteringConfig | None = None, name: str = "clustering") -> None:
        self.config, self.name = config or ClusteringConfig(), name

    def organize(self, desk: Desk, brief: Brief, papers: Sequence[str]) -> Tree:
        """A tree with every paper at a leaf."""
        if len(papers) < 2:
            return Tree(brief.title, (), tuple(papers))

        def work() -> tuple[dict[str, Any], str]:
            tree = self._tree(desk, brief, papers)
            return tree.as_json(), f"a dendrogram of {tree.size} nodes for {len(papers)} papers"

        return from_json(desk.step(f"cluster {self.config}: {' '.join(papers)}", work))

    def _tree(self, desk: Desk, brief: Brief, papers: Sequence[str]) -> Tree:
        from scipy.cluster.hierarchy import linkage

        vectors = desk.vectors(papers)
        texts = [f"{desk.allowed.title(p)}. {desk.allowed.text(p)}" for p in papers]
        terms = Terms(texts)
        joins = linkage(np.asarray(vectors, dtype=np.float64), "ward")
        n = len(papers)
        everything = list(range(n))
        members = {place: [place] for place in everything}
        for number, (a, b, _, _) in enumerate(joins):
            members[n + number] = members[int(a)] + members[int(b)]
        open_ = {2 * n - 2}  # the last joins are the top of the tree
        while len(open_) < min(self.config.leaves, n):
            top = max(open_)
            a, b = joins[top - n][:2]
            open_ = open_ - {top} | {int(a), int(b)}
        taken: set[str] = set()

        def node(place: int) -> Tree:
            label = brief.title
            if len(members[place]) < n:
                rest = sorted(set(everything) - set(members[place]))
                words = terms.telling(members[place], rest, taken)[: self.config.terms]
                label = heading([" ".join(words)] if words else [])
                taken.update(words)
            if place in open_ or place < n:
                return Tree(label, (), tuple(papers[p] for p in members[place]))
            a, b = joins[place - n][:2]
            return Tree(label, (node(int(a)), node(int(b))))

        return node(2 * n - 2)
