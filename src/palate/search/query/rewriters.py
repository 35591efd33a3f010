"""Other words for a query, written by a language model; always beside the query itself.

Each is a :class:`~palate.search.results.Rewriter`. What it writes is searched for on its own and
fused with what the query finds (or its vector is averaged with the query's), so that a bad text
costs places but never the whole list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel, Turn, Write
from palate.search.asking import Steps, ask, fenced, passage, run, user
from palate.search.query.difficulty import Gate
from palate.search.query.written import lines, prose
from palate.search.results import Expansion, Query, Retriever, Texts, WeightedText

TEXT_TOKENS = 96  # of a passage that a model makes up
LONGER = 8  # words by which a rewriting may be longer than twice the query

REWRITING = "Rewrite this as a short, clear search query."
REWRITTEN = (
    ("i want to know what makes the sky look blue in daytime", "why is the sky blue"),
    ("car wont start clicking noise battery??", "car does not start clicking noise battery"),
)
WORDING = "Write 3 other ways to search for this. One per line."
WORDED = (
    (
        "how to grow tomatoes indoors",
        "growing tomatoes inside the house\nindoor tomato plant care\ntomatoes in pots at home",
    ),
)
SPLITTING = "Split this into simpler questions. One per line."
SPLIT = (
    ("Did the inventor of dynamite found the prize that Marie Curie won?",
     "Who invented dynamite?\nWhich prizes did Marie Curie win?\nWho founded those prizes?"),
)  # fmt: skip
"""How it is done, on queries of no collection: small models need to be shown."""


@dataclass(frozen=True)
class Written:
    """What was written for one query.

    Attributes:
        texts: to be searched for one by one.
        dense: texts whose vectors are averaged with the query's.
    """

    texts: tuple[str, ...] = ()
    dense: tuple[str, ...] = ()


class RewriterConfig(Config):
    """Settings that all rewriters have."""

    weight: float = Field(0.5, gt=0)
    """Weight of each text's list in fusion; that of the query itself is 1."""
    max_words: int = Field(80, ge=1)
    """Words of a written text, at most."""


C = TypeVar("C", bound=RewriterConfig)


class LanguageRewriter(ABC, Generic[C]):
    """Writes other words for hard queries.

    Attributes:
        config: its settings.
    """

    method: ClassVar[str]

    def __init__(
        self, model: ChatModel, config: C, gate: Gate | None = None, name: str | None = None
    ) -> None:
        """
        Args:
            gate: tells which queries are worth it; None is all.
            name: what traces call it; by default the way of rewriting and the model's name.
        """
        self.model, self.config, self._gate = model, config, gate
        self.name = name or f"{self.method}:{model.name}"

    @abstractmethod
    def write(self, query: str) -> Steps[Written]:
        """The procedure that writes for one query."""

    def prepared(self, queries: Sequence[Query]) -> list[Steps[Written]]:
        """One procedure per query."""
        return [self.write(query.text) for query in queries]

    def rewrite(self, queries: Sequence[Query]) -> list[Expansion]:
        """One expansion per query; easy queries are left as they are."""
        hard = self._gate.hard(queries) if self._gate else [True] * len(queries)
        chosen = [query for query, one in zip(queries, hard, strict=True) if one]
        spent = iter(run(self.model, self.prepared(chosen)))
        found = []
        for query, one in zip(queries, hard, strict=True):
            if not one:
                found.append(Expansion(query))
                continue
            told = next(spent)
            texts = tuple(
                WeightedText(text, self.config.weight, self.name)
                for text in dict.fromkeys(told.found.texts)
                if text.strip() and text != query.text
            )
            dense = tuple(text for text in told.found.dense if text.strip())
            found.append(Expansion(query, texts, dense, {self.name: told.seconds}, told.cost))
        return found


class Rewriting(LanguageRewriter[RewriterConfig]):
    """One better wording of the query."""

    method = "rewrite"

    def write(self, query: str) -> Steps[Written]:
        """One question."""
        asked = Write(shown(REWRITING, REWRITTEN, query), max_tokens=40)
        (reply,) = yield from ask([asked])
        found = lines(reply.text, LONGER + 2 * len(query.split()))[:1]
        return Written(tuple(_without_label(one) for one in found))


class Query2DocConfig(RewriterConfig):
    """Settings of query2doc."""

    weight: float = Field(1.0, gt=0)
    repeat: Literal["adaptive"] | int = 5
    """How often the query stands before the passage in word search; adaptive repeats it until it
    is a *share* of the whole."""
    share: float = Field(0.3, gt=0, lt=1)
    """Adaptive: the query's share of the words."""
    examples: tuple[tuple[str, str], ...] = ()
    """Pairs of a query and a passage that show how it is done; the paper has four."""


class Query2Doc(LanguageRewriter[Query2DocConfig]):
    """A passage that a model makes up, after the query repeated.

    Wang, Yang and Wei, "Query2doc: Query Expansion with Large Language Models", EMNLP 2023
    (arXiv:2303.07678): word search for the query five times and the passage, vectors for the
    query and the passage as one text.
    """

    method = "query2doc"

    def write(self, query: str) -> Steps[Written]:
        """One question."""
        task = "Write a short passage that answers the query."
        turns = shown(task, self.config.examples, query)
        (reply,) = yield from ask([Write(turns, max_tokens=TEXT_TOKENS)])
        text = prose(reply.text, self.config.max_words)
        if not text:
            return Written()
        return Written((f"{self._repeated(query, text)} {text}",), (f"{query} {text}",))

    def _repeated(self, query: str, text: str) -> str:
        if self.config.repeat != "adaptive":
            return " ".join([query] * self.config.repeat)
        share = self.config.share
        wanted = share / (1 - share) * len(text.split())
        return " ".join([query] * max(1, round(wanted / max(1, len(query.split())))))


class HyDEConfig(RewriterConfig):
    """Settings of HyDE."""

    samples: int = Field(8, ge=1)
    """Made-up passages."""
    temperature: float = Field(0.7, gt=0)
    """Of the sampling."""
    seed: int = 0
    """Of the first sample; each further one adds 1."""


class HyDE(LanguageRewriter[HyDEConfig]):
    """Vectors of made-up answers, averaged with the query's.

    Gao et al., "Precise Zero-Shot Dense Retrieval without Relevance Labels", ACL 2023
    (arXiv:2212.10496). Nothing for word search.
    """

    method = "hyde"

    def write(self, query: str) -> Steps[Written]:
        """One question per sample, all at once."""
        turns = user("Write a short passage that answers the query.", f"Query: {query}")
        config = self.config
        asked = [
            Write(turns, TEXT_TOKENS, config.temperature, seed=config.seed + i)
            for i in range(config.samples)
        ]
        replies = yield from ask(asked)
        return Written(dense=tuple(prose(one.text, config.max_words) for one in replies))


class MultiQueryConfig(RewriterConfig):
    """Settings of several wordings."""

    count: int = Field(3, ge=1, le=10)
    """Other wordings that are asked for."""


class MultiQuery(LanguageRewriter[MultiQueryConfig]):
    """Several other wordings, each searched for."""

    method = "multi-query"

    def write(self, query: str) -> Steps[Written]:
        """One question."""
        count = self.config.count
        task = WORDING.replace("3", str(count))
        turns = shown(task, WORDED, query)
        (reply,) = yield from ask([Write(turns, max_tokens=30 * count)])
        return Written(tuple(lines(reply.text, LONGER + 2 * len(query.split()))[:count]))


class DecompositionConfig(RewriterConfig):
    """Settings of decomposition."""

    count: int = Field(3, ge=2, le=10)
    """Questions at most."""
    from_words: int = Field(6, ge=1)
    """Shorter queries are not taken apart."""


class Decomposition(LanguageRewriter[DecompositionConfig]):
    """The simpler questions that a long query is made of, each searched for."""

    method = "decompose"

    def write(self, query: str) -> Steps[Written]:
        """One question, or none for a short query."""
        if len(query.split()) < self.config.from_words:
            return Written()
        turns = shown(SPLITTING, SPLIT, query)
        (reply,) = yield from ask([Write(turns, max_tokens=30 * self.config.count)])
        return Written(tuple(lines(reply.text, self.config.max_words)[: self.config.count]))


class GroundedConfig(Query2DocConfig):
    """Settings of query2doc over what a first search found."""

    documents: int = Field(3, ge=1)
    """First documents that the model is shown."""
    words: int = Field(60, ge=5)
    """Words of each."""


class Grounded(LanguageRewriter[GroundedConfig]):
    """Query2doc by a model that has read the first documents.

    After LameR (Shen et al., "Retrieval-augmented retrieval: Large Language Models are Strong
    Zero-Shot Retriever", ACL Findings 2024, arXiv:2304.14233): even wrong documents tell the
    words of the field.
    """

    method = "grounded"

    def __init__(
        self,
        model: ChatModel,
        config: GroundedConfig,
        retriever: Retriever,
        texts: Texts,
        gate: Gate | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(model, config, gate, name)
        self._retriever, self._texts = retriever, texts
        self._writer = Query2Doc(model, config)

    def prepared(self, queries: Sequence[Query]) -> list[Steps[Written]]:
        """One procedure per query, over the documents that were found for it."""
        first = self._retriever.retrieve(queries, self.config.documents)
        return [
            self._over(
                query.text,
                [passage(self._texts, d, self.config.words) for d in found.documents],
            )
            for query, found in zip(queries, first, strict=True)
        ]

    def write(self, query: str) -> Steps[Written]:
        """Without documents, it is query2doc."""
        return self._over(query, [])

    def _over(self, query: str, passages: Sequence[str]) -> Steps[Written]:
        turns = user(
            "These passages may or may not help:",
            *map(fenced, passages),
            f"Query: {query}",
            "Write a short passage that answers the query.",
        )
        (reply,) = yield from ask([Write(turns, max_tokens=TEXT_TOKENS)])
        text = prose(reply.text, self.config.max_words)
        if not text:
            return Written()
        repeated = self._writer._repeated(query, text)
        return Written((f"{repeated} {text}",), (f"{query} {text}",))


def shown(task: str, examples: Sequence[tuple[str, str]], query: str) -> tuple[Turn, ...]:
    """A conversation in which the task is done for some queries, and then asked for this one."""
    turns: list[Turn] = []
    for asked, told in examples:
        turns += [("user", f"{task}\nQuery: {asked}"), ("assistant", told)]
    return (*turns, ("user", f"{task}\nQuery: {query}"))


def _without_label(line: str) -> str:
    """Without a label such as ``Query:``."""
    head, colon, rest = line.partition(":")
    named = colon and len(head.split()) <= 3 and "query" in head.lower()
    return rest.strip().strip("\"'") if named else line
