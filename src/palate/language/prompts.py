"""Prompts: text and vectors in one sequence, and the answer that should follow.

What a span may do is decided by its type. ``Text`` is only ever read as text, wherever it comes
from; ``Markup`` may hold control tokens and is written by the house or by a chat template, never
made from data; a ``Slot`` leaves room for vectors that do not come from the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from palate.errors import ConfigError
from palate.language.tokenizer import Tokenizer


@dataclass(frozen=True)
class Text:
    """Text of the template or of data. Spells no control token, whatever it says."""

    text: str


@dataclass(frozen=True)
class Markup:
    """Trusted text in which control tokens are control tokens."""

    text: str


@dataclass(frozen=True)
class Slot:
    """Room for vectors.

    Attributes:
        index: which vectors: an item index, a user's row, whatever the recommender means.
        width: number of vectors.
        label: what a person is shown in its place.
    """

    index: int
    width: int = 1
    label: str = "vector"


Span = Text | Markup | Slot


@dataclass(frozen=True)
class Prompt:
    """An ordered list of spans, and the answer.

    Text spans that touch are tokenised as one text, so a template may be cut anywhere. The
    answer is tokenised apart from them, as the model will meet it when it answers by itself.

    Attributes:
        spans: what is given.
        answer: what should follow, or None where it is asked for.
        end: markup that ends the answer; None is the tokenizer's end-of-sequence token, and ""
            no end at all.
    """

    spans: tuple[Span, ...]
    answer: str | None = None
    end: str | None = None

    @classmethod
    def of(cls, *spans: Span | str, answer: str | None = None) -> Prompt:
        """A prompt from spans; plain strings are :class:`Text`.

        Example:
            >>> Prompt.of("Seen: ", "Heat (1995)", Slot(7), ". Next: ", answer="Ronin (1998)")
        """
        return cls(_spans(spans), answer)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        spans: what is said.
    """

    role: str
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, role: str, *spans: Span | str) -> Message:
        """A turn from spans; plain strings are :class:`Text`."""
        return cls(role, _spans(spans))


def chat(tokenizer: Tokenizer, messages: Sequence[Message], answer: str | None = None) -> Prompt:
    """A conversation as a prompt in the format that the model was trained on.

    The chat template never sees what is said: it is rendered around marks, which the spans then
    replace, so that nothing said can change the conversation's structure. A model without a chat
    template gets the turns as paragraphs. A model that knows no system role gets its text at the
    head of the first turn of the user.
    """
    if not tokenizer.has_chat_template:
        return Prompt(_paragraphs(messages), answer)
    turns = list(messages)
    try:
        rendered = _render(tokenizer, turns, ask=True)
    except Exception as error:  # whatever the template raises on a role that it does not know
        if not turns or turns[0].role != "system":
            raise
        turns = _without_system(turns)
        if not turns:
            raise ConfigError("a conversation needs a turn of the user") from error
        rendered = _render(tokenizer, turns, ask=True)
    return Prompt(_fill(rendered, turns), answer, _end(tokenizer, turns))


def _spans(spans: Sequence[Span | str]) -> tuple[Span, ...]:
    return tuple(Text(span) if isinstance(span, str) else span for span in spans)


def _paragraphs(messages: Sequence[Message]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for message in messages:
        spans += [*message.spans, Text("\n\n")]
    return tuple(spans)


def _without_system(turns: list[Message]) -> list[Message]:
    system, *rest = turns
    if not rest:
        return []
    return [Message(rest[0].role, (*system.spans, Text("\n\n"), *rest[0].spans)), *rest[1:]]


def _mark(number: int) -> str:
    return f"\ue000{number}\ue001"  # of the private use area: in no template


def _render(tokenizer: Tokenizer, turns: Sequence[Message], ask: bool) -> str:
    told = [{"role": turn.role, "content": _mark(i)} for i, turn in enumerate(turns)]
    return tokenizer.raw.apply_chat_template(told, tokenize=False, add_generation_prompt=ask)


def _fill(rendered: str, turns: Sequence[Message]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for number, piece in enumerate(re.split("\ue000(\\d+)\ue001", rendered)):
        if number % 2:
            spans += turns[int(piece)].spans
        elif piece:
            spans.append(Markup(piece))
    return tuple(spans)


def _end(tokenizer: Tokenizer, turns: Sequence[Message]) -> str | None:
    """The markup that closes an answer: the first control token after it."""
    rendered = _render(tokenizer, [*turns, Message("assistant", ())], ask=False)
    after = rendered.partition(_mark(len(turns)))[2]
    for piece in tokenizer.split_markup(after):
        if isinstance(piece, int):
            return tokenizer.raw.convert_ids_to_tokens(piece)
    return None
