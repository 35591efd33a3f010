"""What a system works with on one topic: the papers it may see, ways to search, a language model,
vectors, and a ledger that counts all of it.

A system is given a :class:`Brief`, never a topic: what is right is not within its reach.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from palate.errors import ConfigError
from palate.language.questions import ChatModel, Choose, Question, Reply, Write
from palate.research.budget import Ledger
from palate.research.corpus import Corpus
from palate.research.finding import Finder, Found
from palate.research.trees import Tree

T = TypeVar("T")
Embed = Callable[[Sequence[str]], npt.NDArray[np.floating]]
LABELS = {"q", "a", "query", "question", "answer", "topic", "title"}
NO_MODEL = "this needs a language model: name one (--model), or an address (--address)"


@dataclass(frozen=True)
class Brief:
    """All that a system is told.

    Attributes:
        title: of the survey to be written, or the topic in a person's words.
        before: papers are from strictly before that date.
    """

    title: str
    before: str = ""


@dataclass(frozen=True)
class Ranked:
    """One paper of a ranked list.

    Attributes:
        score: higher is better; of no particular scale.
        reasons: why it is there, in words for a person.
    """

    paper: str
    score: float
    reasons: tuple[str, ...] = ()


@dataclass
class Desk:
    """What there is for one topic.

    Attributes:
        allowed: papers that may be used.
        finder: searches them.
        ledger: counts, limits and keeps.
        model: a language model, where there is one.
        embed: vectors of texts, where there is something that makes them.
    """

    allowed: Corpus
    finder: Finder
    ledger: Ledger = field(default_factory=Ledger)
    model: ChatModel | None = None
    embed: Embed | None = None

    def step(self, name: str, work: Callable[[], tuple[T, str]], free: bool = False) -> T:
        """See :meth:`.Ledger.step`."""
        return self.ledger.step(name, work, free)

    def search(self, texts: Sequence[str], way: str, k: int) -> list[Found]:
        """See :meth:`.Finder.search`; counted."""
        self.ledger.spend(searches=len(texts))
        return self.finder.search(texts, way, k)

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The language model's replies; counted. A reply that was kept costs nothing.

        Raises:
            SpentError: the budget is spent.
            ConfigError: there is no language model.
        """
        if self.model is None:
            raise ConfigError(NO_MODEL)
        replies = []
        for question in questions:  # one at a time: the budget holds in the midst of many, too
            self.ledger.check()
            (reply,) = self.model.ask([question])
            replies.append(reply)
            if not reply.kept:
                self.ledger.spend(calls=1, tokens=reply.tokens_in + reply.tokens_out)
        return replies

    def write(
        self, prompt: str, max_tokens: int = 96, examples: Sequence[tuple[str, str]] = ()
    ) -> str:
        """What the language model writes to a prompt, without lines that it was shown.

        Small models repeat what they read; a query that is taken from the examples would find
        papers on another topic.

        Args:
            examples: prompts like it and what is a good reply to each.
        """
        turns = [
            turn for asked, said in examples for turn in (("user", asked), ("assistant", said))
        ]
        turns.append(("user", prompt))
        (reply,) = self.ask([Write(tuple(turns), max_tokens)])
        shown = {_bare(line) for _, text in turns for line in text.splitlines()}
        lines = reply.text.splitlines()
        return "\n".join(line for line in lines if not line.strip() or _bare(line) not in shown)

    def yes(self, *prompts: str) -> list[float]:
        """Log-probability of yes rather than no for each prompt."""
        from palate.search.ranking.pointwise import NO, YES, yes_share

        asked = [Choose((("user", prompt),), (*YES, *NO)) for prompt in prompts]
        return [yes_share(reply.log_probs) for reply in self.ask(asked)]

    def vectors(self, papers: Sequence[str]) -> npt.NDArray[np.floating]:
        """[n, h] unit vectors of title and abstract.

        Raises:
            ConfigError: nothing makes vectors here.
        """
        return self.vectors_with(papers, ())[0]

    def vectors_with(
        self, papers: Sequence[str], texts: Sequence[str]
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """:meth:`vectors` [n, h], and those of some other texts [t, h], which they can be held
        against: vectors that are made of the texts at hand are of one call only.

        Raises:
            ConfigError: nothing makes vectors here.
        """
        if self.embed is None:
            raise ConfigError("this needs vectors of texts: name an encoder (--encoder)")
        own = [f"{self.allowed[paper].title}. {self.allowed[paper].abstract}" for paper in papers]
        vectors = unit(self.embed([*own, *texts]))
        return vectors[: len(own)], vectors[len(own) :]


class Discovers(Protocol):
    """Finds papers, and puts the most important first."""

    name: str

    def discover(self, desk: Desk, brief: Brief, k: int) -> list[Ranked]:
        """At most *k* papers, best first."""
        ...


class Organizes(Protocol):
    """Makes a tree of papers."""

    name: str

    def organize(self, desk: Desk, brief: Brief, papers: Sequence[str]) -> Tree:
        """The tree whose root is the topic.

        Args:
            papers: to be placed; a system that writes from memory may pass over them.
        """
        ...


def _bare(line: str) -> str:
    """A line without its bullet, label and signs, to tell whether it was shown before."""
    words = re.findall(r"\w+", line.casefold())
    while words and (words[0].isdigit() or words[0] in LABELS):
        words.pop(0)
    return " ".join(words)


def unit(vectors: Any) -> npt.NDArray[np.floating]:
    """The vectors with length 1; those without length stay."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths == 0, 1, lengths)


def fuse(lists: Sequence[tuple[str, float, Found]], k: int, k0: int = 60) -> list[Ranked]:
    """Lists of what was found, joined by rank: ``sum of weight / (k0 + rank)``, ranks from 1.

    Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).

    Args:
        lists: what each says of a paper (a reason), its weight, and the list.
    """
    scores: dict[str, float] = {}
    reasons: dict[str, list[tuple[float, str]]] = {}
    for reason, weight, found in lists:
        for rank, (paper, _) in enumerate(found, start=1):
            share = weight / (k0 + rank)
            scores[paper] = scores.get(paper, 0.0) + share
            reasons.setdefault(paper, []).append((-share, f"{reason} (rank {rank})"))
    order = sorted(scores, key=lambda paper: (-scores[paper], paper))[:k]
    return [
        Ranked(paper, scores[paper], tuple(told for _, told in sorted(reasons[paper])[:3]))
        for paper in order
    ]


def ranked_by(found: Found, reason: str) -> list[Ranked]:
    """A single list, with the reason and the rank of each paper."""
    return [
        Ranked(paper, score, (f"{reason} (rank {rank})",))
        for rank, (paper, score) in enumerate(found, start=1)
    ]
