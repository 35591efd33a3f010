"""The survey's title as the only query: the baseline that ResearchArena finds hard to beat."""

from __future__ import annotations

from palate.config import Config
from palate.research.desk import Brief, Desk, Ranked, ranked_by


class TitleConfig(Config):
    """Settings of the title as a query."""

    way: str = "bm25"
    """How it is searched for."""


class Title:
    """One search for the title."""

    Config = TitleConfig

    def __init__(self, config: TitleConfig | None = None, name: str = "title") -> None:
        self.config, self.name = config or TitleConfig(), name

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """The list of that search."""

        def work() -> tuple[list[tuple[str, float]], str]:
            (found,) = desk.search([brief.title], self.config.way, k)
            return found, f"{len(found)} papers for the title, by {self.config.way}"

        found = desk.step(f"search {self.config.way}: {brief.title} ({k})", work, free=True)
        return ranked_by(found, f"{self.config.way} for the title")
