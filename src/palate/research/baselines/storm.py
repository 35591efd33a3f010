"""Perspectives that ask questions, and the papers that answer them, after STORM.

STORM (Shao et al., arXiv:2402.14207): personas are derived from related topics, each asks a writer
questions over several turns, each answer rests on what its queries found. ResearchArena takes all
that was found, in order of appearance, as the ranked list.
"""

from __future__ import annotations

from pydantic import Field

from palate.config import Config
from palate.research.baselines.queries import bullets, first_query, one_line, searched
from palate.research.desk import Brief, Desk, Ranked
from palate.search.asking import clipped, fenced

GENERAL = "somebody who wants an overview of the whole topic"
PERSONAS = "Topic: {title}\nPapers:\n{papers}\nExperts who would help to survey it:"
PERSONAS_SHOWN = [
    ("Topic: Perception for Self-Driving Cars\nPapers:\n- Multi-View 3D Object Detection Network\n"
     "- Radar in Bad Weather\nExperts who would help to survey it:",
     "- Sensor engineer: how lidar, radar and cameras compare\n"
     "- Computer vision researcher: how objects are detected\n"
     "- Safety expert: when perception fails"),
]  # fmt: skip
QUESTION = "Topic: {title}\nYou are: {persona}\nSaid so far:\n{said}\nYour next short question:"
QUESTION_SHOWN = [
    ("Topic: Perception for Self-Driving Cars\nYou are: Safety expert\nSaid so far:\nnothing\n"
     "Your next short question:", "Which weather makes object detection fail?"),
    ("Topic: Learning to Read in a Second Language\nYou are: School teacher\nSaid so far:\n"
     "nothing\nYour next short question:", "How much vocabulary do children need to read?"),
]  # fmt: skip
QUERIES = "Question about {title}: {question}\nSearch queries:"
QUERIES_SHOWN = [
    ("Question about Perception for Self-Driving Cars: Which weather makes object detection fail?"
     "\nSearch queries:", "- object detection in fog and rain\n- radar robustness bad weather"),
]  # fmt: skip
ANSWER = "Question: {question}\nPapers:\n{papers}\nAnswer in one sentence:"
ANSWER_SHOWN = [
    ("Question: Which weather makes object detection fail?\nPapers:\n- Seeing Through Fog Without "
     "Seeing Fog\n- Radar in Bad Weather\nAnswer in one sentence:",
     "Fog and rain degrade lidar and cameras, while radar is robust."),
]  # fmt: skip


class STORMConfig(Config):
    """Settings of perspectives and questions; the defaults are those of STORM's library."""

    way: str = "bm25"
    """How queries are searched for."""
    personas: int = Field(3, ge=0)
    """Perspectives, beside a general one."""
    turns: int = Field(3, ge=1)
    """Questions that each asks."""
    queries: int = Field(3, ge=1)
    """Queries for each question, the question itself among them."""
    hits: int = Field(3, ge=1)
    """Papers that are taken for each query."""


class STORM:
    """All that was found while several perspectives asked, in order of appearance."""

    Config = STORMConfig

    def __init__(self, config: STORMConfig | None = None, name: str = "storm") -> None:
        self.config, self.name = config or STORMConfig(), name

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """Papers in the order in which they came up."""
        seen: dict[str, str] = {}
        for persona in [GENERAL, *self._personas(desk, brief)]:
            said: list[str] = []
            for turn in range(self.config.turns):
                question = self._question(desk, brief, persona, said, turn)
                found = self._papers(desk, brief, question)
                for paper, query in found:
                    seen.setdefault(paper, query)
                said.append(f"Q: {question}")
                if turn + 1 < self.config.turns:
                    said.append(f"A: {self._answer(desk, question, [p for p, _ in found])}")
        return [
            Ranked(paper, 1 / rank, (f"came up for “{query}”",))
            for rank, (paper, query) in enumerate(seen.items(), start=1)
        ][:k]

    def _personas(self, desk: Desk, brief: Brief) -> list[str]:
        count = self.config.personas
        if not count:
            return []
        (near,) = searched(desk, [brief.title], self.config.way, 5)

        def write() -> tuple[list[str], str]:
            listed = "\n".join(f"- {desk.allowed.title(paper)}" for paper, _ in near)
            prompt = PERSONAS.format(title=one_line(brief.title), papers=fenced(listed))
            text = desk.write(prompt, max_tokens=30 * count, examples=PERSONAS_SHOWN)
            personas = bullets(text)[:count]
            return personas, f"perspectives: {'; '.join(personas) or 'none was written'}"

        return desk.step(f"storm personas {count}: {brief.title}", write)

    def _question(self, desk: Desk, brief: Brief, persona: str, said: list[str], turn: int) -> str:
        def write() -> tuple[str, str]:
            prompt = QUESTION.format(
                persona=clipped(persona, 20),
                title=one_line(brief.title),
                said=fenced(clipped("\n".join(said[-4:]), 120) or "nothing"),
            )
            text = desk.write(prompt, max_tokens=24, examples=QUESTION_SHOWN)
            question = first_query(text) or brief.title
            return question, f"{clipped(persona, 6)} asks: {question}"

        return desk.step(f"storm question {turn} of {persona}: {brief.title} {said[-2:]}", write)

    def _papers(self, desk: Desk, brief: Brief, question: str) -> list[tuple[str, str]]:
        """Papers and the queries that found them."""
        config = self.config

        def write() -> tuple[list[str], str]:
            prompt = QUERIES.format(title=one_line(brief.title), question=question)
            text = desk.write(prompt, max_tokens=20 * config.queries, examples=QUERIES_SHOWN)
            queries = list(dict.fromkeys([question, *bullets(text)]))[: config.queries]
            return queries, f"searches for: {'; '.join(queries)}"

        queries = desk.step(f"storm queries {config.queries}: {brief.title} | {question}", write)
        lists = searched(desk, queries, config.way, config.hits)
        return [
            (paper, query)
            for query, found in zip(queries, lists, strict=True)
            for paper, _ in found
        ]

    def _answer(self, desk: Desk, question: str, papers: list[str]) -> str:
        def write() -> tuple[str, str]:
            listed = "\n".join(f"- {desk.allowed.title(paper)}" for paper in papers[:5])
            prompt = ANSWER.format(question=question, papers=fenced(listed))
            text = desk.write(prompt, max_tokens=40, examples=ANSWER_SHOWN)
            return clipped(text, 40), f"answer: {clipped(text, 40)}"

        return desk.step(f"storm answer: {question} | {' '.join(papers[:5])}", write)
