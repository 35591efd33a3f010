"""Search, judge what came, and search again with what was kept, after Self-RAG.

Self-RAG (Asai et al., arXiv:2310.11511) trains a model to write reflection tokens. ResearchArena
uses them to refine the query; a model that has not learned them is asked the same questions in
words: is anything to be retrieved (Retrieve), is a paper on the topic (IsRel), does it support the
survey (IsSup), and how useful is it (IsUse).
"""

from __future__ import annotations

from pydantic import Field

from palate.config import Config
from palate.research.baselines.queries import first_query, one_line, searched
from palate.research.desk import Brief, Desk, Ranked, ranked_by
from palate.search.asking import fenced

RETRIEVE = "Is it necessary to search for papers to write a survey on {title}?\nAnswer Yes or No."
RELEVANT = "Paper:\n{paper}\n\nIs this paper relevant to a survey on {title}?\nAnswer Yes or No."
SUPPORTS = "Paper:\n{paper}\n\nWould a survey on {title} cite this paper?\nAnswer Yes or No."
REFINE = "Survey: {title}\nIt cites:\n{papers}\nSearch query for more papers like these:"
REFINE_SHOWN = [
    ("Survey: Perception for Self-Driving Cars\nIt cites:\n- VoxelNet: End-to-End Learning for "
     "Point Clouds\n- Multi-View 3D Object Detection Network\nSearch query for more papers like "
     "these:", "3D object detection from lidar point clouds"),
]  # fmt: skip


class SelfRAGConfig(Config):
    """Settings of searching again."""

    way: str = "bm25"
    """How queries are searched for."""
    judged: int = Field(10, ge=1)
    """Papers of the first list that are judged."""
    kept: int = Field(5, ge=1)
    """Best judged papers that the second query is written from."""


class SelfRAG:
    """One refined query, written from those papers that the model finds relevant."""

    Config = SelfRAGConfig

    def __init__(self, config: SelfRAGConfig | None = None, name: str = "self-rag") -> None:
        self.config, self.name = config or SelfRAGConfig(), name

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """What is found for the refined query."""
        config, title = self.config, fenced(brief.title)

        def retrieve() -> tuple[float, str]:
            (yes,) = desk.yes(RETRIEVE.format(title=title))
            return yes, f"is anything to be retrieved? log-probability of yes {yes:.2f}"

        # The task is retrieval: what is answered is recorded, and does not keep it from searching.
        desk.step(f"self-rag retrieve: {brief.title}", retrieve)
        (first,) = searched(desk, [brief.title], config.way, k)
        papers = [paper for paper, _ in first[: config.judged]]

        def judge() -> tuple[list[str], str]:
            shown = [fenced(desk.allowed.title(paper)) for paper in papers]
            relevant = desk.yes(*(RELEVANT.format(paper=one, title=title) for one in shown))
            supports = desk.yes(*(SUPPORTS.format(paper=one, title=title) for one in shown))
            worth = [a + b for a, b in zip(relevant, supports, strict=True)]
            order = sorted(range(len(papers)), key=lambda place: (-worth[place], place))
            kept = [papers[place] for place in order[: config.kept]]
            return kept, f"kept {len(kept)} of {len(papers)} papers as evidence"

        kept = desk.step(f"self-rag judge: {' '.join(papers)}", judge)

        def refine() -> tuple[str, str]:
            listed = "\n".join(f"- {desk.allowed.title(paper)}" for paper in kept)
            prompt = REFINE.format(title=one_line(brief.title), papers=fenced(listed))
            text = desk.write(prompt, max_tokens=24, examples=REFINE_SHOWN)
            query = first_query(text) or brief.title
            return query, f"the model searches for: {query}"

        query = desk.step(f"self-rag refine: {brief.title} | {' '.join(kept)}", refine)
        (found,) = searched(desk, [query], config.way, k)
        return ranked_by(found, f"found for “{query}”")
