"""Words around a list: a language model writes them from facts, and what it writes is checked.

The model chooses nothing: the list, the titles and the reasons are there before it is asked, and
are shown whatever it writes. Titles are data; in a prompt they cannot spell control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from palate.conversation.parser import parse
from palate.conversation.reading import words
from palate.conversation.vocabulary import UNKNOWN, Vocabulary
from palate.conversation.wishes import Wishes
from palate.errors import ConfigError
from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings
from palate.language.generation import generate
from palate.language.prompts import Message, chat

TOKENS = 60  # of what is written, at most
LONGEST = 300  # characters of two sentences that people still read
SECONDS = 60.0  # that an address has to answer

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

    name: str

    def write(self, facts: str) -> str:
        """A sentence or two; raises WriterError where it cannot."""
        ...


class WriterError(Exception):
    """A writer could not be reached; the message says why in one line."""


class LocalWriter:
    """A language model on this machine, decoding greedily."""

    def __init__(self, backbone: Backbone) -> None:
        self.name = backbone.name
        self._backbone = backbone

    def write(self, facts: str) -> str:
        """What the model says after the facts."""
        told = [Message.of(role, text) for role, text in _turns(facts)]
        prompt = chat(self._backbone.tokenizer, told)
        greedy = BeamSettings(beams=1, max_tokens=TOKENS, early_stopping=True)
        ((best, *_),) = generate(self._backbone, [prompt], greedy)
        return self._backbone.tokenizer.decode(best.tokens)


class RemoteWriter:
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
        try:
            from openai import OpenAI, OpenAIError
        except ImportError as error:
            raise ConfigError(
                "words from an address need the package openai: pip install 'palate[chat]'"
            ) from error
        self.name = model
        self._address = address
        self._failures = OpenAIError
        self._client = OpenAI(
            base_url=address, api_key=key or "none", timeout=SECONDS, max_retries=1
        )

    def write(self, facts: str) -> str:
        """What the model there says after the facts."""
        messages: Any = [{"role": role, "content": text} for role, text in _turns(facts)]
        try:
            answer = self._client.chat.completions.create(
                model=self.name, messages=messages, temperature=0, max_tokens=TOKENS
            )
        except self._failures as error:
            why = " ".join(str(error).split())[:200]
            raise WriterError(f"{self._address} did not answer: {why}") from error
        return (answer.choices[0].message.content if answer.choices else None) or ""


def _turns(facts: str) -> list[tuple[str, str]]:
    """Role and text of each turn that the model is given."""
    examples = [turn for asked, told in SHOWN for turn in (("user", asked), ("assistant", told))]
    return [("system", TASK), *examples, ("user", facts)]


def worded(writer: Writer, facts: Facts, vocabulary: Vocabulary) -> str | None:
    """What the writer writes of the facts, or None where it cannot be let through.

    Raises:
        WriterError: it could not be reached.
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
