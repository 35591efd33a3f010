"""An agent that draws a field: groups within groups of papers, named, merged and capped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.research.baselines.queries import one_line
from palate.research.budget import SpentError
from palate.research.desk import Brief, Desk, unit
from palate.research.labels import OTHER, Terms, heading
from palate.research.trees import Tree
from palate.search.asking import fenced

NAME = "Papers:\n{papers}\nWords: {words}\nA heading of two to five words for this section:"
NAME_SHOWN = [
    ("Papers:\n- Multi-View 3D Object Detection Network\n- VoxelNet: Learning for Point Clouds\n"
     "Words: object detection, point clouds, 3d\nA heading of two to five words for this section:",
     "3D Object Detection"),
    ("Papers:\n- Phonics Instruction for Young Learners\n- Teaching Reading in Primary Schools\n"
     "Words: instruction, teaching, phonics\nA heading of two to five words for this section:",
     "Reading Instruction"),
]  # fmt: skip
LONGEST = 7  # words of a heading


class CartographerConfig(Config):
    """Settings of the agent."""

    widest: int = Field(9, ge=2)
    """Most branches of a node."""
    narrowest: int = Field(5, ge=2)
    """Fewest branches below the root, where there are papers enough."""
    deepest: int = Field(3, ge=1)
    """Levels below the root."""
    split: int = Field(24, ge=4)
    """Papers from which on a group is split further."""
    fewest: float = Field(0.03, ge=0, lt=0.5)
    """Smallest share of a group's papers that a branch has; smaller ones join their nearest."""
    cap: int = Field(60, ge=2)
    """Most nodes in all."""
    recursive: bool = True
    """Split groups further; without, there is one level."""
    centre: bool = False
    """Take off what all papers of a group have in common, before it is split: groups are of more
    even size then, and there are more of them."""
    named: bool = True
    """Have a language model name the groups, where there is one; else by their words."""
    merge: float = Field(0.8, ge=0, le=1)
    """Merge siblings whose names are closer than that; 1 merges none."""
    seed: int = 0
    """Of the clustering."""


@dataclass
class _Group:
    """Papers that belong together, while the tree is made."""

    papers: list[int]
    label: str = ""
    children: list[_Group] = field(default_factory=list)

    def as_json(self) -> list[Any]:
        return [self.papers, [child.as_json() for child in self.children]]

    @classmethod
    def of(cls, told: list[Any]) -> _Group:
        return cls(told[0], children=[cls.of(child) for child in told[1]])


class Cartographer:
    """Recursive k-means on vectors of title and abstract; the number of branches by silhouette."""

    Config = CartographerConfig

    def __init__(
        self, config: CartographerConfig | None = None, name: str = "cartographer"
    ) -> None:
        self.config, self.name = config or CartographerConfig(), name

    def organize(self, desk: Desk, brief: Brief, papers: Sequence[str]) -> Tree:
        """A tree with every paper at one node."""
        if not papers:
            return Tree(brief.title)
        vectors = desk.vectors(papers)
        terms = Terms([f"{desk.allowed.title(p)}. {desk.allowed.text(p)}" for p in papers],
                      brief.title)  # fmt: skip

        def group() -> tuple[list[Any], str]:
            made = _Group(list(range(len(papers))))
            self._split(made, vectors, 1)
            self._cap(made)
            return made.as_json(), f"{len(_walk(made)) - 1} groups of {len(papers)} papers"

        root = _Group.of(desk.step(f"group {self.config}: {' '.join(papers)}", group))
        root.label = brief.title
        self._name(desk, brief, root, papers, vectors, terms)
        self._merge(desk, root)
        return _tree(root, papers)

    def _split(self, group: _Group, vectors: npt.NDArray[np.floating], level: int) -> None:
        """Split a group into branches, and those again."""
        config = self.config
        if level > (config.deepest if config.recursive else 1):
            return
        if len(group.papers) < (config.split if level > 1 else 2 * config.narrowest):
            return
        least = config.narrowest if level == 1 else 2
        own = vectors[group.papers]
        if config.centre:
            own = unit(own - own.mean(axis=0))
        labels = clusters(own, least, config.widest, config.seed)
        labels = without_small(own, labels, max(2, round(config.fewest * len(own))))
        parts = [[p for p, own in zip(group.papers, labels, strict=True) if own == label]
                 for label in sorted(set(labels.tolist()))]  # fmt: skip
        if len(parts) < 2:
            return
        group.children = [_Group(part) for part in sorted(parts, key=lambda part: -len(part))]
        for child in group.children:
            self._split(child, vectors, level + 1)

    def _cap(self, root: _Group) -> None:
        """Close the smallest groups that have only leaves below them until few nodes are left."""
        while len(nodes := list(_walk(root))) > self.config.cap:
            ends = [g for g in nodes if g.children and not any(c.children for c in g.children)]
            smallest = min(ends, key=lambda g: (len(g.papers), g is root))
            if smallest is root:
                root.children = sorted(root.children, key=lambda c: -len(c.papers))
                rest = root.children[self.config.cap - 2 :]
                other = _Group([p for g in rest for p in g.papers], OTHER)
                root.children = [*root.children[: self.config.cap - 2], other]
                return
            smallest.children = []

    def _name(
        self,
        desk: Desk,
        brief: Brief,
        root: _Group,
        papers: Sequence[str],
        vectors: npt.NDArray[np.floating],
        terms: Terms,
    ) -> None:
        """A name for each group: what sets its words apart from its siblings'."""
        taken: set[str] = {brief.title.casefold()}
        write = self.config.named and desk.model is not None
        for parent in _walk(root):
            for child in parent.children:
                if child.label:
                    continue
                rest = [p for other in parent.children if other is not child for p in other.papers]
                words = terms.telling(child.papers, rest, taken)
                if write:
                    try:
                        child.label = self._written(desk, child, papers, vectors, words, taken)
                    except SpentError:
                        write = False
                child.label = child.label or heading(words)
                taken.add(child.label.casefold())

    def _written(
        self,
        desk: Desk,
        group: _Group,
        papers: Sequence[str],
        vectors: npt.NDArray[np.floating],
        words: list[str],
        taken: set[str],
    ) -> str:
        """What a language model calls a group; empty if it is no name, or one that is taken."""
        own = vectors[group.papers]
        near = np.argsort(-(own @ own.mean(axis=0)), kind="stable")[:5]
        titles = [desk.allowed.title(papers[group.papers[place]]) for place in near]

        def work() -> tuple[str, str]:
            listed = "\n".join(f"- {one_line(title)}" for title in titles)
            prompt = NAME.format(papers=fenced(listed), words=", ".join(words[:5]))
            label = clean_heading(desk.write(prompt, max_tokens=16, examples=NAME_SHOWN))
            return label, f"a group of {len(group.papers)} papers is called “{label}”"

        label = desk.step(f"name: {' '.join(titles)} | {' '.join(words[:5])}", work)
        ours = set(re.findall(r"\w{4,}", " ".join([*titles, *words]).casefold()))
        known = any(word in ours for word in re.findall(r"\w{4,}", label.casefold()))
        return label if known and label.casefold() not in taken else ""

    def _merge(self, desk: Desk, group: _Group) -> None:
        """Join siblings whose names say the same."""
        for child in group.children:
            self._merge(desk, child)
        if self.config.merge >= 1 or len(group.children) < 2 or desk.embed is None:
            return
        names = unit(desk.embed([child.label for child in group.children]))
        kept: list[int] = []
        for place, child in enumerate(group.children):
            same = next((k for k in kept if names[k] @ names[place] > self.config.merge), None)
            if same is None:
                kept.append(place)
            else:
                into = group.children[same]
                into.papers += child.papers
                into.children += child.children
        group.children = [group.children[place] for place in kept]
        if len(group.children) == 1 and not group.children[0].children:
            group.children = []  # one branch with all of it says nothing


def clusters(
    vectors: npt.NDArray[np.floating], least: int, most: int, seed: int
) -> npt.NDArray[np.int64]:
    """[n] the cluster of each vector; how many there are, by the best mean silhouette.

    Raises:
        ConfigError: scikit-learn is missing.
    """
    try:
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score
    except ImportError:
        raise ConfigError("clustering needs it: pip install 'palate[research]'") from None
    most = min(most, len(np.unique(vectors, axis=0)) - 1)
    best, chosen = -np.inf, np.zeros(len(vectors), dtype=np.int64)
    for count in range(min(least, most), most + 1):
        if count < 2:
            break
        labels = KMeans(count, n_init=4, random_state=seed).fit_predict(vectors)
        worth = silhouette_score(vectors, labels, metric="cosine")
        if worth > best + 1e-6:
            best, chosen = worth, labels.astype(np.int64)
    return chosen


def without_small(
    vectors: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], fewest: int
) -> npt.NDArray[np.int64]:
    """The clusters with the members of those that are too small in the nearest of the others."""
    names, counts = np.unique(labels, return_counts=True)
    large = names[counts >= fewest]
    if not len(large) or len(large) == len(names):
        return labels
    centres = unit(np.stack([vectors[labels == name].mean(axis=0) for name in large]))
    lost = ~np.isin(labels, large)
    labels = labels.copy()
    labels[lost] = large[(vectors[lost] @ centres.T).argmax(axis=1)]
    return labels


def clean_heading(text: str) -> str:
    """The first line of what a model wrote, as a heading; empty if it is a sentence."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^[-*#\d.\s]+|[\"“”*_#]+", "", line).strip(" .:;,")
    return line if 1 <= len(line.split()) <= LONGEST else ""


def _walk(group: _Group) -> list[_Group]:
    return [group, *(below for child in group.children for below in _walk(child))]


def _tree(group: _Group, papers: Sequence[str]) -> Tree:
    children = tuple(_tree(child, papers) for child in group.children)
    inside = {paper for child in children for paper in child.all_papers()}
    own = tuple(papers[p] for p in group.papers if papers[p] not in inside)
    return replace(Tree(group.label, children), papers=own)
