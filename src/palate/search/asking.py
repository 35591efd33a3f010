"""Many conversations with one language model at once.

A method is written for one query, as a generator that yields the questions it has and is sent the
replies. Here such procedures run in step: what all of them ask next goes to the model in one
batch, so that a sort of ten lists reads as fast as ten comparisons and not as ten sorts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from palate.language.questions import ChatModel, Question, Reply
from palate.search.results import Texts

T = TypeVar("T")
Steps = Generator[list[Question], list[Reply], T]
"""Yields questions, is sent their replies, returns what it found."""

FENCE = '"""'
_SPACE = re.compile(r"\s+")
_NUMBERED = re.compile(r"\[(\w{1,3})\]")


@dataclass
class Spent(Generic[T]):
    """What one procedure found, and at what cost.

    Attributes:
        found: what it returned.
        seconds: its share of the time, by its share of the tokens.
        cost: ``calls`` to the model, replies ``kept`` from before, and ``tokens`` in and out.
    """

    found: T
    seconds: float
    cost: dict[str, float]


@dataclass
class _Bill:
    seconds: float = 0.0
    cost: dict[str, float] = field(
        default_factory=lambda: {"calls": 0.0, "kept": 0.0, "tokens": 0.0}
    )

    def add(self, replies: Sequence[Reply], seconds: float) -> None:
        self.seconds += seconds
        for reply in replies:
            self.cost["kept" if reply.kept else "calls"] += 1
            if not reply.kept:
                self.cost["tokens"] += reply.tokens_in + reply.tokens_out


def run(model: ChatModel, procedures: Sequence[Steps[T]]) -> list[Spent[T]]:
    """What each procedure finds, all of them asking in step."""
    bills = [_Bill() for _ in procedures]
    found: dict[int, T] = {}
    asking: dict[int, list[Question]] = {}
    for place, procedure in enumerate(procedures):
        _advance(place, procedure, None, asking, found)
    while asking:
        places = list(asking)
        started = time.perf_counter()
        replies = model.ask([question for place in places for question in asking[place]])
        seconds = time.perf_counter() - started
        tokens = [1 + (0 if r.kept else r.tokens_in + r.tokens_out) for r in replies]
        total, at, waiting = sum(tokens), 0, asking
        asking = {}
        for place in places:
            stop = at + len(waiting[place])
            bills[place].add(replies[at:stop], seconds * sum(tokens[at:stop]) / max(1, total))
            _advance(place, procedures[place], replies[at:stop], asking, found)
            at = stop
    return [Spent(found[i], bill.seconds, bill.cost) for i, bill in enumerate(bills)]


def _advance(
    place: int,
    procedure: Steps[T],
    replies: list[Reply] | None,
    asking: dict[int, list[Question]],
    found: dict[int, T],
) -> None:
    try:
        asking[place] = procedure.send(replies)  # type: ignore[arg-type]
    except StopIteration as end:
        found[place] = end.value


def together(procedures: Sequence[Steps[T]]) -> Steps[list[T]]:
    """Several procedures as one that asks for all of them in step."""
    found: dict[int, T] = {}
    asking: dict[int, list[Question]] = {}
    for place, procedure in enumerate(procedures):
        _advance(place, procedure, None, asking, found)
    while asking:
        waiting = asking
        replies = yield [question for several in waiting.values() for question in several]
        asking, at = {}, 0
        for place, several in waiting.items():
            stop = at + len(several)
            _advance(place, procedures[place], replies[at:stop], asking, found)
            at = stop
    return [found[place] for place in range(len(procedures))]


def ask(questions: Sequence[Question]) -> Steps[list[Reply]]:
    """One round of questions."""
    replies = yield list(questions)
    return replies


def fenced(text: str) -> str:
    """Text of a document, between marks that it cannot write itself.

    Numbers in square brackets, which lists are answered in, become round ones.
    """
    plain = _SPACE.sub(" ", text.replace(FENCE, "'''")).strip()
    rounded = _NUMBERED.sub(r"(\1)", plain)
    return f"{FENCE}\n{rounded}\n{FENCE}"


def clipped(text: str, words: int) -> str:
    """The first so many words."""
    return " ".join(text.split()[:words])


def passage(texts: Texts, document: str, words: int) -> str:
    """Title and beginning of a document, as models are shown it."""
    title, text = texts.title(document).strip(), texts.text(document)
    if title and not text.startswith(title):
        text = f"{title}. {text}" if title[-1:] not in ".?!" else f"{title} {text}"
    return clipped(text, words)


def user(*lines: str) -> tuple[tuple[str, str], ...]:
    """A conversation of one turn."""
    return (("user", "\n".join(lines)),)


def as_dict(value: Any) -> dict[str, Any]:
    """*value* where it is a mapping, else nothing: what models write as JSON may be anything."""
    return value if isinstance(value, dict) else {}
