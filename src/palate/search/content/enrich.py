"""What is added to documents before they are indexed: fields of their own, so that what a model
wrote can be weighed apart from what the author wrote, and taken out again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar, Generic, TypeVar

from palate.config import Config
from palate.language.questions import ChatModel, Turn
from palate.search.asking import Steps, fenced, run
from palate.search.documents import Document

T = TypeVar("T")
C = TypeVar("C", bound=Config)


def shown_how(task: str, examples: Sequence[tuple[str, str]], text: str) -> tuple[Turn, ...]:
    """A conversation in which the task is done for some texts, and then asked for this one."""
    turns: list[Turn] = []
    for given, told in examples:
        turns += [("user", f"Text:\n{fenced(given)}\n{task}"), ("assistant", told)]
    return (*turns, ("user", f"Text:\n{fenced(text)}\n{task}"))


@dataclass
class Spending:
    """What was spent on documents so far."""

    documents: int = 0
    seconds: float = 0.0
    cost: dict[str, float] = field(default_factory=dict)


class Enricher(ABC, Generic[C, T]):
    """Writes one field of documents.

    Attributes:
        field: its name.
        spent: on all documents so far.
    """

    field: ClassVar[str]

    def __init__(self, model: ChatModel, config: C) -> None:
        self.model, self.config, self.spent = model, config, Spending()

    @abstractmethod
    def steps(self, document: Document) -> Steps[T]:
        """The procedure that finds what to add to one document."""

    @abstractmethod
    def shown(self, found: T) -> str:
        """What was found, as the text of a field."""

    def find(self, documents: Sequence[Document]) -> list[T]:
        """What to add to each document."""
        found = []
        for one in run(self.model, [self.steps(document) for document in documents]):
            found.append(one.found)
            self.spent.documents += 1
            self.spent.seconds += one.seconds
            for key, value in one.cost.items():
                self.spent.cost[key] = self.spent.cost.get(key, 0.0) + value
        return found

    def enrich(self, documents: Iterable[Document], at_a_time: int = 32) -> Iterator[Document]:
        """The documents with the field; those it could not be written for as they were."""
        stream = iter(documents)
        while some := list(islice(stream, at_a_time)):
            for document, found in zip(some, self.find(some), strict=True):
                text = self.shown(found)
                if text:
                    document = replace(document, fields={**document.fields, self.field: text})
                yield document
