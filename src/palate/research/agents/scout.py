"""An agent that finds papers: many ways of searching fused by rank, then what they lead to.

Every gain has a switch, so that each can be taken away and what is left measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.research import graph
from palate.research.baselines.queries import decompose
from palate.research.budget import SpentError
from palate.research.corpus import WORD, Corpus
from palate.research.desk import Brief, Desk, Found, Ranked, fuse
from palate.research.papers import normalised
from palate.search.asking import fenced, passage

if TYPE_CHECKING:
    from palate.search.ranking.cross_encoder import CrossEncoder

Listed = tuple[str, float, Found]
WAYS = {
    "bm25": "its title and abstract share words with the topic",
    "bm25-title": "its title shares words with the topic",
    "bm25-abstract": "its abstract shares words with the topic",
    "bm25-rm3": "it shares words with the first papers found",
    "dense": "its text is close to the topic",
    "dense-rocchio": "its text is close to the first papers found",
}
FIELDS = {"bm25-title", "bm25-abstract"}
MODEL = "model"
FEEDBACK = {"bm25-rm3", "dense-rocchio"}
DENSE = {"dense", "dense-rocchio"}
NEAR = 4  # the share of a list's depth that one paper's neighbours fill
CITE = "Paper:\n{paper}\n\nWould a survey on {title} cite this paper?\nAnswer Yes or No."


class ScoutConfig(Config):
    """Settings of the agent; whatever is not at hand (vectors, citations, a language model) is
    passed over."""

    fields: bool = True
    """Search title and abstract each by itself, too."""
    dense: bool = True
    """Search by vectors, too."""
    feedback: bool = True
    """Search again with what the first papers say."""
    decompose: int = Field(0, ge=0)
    """Queries that a language model writes for parts of the topic; 0 is none."""
    rounds: int = Field(1, ge=0)
    """Most queries that are refined from what was found; 0 is none."""
    least_new: float = Field(1.0, ge=0)
    """Stop refining when a query brings fewer new papers than that into the list."""
    citations: bool = True
    """Follow citations from the best papers, inside of what may be used."""
    authors: bool = True
    """Look at other papers by the authors of the best papers."""
    keywords: bool = True
    """Look at other papers with keywords of the best papers."""
    near: bool = True
    """Look at papers whose texts are close to those of the best papers, by vectors."""
    pagerank: bool = False
    """Importance by walks along citations from the best papers. In made-up fields of 300 papers it
    made lists better, in those of 1,000 and 3,000 worse, the more weight it had."""
    influence: bool = True
    """Importance by how often a paper was cited before the survey."""
    seeds: int = Field(10, ge=1)
    """Best papers that whatever is found through them starts from."""
    expansion_weight: float = Field(1.0, ge=0)
    """Weight of a list by authors, keywords or closeness, or of a refined query, beside 1 for a
    first search."""
    citation_weight: float = Field(0.25, ge=0)
    """Weight of the list that follows citations."""
    pagerank_weight: float = Field(0.5, ge=0)
    """Weight of walks in the order of the papers that were found, beside 1 for relevance."""
    influence_weight: float = Field(1.0, ge=0)
    """Weight of how often they were cited, likewise."""
    screen: int = Field(0, ge=0)
    """Best papers that are read: would the survey cite them? 0 is none."""
    reader: str = MODEL
    """Who reads them: the language model, or the folder of a cross-encoder, as
    :meth:`.CrossEncoder.save` writes it."""
    screen_weight: float = Field(1.0, ge=0)
    """Weight of what the reader says, beside 1 for the list as it was."""


class Scout:
    """Fusion over fields, vectors and queries, and of what the best papers lead to; screening."""

    Config = ScoutConfig

    def __init__(self, config: ScoutConfig | None = None, name: str = "scout") -> None:
        self.config, self.name = config or ScoutConfig(), name

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """At most *k* papers; what was found until the budget was spent."""
        config = self.config
        depth = 2 * k
        lists: list[Listed] = []
        ranked: list[Ranked] = []
        try:
            for one in self._first(desk, brief, depth):
                lists.append(one)
            if config.decompose and desk.model is not None:
                lists += self._parts(desk, brief, depth)
            lists = self._refined(desk, brief, lists, depth, k)
            lists += self._expanded(desk, brief, fuse(lists, depth), depth)
            found = ranked = fuse(lists, depth)
            ranked = self._important(desk, found[:k]) + found[k:]
            if config.screen and (desk.model is not None or config.reader != MODEL):
                ranked = self._screened(desk, brief, ranked)
        except SpentError:
            ranked = ranked or fuse(lists, depth)
        return ranked[:k]

    def _first(self, desk: Desk, brief: Brief, depth: int) -> Iterator[Listed]:
        """The topic itself, searched in every way that is switched on and at hand."""
        config = self.config
        ways = [
            way
            for way in WAYS
            if way in desk.finder.ways
            and (config.fields or way not in FIELDS)
            and (config.dense or way not in DENSE)
            and (config.feedback or way not in FEEDBACK)
        ]
        for way in ways:

            def work(way: str = way) -> tuple[Found, str]:
                (found,) = desk.search([brief.title], way, depth)
                return found, f"{len(found)} papers for “{brief.title}”, by {way}"

            name = f"search {way}: {brief.title} ({depth})"
            # A list there has to be, however small the budget.
            found = desk.step(name, work, free=way == ways[0])
            weight = 0.25 if way in FIELDS else 1.0  # parts of what the whole says already
            yield WAYS[way], weight, found

    def _parts(self, desk: Desk, brief: Brief, depth: int) -> list[Listed]:
        queries = decompose(desk, brief, self.config.decompose)
        return [
            (f"found for “{query}”", 1 / len(queries), self._search(desk, query, depth))
            for query in queries
        ]

    def _search(self, desk: Desk, query: str, depth: int) -> Found:
        def work() -> tuple[Found, str]:
            (found,) = desk.search([query], "bm25", depth)
            return found, f"{len(found)} papers for “{query}”, by bm25"

        return desk.step(f"search bm25: {query} ({depth})", work)

    def _refined(
        self, desk: Desk, brief: Brief, lists: list[Listed], depth: int, k: int
    ) -> list[Listed]:
        """Queries of words that set the best papers' titles apart, as long as they bring news."""
        used = set(WORD.findall(normalised(brief.title)))
        for _ in range(self.config.rounds):
            before = fuse(lists, k)
            best = [one.paper for one in before[: self.config.seeds]]
            words = telling_words(desk, best, used)
            if not words:
                break
            used |= set(words)
            query = f"{brief.title} {' '.join(words)}"
            found = self._search(desk, query, depth)
            lists = [*lists, (f"found for “{query}”", self.config.expansion_weight, found)]
            known = {one.paper for one in before}
            new = sum(one.paper not in known for one in fuse(lists, k))
            if new < self.config.least_new:
                break
        return lists

    def _expanded(
        self, desk: Desk, brief: Brief, ranked: Sequence[Ranked], depth: int
    ) -> list[Listed]:
        """What the best papers lead to."""
        config, corpus = self.config, desk.allowed
        seeds = [one.paper for one in ranked[: config.seeds]]
        lists: list[Listed] = []
        if config.citations and _tied(corpus, seeds):
            lists += _step(desk, "citations", "citations tie it to the best papers",
                           config.citation_weight, seeds,
                           lambda: graph.neighbours(corpus, seeds, depth))  # fmt: skip
        if config.authors and any(corpus[seed].authors for seed in seeds):
            lists += _step(desk, "authors", "by an author of the best papers",
                           config.expansion_weight, seeds,
                           lambda: graph.by_authors(corpus, seeds, depth))  # fmt: skip
        if config.keywords and any(corpus[seed].keywords for seed in seeds):
            lists += _step(desk, "keywords", "has a keyword of the best papers",
                           config.expansion_weight, seeds,
                           lambda: graph.by_keywords(corpus, seeds, depth))  # fmt: skip
        if config.near and config.dense and "dense" in desk.finder.ways:
            lists += _step(desk, "near", "its text is close to the best papers",
                           config.expansion_weight, seeds,
                           lambda: _near(desk, seeds, depth))  # fmt: skip
        return lists

    def _important(self, desk: Desk, ranked: list[Ranked]) -> list[Ranked]:
        """The papers that were found, those first that the field leans on.

        Importance says which of the relevant papers to read first. It does not say that a paper is
        relevant, so it brings in none and takes none away.
        """
        config, corpus = self.config, desk.allowed
        papers = [one.paper for one in ranked]
        if not _tied(corpus, papers):
            return ranked
        lists: list[Listed] = []
        if config.pagerank:
            start = {one.paper: one.score for one in ranked[: 2 * config.seeds]}

            def walk() -> Found:
                found = graph.pagerank(corpus, start, len(corpus))
                return [(paper, score) for paper, score in found if paper in set(papers)]

            lists += _step(desk, "pagerank", "citations of the field lead to it",
                           config.pagerank_weight, papers, walk)  # fmt: skip
        if config.influence:

            def count() -> Found:
                counts = graph.citations(corpus, papers)
                most = sorted((p for p in papers if counts[p]), key=lambda p: (-counts[p], p))
                return [(paper, float(counts[paper])) for paper in most]

            lists += _step(desk, "influence", "cited often before the survey",
                           config.influence_weight, papers, count)  # fmt: skip
        if not lists:
            return ranked
        reasons = {one.paper: one.reasons for one in ranked}
        relevance: Listed = ("", 1.0, [(one.paper, one.score) for one in ranked])
        return [
            Ranked(
                one.paper,
                one.score,
                (*(why for why in one.reasons if why[0] != " "), *reasons[one.paper])[:3],
            )
            for one in fuse([relevance, *lists], len(ranked))
        ]

    def _screened(self, desk: Desk, brief: Brief, ranked: list[Ranked]) -> list[Ranked]:
        """The best papers in the order of both their places and the reader's answers."""
        head, tail = ranked[: self.config.screen], ranked[self.config.screen :]

        reader = "the model" if self.config.reader == MODEL else "the cross-encoder"

        def work() -> tuple[list[float], str]:
            texts = [passage(desk.allowed, one.paper, 80) for one in head]
            told = f"{reader} read {len(texts)} papers"
            if self.config.reader != MODEL:
                return self._cross_encoder.score(brief.title, texts).tolist(), told
            title = fenced(brief.title)
            return desk.yes(*(CITE.format(paper=fenced(t), title=title) for t in texts)), told

        said = desk.step(f"screen: {' '.join(one.paper for one in head)}", work)
        order = sorted(range(len(head)), key=lambda place: (-said[place], place))
        placed = {one.paper: one for one in head}
        joined = fuse(
            [
                ("", 1.0, [(one.paper, one.score) for one in head]),
                ("", self.config.screen_weight, [(head[p].paper, said[p]) for p in order]),
            ],
            len(head),
        )
        rank = {head[place].paper: number for number, place in enumerate(order, start=1)}
        return [
            Ranked(
                one.paper,
                one.score + 1,  # above the tail, whose scores are sums of shares below 1
                (*placed[one.paper].reasons, f"{reader} puts it at {rank[one.paper]}"),
            )
            for one in joined
        ] + tail

    @cached_property
    def _cross_encoder(self) -> CrossEncoder:
        from palate.search.ranking.cross_encoder import CrossEncoder

        return CrossEncoder.load(Path(self.config.reader))


def _step(
    desk: Desk,
    name: str,
    reason: str,
    weight: float,
    start: Sequence[str],
    find: Callable[[], Found],
) -> list[Listed]:
    """A list that is found from some papers; none if it is empty."""

    def work() -> tuple[Found, str]:
        found = find()
        return found, f"{len(found)} papers: {reason}"

    found = desk.step(f"{name}: {' '.join(start)}", work)
    return [(reason, weight, found)] if found else []


def _near(desk: Desk, seeds: Sequence[str], depth: int) -> Found:
    """Papers close to the seeds by vectors; those that are close to several come first."""
    texts = [f"{desk.allowed[seed].title}. {desk.allowed[seed].abstract}" for seed in seeds]
    found = desk.search(texts, "dense", 1 + depth // NEAR)
    others: list[Listed] = [
        ("", 1.0, [one for one in near if one[0] != seed])
        for seed, near in zip(seeds, found, strict=True)
    ]
    return [(one.paper, one.score) for one in fuse(others, depth)]


def _tied(corpus: Corpus, papers: Sequence[str]) -> bool:
    """Some of the papers cite others of the corpus, or are cited there."""
    return any(corpus.cites(paper) or corpus.cited_by(paper) for paper in papers)


def telling_words(desk: Desk, papers: Sequence[str], used: set[str], count: int = 3) -> list[str]:
    """Words of several of the papers' titles that few of other titles have."""
    allowed = desk.allowed
    here = Counter(word for paper in papers for word in allowed.fact(paper).words)
    wanted = {word for word, times in here.items() if times > 1 and word not in used}
    if not wanted:
        return []
    everywhere: Counter[str] = Counter()
    for paper in allowed.ids:
        everywhere.update(wanted & allowed.fact(paper).words)
    worth = {
        word: here[word] * float(np.log(len(allowed) / everywhere[word])) for word in sorted(wanted)
    }
    return sorted(worth, key=lambda word: (-worth[word], word))[:count]
