"""A language model in a user's place: it sees a list, clicks, and says how it was.

What it is never shown is which documents are relevant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel, Reply, Write
from palate.search.asking import Steps, as_dict, ask, clipped, fenced, run, user
from palate.search.ranking.pointwise import yes_no_question, yes_share
from palate.search.results import Query, Texts

SATISFIED = 3  # of 1 … 5, where nothing was said
_OBJECT = re.compile(r"\{[^{}]*\}", re.DOTALL)
_CLICKED = re.compile(r"\"?clicks?\"?[^0-9\]\n]*([0-9][0-9, ]*)", re.IGNORECASE)
TRAITS = (
    "in a hurry, and only reads titles",
    "patient, and reads every line",
    "new to the topic",
    "an expert who wants details",
    "sceptical of anything that does not name its facts",
)


class UserConfig(Config):
    """Settings of simulated users."""

    read: Literal["json", "likelihood"] = "json"
    """What the model writes, as JSON; or, for small models, how likely it calls each snippet an
    answer, with looks that fade from rank to rank."""
    shown: int = Field(10, ge=1)
    """Results of the list."""
    words: int = Field(25, ge=3)
    """Words of each snippet."""
    temperature: float = Field(0.7, ge=0)
    """Of the model's words."""
    looks: float = Field(1.0, ge=0)
    """By likelihood: rank k is looked at with probability ``k ** -looks``."""
    memory: int = Field(3, ge=0)
    """Things done before, in the same session, that the model is reminded of."""


@dataclass(frozen=True)
class Action:
    """What a user did with a list.

    Attributes:
        clicks: one per result shown.
        stop: they have what they want, or give up.
        next_query: what they would ask next, if anything.
        satisfaction: 1 … 5.
        repaired: what the model wrote had to be guessed at.
    """

    clicks: tuple[bool, ...]
    stop: bool = True
    next_query: str = ""
    satisfaction: int = SATISFIED
    repaired: bool = False


@dataclass
class Simulated:
    """What a simulated user did, at what cost.

    Attributes:
        seed: of the model's words and of the looks; the same seed does the same.
    """

    query: Query
    documents: tuple[str, ...]
    action: Action
    seed: int
    cost: dict[str, float] = field(default_factory=dict)


class SimulatedUser:
    """A person with a trait, who searches."""

    def __init__(self, model: ChatModel, texts: Texts, config: UserConfig | None = None) -> None:
        self.model, self.config, self._texts = model, config or UserConfig(), texts

    @property
    def name(self) -> str:
        """Who stands in for the user."""
        return f"user:{self.model.name}"

    def visit(
        self,
        lists: Sequence[tuple[Query, Sequence[str]]],
        *,
        seed: int = 0,
        memory: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Simulated]:
        """What a user does with each list of documents' ids.

        Args:
            seed: draws the persona, the words and the looks, one apart for each list.
            memory: by query, what the user did before.
        """
        shown = [(query, tuple(documents[: self.config.shown])) for query, documents in lists]
        procedures = [
            self._act(query, documents, seed + place, (memory or {}).get(query.id, ()))
            for place, (query, documents) in enumerate(shown)
        ]
        return [
            Simulated(query, documents, one.found, seed + place, one.cost)
            for place, ((query, documents), one) in enumerate(
                zip(shown, run(self.model, procedures), strict=True)
            )
        ]

    def _act(
        self, query: Query, documents: Sequence[str], seed: int, before: Sequence[str]
    ) -> Steps[Action]:
        snippets = [self._snippet(document) for document in documents]
        random = np.random.default_rng(seed)
        trait = TRAITS[int(random.integers(len(TRAITS)))]
        if self.config.read == "likelihood":
            replies = yield from ask([yes_no_question(query.text, text) for text in snippets])
            return self._looked(replies, random)
        turns = user(
            f"You are a person who is {trait}. You searched for: {query.text}",
            *(f"Before: {done}" for done in before[-self.config.memory :] if self.config.memory),
            "Results:",
            *(f"{rank}. {text}" for rank, text in enumerate(map(fenced, snippets), 1)),
            "What do you do? Answer with JSON only, such as "
            '{"click": [2], "stop": true, "satisfaction": 4, "next_query": ""}',
        )
        asked = Write(turns, 60, self.config.temperature, seed=seed)
        (reply,) = yield from ask([asked])
        return parse_action(reply.text, len(documents))

    def _looked(self, replies: Sequence[Reply], random: np.random.Generator) -> Action:
        likes = np.exp([yes_share(reply.log_probs) for reply in replies])
        looks = np.arange(1, len(likes) + 1) ** -self.config.looks
        clicks = random.random(len(likes)) < likes * looks
        best = float(likes[clicks].max()) if clicks.any() else 0.0
        return Action(tuple(map(bool, clicks)), True, "", 1 + round(4 * best))

    def _snippet(self, document: str) -> str:
        title = self._texts.title(document)
        text = clipped(self._texts.text(document), self.config.words)
        return f"{title}: {text}" if title else text


def parse_action(text: str, n: int) -> Action:
    """The action that a model wrote, whatever it wrote.

    JSON with whole numbers from 1 to *n* as clicks is taken as it is. Numbers after the word
    click, out of broken JSON, are taken and the action is marked as repaired; so is one without
    any, in which nothing was clicked.
    """
    for match in _OBJECT.finditer(text):
        try:
            told = as_dict(json.loads(match[0]))
        except json.JSONDecodeError:
            continue
        ranks = _ranks(told.get("click"), n)
        if ranks is not None:
            return Action(
                _marks(ranks, n),
                bool(told.get("stop", True)),
                str(told.get("next_query") or "")[:200],
                _satisfaction(told.get("satisfaction")),
            )
    found = _CLICKED.search(text)
    ranks = [int(one) for one in re.findall(r"[0-9]{1,4}", found[1])] if found else []
    return Action(_marks([rank for rank in ranks if 1 <= rank <= n], n), repaired=True)


def _ranks(told: Any, n: int) -> list[int] | None:
    """Ranks, or None where they are none."""
    several = told if isinstance(told, list) else [told]
    if told is None or not all(type(one) is int and 1 <= one <= n for one in several):
        return None
    return several


def _marks(ranks: Sequence[int], n: int) -> tuple[bool, ...]:
    return tuple(rank in ranks for rank in range(1, n + 1))


def _satisfaction(told: Any) -> int:
    return told if type(told) is int and 1 <= told <= 5 else SATISFIED


def utility(clicks: Sequence[bool]) -> float:
    """Worth of a list to whoever clicked so: the sum over clicks of 1 / log2(rank + 1)."""
    return float(sum(1 / np.log2(rank + 1) for rank, one in enumerate(clicks, 1) if one))
