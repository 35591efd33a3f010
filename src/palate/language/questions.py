"""What is asked of a language model for text, and what it replies.

There are three questions: write something, choose among given options, and how likely a text is
after another. Each is a value that can be compared, hashed and written down, so that whatever
stands in front of a model (a cache, a counter, a record) needs to know one method, ``ask``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from palate.language.prompts import Message, Text

Turn = tuple[str, str]
"""Role (``system``, ``user``, ``assistant``) and what is said: text, never control tokens."""


@dataclass(frozen=True)
class Write:
    """Continue a conversation.

    Attributes:
        turns: the conversation, the last turn the user's.
        max_tokens: of the reply, at most.
        temperature: 0 takes the likeliest token each time.
        top_k: sample among so many tokens; 0 is all of them.
        seed: of the sampling; the same question with the same seed has the same reply.
    """

    turns: tuple[Turn, ...]
    max_tokens: int = 64
    temperature: float = 0.0
    top_k: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Choose:
    """How likely each of some options is as the reply.

    Attributes:
        options: no one of them begins another, unless *whole*.
        whole: the reply ends after the option; otherwise it may go on.
    """

    turns: tuple[Turn, ...]
    options: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True)
class Continue:
    """How likely *text* is after *before*, as plain text outside any conversation."""

    before: str
    text: str


Question = Write | Choose | Continue
KINDS: dict[str, type[Question]] = {kind.__name__: kind for kind in (Write, Choose, Continue)}


@dataclass(frozen=True)
class Reply:
    """What a model replies.

    Attributes:
        text: what it wrote; empty where it was not to write.
        log_probs: one natural logarithm per option, or the sum over the tokens of a continuation.
        tokens_in: tokens that it was given.
        tokens_out: tokens that it wrote, or that were scored.
        kept: the reply was known from before, and cost nothing now.
    """

    text: str = ""
    log_probs: tuple[float, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    kept: bool = False


class ChatModel(Protocol):
    """A language model that is asked for text."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def identity(self) -> str:
        """All that decides its replies besides the question: what a cache is keyed by."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply per question, in the order given.

        Raises:
            ChatError: there is no reply to be had.
        """
        ...


def as_json(question: Question) -> str:
    """The question in one line, the same for equal questions."""
    told = {"kind": type(question).__name__, **asdict(question)}
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def from_json(line: str) -> Question:
    """The question that :func:`as_json` wrote."""
    told: dict[str, Any] = json.loads(line)
    kind = KINDS[told.pop("kind")]
    for name in ("turns", "options"):
        if name in told:
            told[name] = tuple(tuple(x) if isinstance(x, list) else x for x in told[name])
    return kind(**told)


def key(question: Question, identity: str = "") -> str:
    """Hash of the question, and of who is asked."""
    return hashlib.sha256(f"{identity}\n{as_json(question)}".encode()).hexdigest()


def messages(turns: Sequence[Turn]) -> list[Message]:
    """The turns as a prompt takes them."""
    return [Message(role, (Text(text),)) for role, text in turns]


def texts(model: ChatModel, questions: Sequence[Write]) -> list[str]:
    """What the model writes to each."""
    return [reply.text for reply in model.ask(questions)]


def choices(
    model: ChatModel, turns: Sequence[Turn], options: Sequence[str], *, whole: bool = False
) -> tuple[float, ...]:
    """Log-probability of each option as the reply."""
    (reply,) = model.ask([Choose(tuple(turns), tuple(options), whole)])
    return reply.log_probs


def likelihood(model: ChatModel, before: str, text: str) -> float:
    """Mean log-probability of the tokens of *text* after *before*."""
    (reply,) = model.ask([Continue(before, text)])
    return mean_log_prob(reply)


def mean_log_prob(reply: Reply) -> float:
    """Log-probability per token of a continuation that was asked for."""
    return reply.log_probs[0] / max(1, reply.tokens_out)
