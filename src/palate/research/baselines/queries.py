"""Queries that a language model writes: one (zero-shot), or several for parts of the topic.

ResearchArena's "Zero-shot" and "Decomposer" (Kang and Xiong, arXiv:2406.10291, section 5.1). The
paper fuses the decomposer's lists by rank; its released code puts all hits into one list by their
raw scores. Both are here.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from palate.config import Config
from palate.research.desk import Brief, Desk, Found, Ranked, fuse, ranked_by
from palate.search.asking import FENCE, clipped

BULLET = re.compile(r"^\s*(?:(?:[-*•]|\d+[.)]|(?:search )?query\s*\d*\s*:)\s*)+", re.IGNORECASE)
QUERIES = re.compile(r"<queries>(.*?)(?:</queries>|$)", re.IGNORECASE | re.DOTALL)
LONGEST = 16  # words of a query: a model that explains itself is cut

ONE = "Survey: {title}\nSearch query:"
ONE_SHOWN = [
    ("Survey: A Review of Lidar Based Perception for Self-Driving Cars\nSearch query:",
     "lidar object detection autonomous driving"),
    ("Survey: How Children Learn to Read in a Second Language\nSearch query:",
     "second language reading acquisition children"),
]  # fmt: skip
SEVERAL = "Topic: {title}\nIts parts, and search queries for them:"
SEVERAL_SHOWN = [
    (SEVERAL.format(title="Perception for Self-Driving Cars"),
     "<Decomposition>\n- What sensors are used?\n- How are objects detected?\n"
     "- How are sensors combined?\n</Decomposition>\n<Queries>\n- lidar and radar sensors\n"
     "- 3D object detection from images\n- multi-sensor fusion\n</Queries>"),
    (SEVERAL.format(title="Learning to Read in a Second Language"),
     "<Decomposition>\n- What predicts success?\n- How is vocabulary learned?\n"
     "- What do teachers do?\n</Decomposition>\n<Queries>\n- predictors of reading skill\n"
     "- vocabulary acquisition bilingual children\n- reading instruction methods\n</Queries>"),
]  # fmt: skip


class ZeroShotConfig(Config):
    """Settings of one written query."""

    way: str = "bm25"
    """How it is searched for."""


class ZeroShot:
    """One query that a language model writes in place of the title."""

    Config = ZeroShotConfig

    def __init__(self, config: ZeroShotConfig | None = None, name: str = "zero-shot") -> None:
        self.config, self.name = config or ZeroShotConfig(), name

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """What is found for the query; for the title, if nothing usable was written."""

        def write() -> tuple[str, str]:
            prompt = ONE.format(title=one_line(brief.title))
            text = desk.write(prompt, max_tokens=24, examples=ONE_SHOWN)
            query = first_query(text) or brief.title
            return query, f"the model searches for: {query}"

        query = desk.step(f"zero-shot query: {brief.title}", write)
        return ranked_by(searched(desk, [query], self.config.way, k)[0], f"found for “{query}”")


class DecomposerConfig(Config):
    """Settings of queries for parts of a topic."""

    way: str = "bm25"
    """How they are searched for."""
    queries: int = Field(5, ge=1)
    """How many are asked for."""
    fusion: Literal["rrf", "max"] = "rrf"
    """Join the lists by rank, as the paper says, or by the highest raw score, as its code does."""


class Decomposer:
    """Queries for the parts of a topic, and their lists in one."""

    Config = DecomposerConfig

    def __init__(self, config: DecomposerConfig | None = None, name: str = "decomposer") -> None:
        self.config, self.name = config or DecomposerConfig(), name

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """What is found for any of the queries; for the title, if none was written."""
        queries = decompose(desk, brief, self.config.queries)
        lists = searched(desk, queries, self.config.way, k)
        named = [
            (f"found for “{query}”", 1.0, found)
            for query, found in zip(queries, lists, strict=True)
        ]
        return fuse(named, k) if self.config.fusion == "rrf" else by_score(named, k)


def decompose(desk: Desk, brief: Brief, count: int) -> list[str]:
    """Queries for the parts of a topic that a language model writes, at most *count*."""

    def write() -> tuple[list[str], str]:
        prompt = SEVERAL.format(title=one_line(brief.title))
        text = desk.write(prompt, max_tokens=160, examples=SEVERAL_SHOWN)
        inside = QUERIES.search(text)
        queries = bullets(inside.group(1) if inside else text)[:count]
        told = "; ".join(queries) or "nothing usable was written; the title is searched for"
        return queries or [brief.title], f"the model searches for: {told}"

    return desk.step(f"decomposition into {count}: {brief.title}", write)


def searched(desk: Desk, queries: list[str], way: str, k: int) -> list[Found]:
    """One list for each query, as one step."""

    def work() -> tuple[list[Found], str]:
        lists = desk.search(queries, way, k)
        papers = {paper for found in lists for paper, _ in found}
        return lists, f"{len(papers)} papers for {len(queries)} queries, by {way}"

    return desk.step(f"search {way}: {' | '.join(queries)} ({k})", work)


def by_score(lists: list[tuple[str, float, Found]], k: int) -> list[Ranked]:
    """All hits in one list by raw score, each paper once, with its highest."""
    best: dict[str, Ranked] = {}
    for reason, _, found in lists:
        for paper, score in found:
            if paper not in best or score > best[paper].score:
                best[paper] = Ranked(paper, score, (reason,))
    return sorted(best.values(), key=lambda one: (-one.score, one.paper))[:k]


def bullets(text: str) -> list[str]:
    """The queries of a list that a model wrote, each once."""
    lines = [line for line in text.splitlines() if BULLET.match(line)]
    cleaned = (cleaned_query(BULLET.sub("", line)) for line in lines)
    return list(dict.fromkeys(query for query in cleaned if query))


def first_query(text: str) -> str:
    """The first line of what a model wrote that holds words."""
    lines = (cleaned_query(BULLET.sub("", line)) for line in text.splitlines())
    return next((line for line in lines if line), "")


def one_line(text: str) -> str:
    """A title as part of a line of a prompt: without line ends and marks of fences."""
    return clipped(text.replace(FENCE, "'"), 40)


def cleaned_query(text: str) -> str:
    """A query without quotes, tags and what is too long for one."""
    plain = re.sub(r"<[^>]*>|[\"“”`*]|\(e\.g\..*", " ", text).strip(" .:;-?")
    return " ".join(plain.split()[:LONGEST])
