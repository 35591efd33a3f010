"""Words around a list: a language model writes them from facts, and what it writes is checked.

The model chooses nothing: the list, the titles and the reasons are there before it is asked, and
are shown whatever it writes. Titles are data; in a prompt they cannot spell control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from palate.conversation.parser import parse
from palate.conversation.reading import words
from palate.conversation.vocabulary import UNKNOWN, Vocabulary
from palate.conversation.wishes import Wishes
from palate.language.backbone import Backbone
from palate.language.chat import Retried
from palate.language.local_chat import LocalChat
from palate.language.questions import ChatModel, Turn, Write, texts
from palate.language.remote_chat import RemoteChat

TOKENS = 60  # of what is written, at most
LONGEST = 300  # characters of two sentences that people still read

TASK = (
    "You introduce a list of recommendations in one short, friendly sentence. "
    "Use the facts alone, and name no title that is not among them."
)
SHOWN = (
    ("Wish: like Moby Dick; no Poetry. List: Treasure Island; Kidnapped; Lord Jim.",
     "If you want something like Moby Dick, start with Treasure Island."),
    ("Wish: Jazz; before 1960. List: Kind of Blue; Time Out.",
     "For jazz from before 1960, Kind of Blue comes first, and Time Out is next."),
)  # fmt: skip
"""Examples of how it is done, of no catalogue of films."""

_SENTENCE = re.compile(r"[^.!?]*[.!?]+[\"”']?(?=\s|$)")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Facts:
    """What may be said.

    Attributes:
        understood: what is asked for, in words.
        wishes: the same.
        items: the items that are shown, best first.
    """

    understood: tuple[str, ...]
    wishes: Wishes
    items: tuple[int, ...]

    def lines(self, vocabulary: Vocabulary) -> str:
        """The facts as a model reads them."""
        wish = "; ".join(one.removesuffix(" wished") for one in self.understood)
        return f"Wish: {wish}. List: {'; '.join(vocabulary.spoken(self.items))}."


class Writer(Protocol):
    """Something that writes a text from facts."""

    @property
    def name(self) -> str:
        """Who it is said to be by."""
        ...

    def write(self, facts: str) -> str:
        """A sentence or two; raises ChatError where it cannot."""
        ...


class ModelWriter:
    """A language model, decoding greedily."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    def write(self, facts: str) -> str:
        """What the model says after the facts."""
        (text,) = texts(self._model, [Write(_turns(facts), TOKENS)])
        return text


class LocalWriter(ModelWriter):
    """A language model on this machine."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(LocalChat(backbone))


class RemoteWriter(ModelWriter):
    """A language model behind an OpenAI-compatible address."""

    def __init__(self, address: str, model: str, key: str | None = None) -> None:
        """
        Args:
            address: of the API, such as ``http://localhost:8000/v1``.
            model: the model's name there.
            key: what the address wants to see; local servers want none.

        Raises:
            ConfigError: the package that speaks to such addresses is not installed.
        """
        self.chat = RemoteChat(address, model, key)
        super().__init__(Retried(self.chat, tries=2))


def _turns(facts: str) -> tuple[Turn, ...]:
    """Role and text of each turn that the model is given."""
    examples = [turn for asked, told in SHOWN for turn in (("user", asked), ("assistant", told))]
    return (("system", TASK), *examples, ("user", facts))


def worded(writer: Writer, facts: Facts, vocabulary: Vocabulary) -> str | None:
    """What the writer writes of the facts, or None where it cannot be let through.

    Raises:
        ChatError: it could not be reached.
    """
    text = sentences(writer.write(facts.lines(vocabulary)))
    return text if says_only(text, facts, vocabulary) else None


def sentences(text: str) -> str:
    """The first two whole sentences of what was written, in one line."""
    line = " ".join(text.split()).strip('"“” ')
    return "".join(match[0] for match in list(_SENTENCE.finditer(line))[:2]).strip()


def says_only(text: str, facts: Facts, vocabulary: Vocabulary) -> bool:
    """The text is short, names an item that is shown, and nothing that is not a fact.

    Titles, other names, genres, years and numbers are held against the facts. That does not make
    every sentence true; it keeps out what a list can be contradicted by.
    """
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        return False
    mentions = vocabulary.titles(text, strict=True)
    allowed = {*facts.items, *facts.wishes.similar_to}
    if not all(allowed & vocabulary.same_title(one.items) for one in mentions):
        return False
    named = [item for one in mentions for item in one.items if item in facts.items]
    rest = text
    for one in reversed(mentions):
        rest = f"{rest[: one.start]}it{rest[one.stop :]}"
    return (
        bool(named)
        and _names_known(rest, facts, vocabulary)
        and _genres_and_years_hold(rest, named, facts, vocabulary)
        and not _repeats(text)
    )


def _names_known(text: str, facts: Facts, vocabulary: Vocabulary) -> bool:
    """No capitals within a sentence, and no number, that the facts do not have."""
    told = {one.folded for one in words(facts.lines(vocabulary))}
    for one in words(text):
        capital = text[one.start].isupper() and not one.sentence
        if capital and one.folded not in told and not one.folded.startswith("i"):
            return False
    numbers = {*_NUMBER.findall(" ".join(facts.understood)), str(len(facts.items))}
    years_told = {str(vocabulary.year_of(item)) for item in facts.items}
    return set(_NUMBER.findall(text)) <= numbers | years_told


def _genres_and_years_hold(
    text: str, named: Sequence[int], facts: Facts, vocabulary: Vocabulary
) -> bool:
    """Read as a request, the text asks for nothing but what was asked for, or what all the items
    that it names are."""
    said, wishes = parse(text, vocabulary), facts.wishes
    asked = {genre for group in (*wishes.wanted, *wishes.wished) for genre in group}
    return (
        all(
            asked & set(group) or all(set(group) & set(vocabulary.genres_of(i)) for i in named)
            for group in (*said.wanted, *said.wished)
        )
        and set(said.refused) <= set(wishes.refused)
        and set(said.years_refused) <= set(wishes.years_refused)
        and all(
            one in wishes.years
            or all(one[0] <= (vocabulary.year_of(i) or UNKNOWN) <= one[1] for i in named)
            for one in said.years
        )
    )


def _repeats(text: str) -> bool:
    """Three words in a row come twice."""
    said = [one.folded for one in words(text)]
    runs = list(zip(said, said[1:], said[2:], strict=False))
    return len(runs) != len(set(runs))
