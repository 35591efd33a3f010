"""A field that is made up, with exact truth for all three tasks.

A random taxonomy; a language model for each node; papers whose words come from the nodes on the
way to their leaf, that cite earlier papers near them, and surveys that cite what is below a node.
Noise puts words of no meaning in the place of a node's, and citations of anything in the place of
those near, so that scores of whatever works must fall as it rises.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.research.corpus import Corpus
from palate.research.papers import Paper
from palate.research.tasks import INFLUENTIAL, RELEVANT, Topic
from palate.research.trees import Tree

ONSETS = [
    "b",
    "br",
    "d",
    "f",
    "g",
    "gr",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "st",
    "t",
    "v",
]
VOWELS = ["a", "e", "i", "o", "u", "ai", "eo"]
CODAS = ["", "", "l", "m", "n", "r", "x"]
FIRST = datetime.date(2000, 1, 1)
DAYS = 20 * 365


class SyntheticConfig(Config):
    """Settings of a field that is made up."""

    seed: int = 0
    """Of every random choice."""
    papers: int = Field(1000, ge=10)
    """How many there are, surveys apart."""
    depth: int = Field(3, ge=2, le=5)
    """Levels of the taxonomy below its root."""
    fewest: int = Field(2, ge=1)
    """Fewest children of a node."""
    most: int = Field(4, ge=2)
    """Most children of a node."""
    words: int = Field(12, ge=3)
    """Words of each node's own."""
    length: int = Field(60, ge=10)
    """Words of an abstract."""
    citations: int = Field(10, ge=0)
    """Papers that each paper cites, where there are so many before it."""
    noise: float = Field(0.2, ge=0, le=1)
    """Share of words and of citations that have nothing to do with the topic."""
    influential: float = Field(0.2, ge=0, le=1)
    """Share of a survey's references that count as influential: those cited most before it."""


@dataclass(frozen=True)
class Synthetic:
    """The corpus, and a topic for each node of the taxonomy above the leaves.

    Attributes:
        tree: the whole taxonomy with its papers.
    """

    corpus: Corpus
    topics: list[Topic]
    tree: Tree


def generate(config: SyntheticConfig | None = None) -> Synthetic:
    """Make up a field."""
    return _Maker(config or SyntheticConfig()).make()


class _Maker:
    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config
        # Streams of their own: the same field and the same truth, whatever the noise.
        self.random, self.ties, self.words = np.random.default_rng(config.seed).spawn(3)
        self.true_references: dict[str, tuple[str, ...]] = {}
        self.used: set[str] = set()
        self.background = [self._word() for _ in range(300)]

    def make(self) -> Synthetic:
        tree, words = self._taxonomy()
        leaves = [path for path in words if not any(_below(other, path) for other in words)]
        papers, leaf_of = self._papers(leaves, words)
        placed: dict[tuple[int, ...], list[str]] = {}
        for paper in papers:
            placed.setdefault(leaf_of[paper.id], []).append(paper.id)
        whole = _with_papers(tree, placed, ())
        inner = [path for path in words if any(_below(leaf, path) for leaf in leaves)]
        topics, surveys = [], []
        for number, path in enumerate(inner):
            topic = self._topic(f"survey-{number}", path, words, whole, papers, leaf_of)
            topics.append(topic)
            surveys.append(Paper(topic.id, topic.title, date=topic.date,
                                 references=tuple(topic.grades)))  # fmt: skip
        return Synthetic(Corpus([*papers, *surveys], "synthetic"), topics, whole)

    def _taxonomy(self) -> tuple[Tree, dict[tuple[int, ...], list[str]]]:
        """Labels, and the words of each node by its place."""
        words: dict[tuple[int, ...], list[str]] = {}

        def grow(path: tuple[int, ...]) -> Tree:
            words[path] = [self._word() for _ in range(self.config.words)]
            label = " ".join(words[path][:2])
            if len(path) == self.config.depth:
                return Tree(label)
            count = self.random.integers(self.config.fewest, self.config.most + 1)
            return Tree(label, tuple(grow((*path, child)) for child in range(count)))

        return grow(()), words

    def _papers(
        self, leaves: list[tuple[int, ...]], words: dict[tuple[int, ...], list[str]]
    ) -> tuple[list[Paper], dict[str, tuple[int, ...]]]:
        """Papers by date, and where each belongs."""
        config, random = self.config, self.random
        days = np.sort(random.integers(0, DAYS, config.papers))
        where = random.integers(0, len(leaves), config.papers)
        cited = np.zeros(config.papers)
        papers: list[Paper] = []
        for number, (at, place) in enumerate(zip(days, where, strict=True)):
            path = leaves[place]
            near = np.array([_shared(leaves[other], path) for other in where[:number]])
            references = self._references(near, cited[:number])
            cited[references] += 1
            self.true_references[f"p{number}"] = tuple(f"p{other}" for other in references)
            seen = self._seen(references, number)
            papers.append(
                Paper(
                    f"p{number}",
                    " ".join(self._text(path, words, 8)),
                    " ".join(self._text(path, words, config.length)),
                    date=(FIRST + datetime.timedelta(days=int(at))).isoformat(),
                    authors=(f"author {place}-{number % 5}",),
                    references=tuple(f"p{other}" for other in seen),
                )
            )
        return papers, {f"p{number}": leaves[place] for number, place in enumerate(where)}

    def _references(self, near: np.ndarray, cited: np.ndarray) -> np.ndarray:
        """Earlier papers, likelier the nearer and the more cited they are."""
        count = min(self.config.citations, len(near))
        if not count:
            return np.empty(0, dtype=np.int64)
        close = 10.0**near * (1 + cited)
        return np.sort(self.ties.choice(len(near), count, replace=False, p=close / close.sum()))

    def _seen(self, references: np.ndarray, before: int) -> np.ndarray:
        """What a paper says that it cites: noise puts any earlier paper in the place of some."""
        lost = self.words.random(len(references)) < self.config.noise
        anything = self.words.integers(0, max(before, 1), len(references))
        return np.unique(np.where(lost, anything, references))

    def _text(
        self, path: tuple[int, ...], words: dict[tuple[int, ...], list[str]], length: int
    ) -> list[str]:
        """Words of the nodes on the way to a leaf, those further down more often."""
        levels = np.arange(1, len(path) + 2, dtype=float)
        drawn = self.words.choice(len(levels), length, p=levels / levels.sum())
        noise = self.words.random(length) < self.config.noise
        found = []
        for level, lost in zip(drawn, noise, strict=True):
            pool = self.background if lost else words[path[:level]]
            # Zipf: a node's first words, of which its label is made, are its most frequent ones.
            rank = int(self.words.integers(0, len(pool)) * self.words.random())
            found.append(pool[rank])
        return found

    def _topic(
        self,
        name: str,
        path: tuple[int, ...],
        words: dict[tuple[int, ...], list[str]],
        whole: Tree,
        papers: list[Paper],
        leaf_of: dict[str, tuple[int, ...]],
    ) -> Topic:
        day = DAYS // 2 + int(self.random.integers(0, DAYS // 2))
        date = (FIRST + datetime.timedelta(days=day)).isoformat()
        before = [paper for paper in papers if paper.date < date]
        below = [p.id for p in before if leaf_of[p.id][: len(path)] == path]
        counts = dict.fromkeys(below, 0)
        for paper in before:
            for other in self.true_references[paper.id]:
                if other in counts:
                    counts[other] += 1
        most = sorted(below, key=lambda paper: (-counts[paper], paper))
        strong = set(most[: round(self.config.influential * len(below))])
        grades = {paper: INFLUENTIAL if paper in strong else RELEVANT for paper in below}
        tree = whole
        for child in path:
            tree = tree.children[child]
        return Topic(name, f"A survey of {' '.join(words[path][:4])}", date, grades,
                     tree.only(set(below)))  # fmt: skip

    def _word(self) -> str:
        while True:
            parts = [
                str(self.random.choice(ONSETS)) + str(self.random.choice(VOWELS)) for _ in range(2)
            ]
            word = "".join(parts) + str(self.random.choice(CODAS))
            if len(word) > 4 and word not in self.used:
                self.used.add(word)
                return word


def _below(path: tuple[int, ...], above: tuple[int, ...]) -> bool:
    return len(path) > len(above) and path[: len(above)] == above


def _shared(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _with_papers(
    tree: Tree, placed: dict[tuple[int, ...], list[str]], path: tuple[int, ...]
) -> Tree:
    children = tuple(
        _with_papers(child, placed, (*path, place)) for place, child in enumerate(tree.children)
    )
    return Tree(tree.label, children, tuple(placed.get(path, ())))
