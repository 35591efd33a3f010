"""Instructions from a log: how people put it better, and what answered them.

A query that people gave up and the one with which they found it are a rewrite; a query and the
passage that pleased who asked it are a question and an answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pydantic import Field

from palate.config import Config
from palate.search.answers.words import Words, best_sentence, sentences
from palate.search.corpus.parse import domain
from palate.search.documents import Document
from palate.search.index import Snapshot
from palate.search.logs.log import SATISFIED, Entry, sessions
from palate.search.logs.privacy import Pseudonyms, common_queries, pseudonymous
from palate.search.passages import passages
from palate.search.results import Query, Retriever

REWRITE = "Rewrite the search query so that it finds what is meant."
ANSWER = "Answer the question with a sentence of a document, and cite it."
_WORD = re.compile(r"\w+")


class MiningConfig(Config):
    """Settings of mining."""

    users: int = Field(5, ge=1)
    """Different people who must have asked a query for it to be used at all."""
    pair_users: int = Field(2, ge=1)
    """Different people who must have gone from the one query to the other."""
    minutes: float = Field(30.0, gt=0)
    """Longest time between two queries that belong together."""
    dwell: float = Field(SATISFIED, ge=0)
    """Seconds on a page from which a click counts as satisfied."""
    least_alike: float = Field(0.1, ge=0, le=1)
    """Least Jaccard likeness of the words of a query and its rewrite."""
    most_alike: float = Field(0.9, ge=0, le=1)
    """Largest one."""
    eta: float = Field(1.0, ge=0)
    """Rank k is looked at with probability ``k ** -eta``."""
    clip: float = Field(10.0, ge=1)
    """Largest weight of a click."""
    round_trip: int = Field(5, ge=1)
    """The document must be found by the query among so many."""
    least_clicks: float = Field(2.0, ge=0)
    """Least weight of the satisfied clicks on a document for a query."""
    answer_words: int = Field(60, ge=5)
    """Words of the longest answer."""


@dataclass(frozen=True)
class Rewrite:
    """A query that found nothing, and the one that did.

    Attributes:
        users: how many people went from the one to the other.
        domain: of the documents that pleased them.
    """

    before: str
    after: str
    users: int
    domain: str = ""

    def record(self) -> dict[str, Any]:
        """As a line of instruction data."""
        return {
            "task": "rewrite", "instruction": REWRITE, "input": self.before,
            "output": self.after, "users": self.users, "domain": self.domain,
        }  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """A query, and the words of a document that answer it.

    Attributes:
        citation: ``id@version`` of the document.
        weight: of its satisfied clicks, each by the inverse of how likely its rank was looked at.
        rank: at which the query finds the document.
    """

    query: str
    answer: str
    passage: str
    citation: str
    weight: float
    rank: int
    domain: str = ""

    def record(self) -> dict[str, Any]:
        """As a line of instruction data."""
        return {
            "task": "answer", "instruction": ANSWER, "input": self.query,
            "output": f"{self.answer} [{self.citation}]", "passage": self.passage,
            "citation": self.citation, "weight": self.weight, "rank": self.rank,
            "domain": self.domain,
        }  # fmt: skip


@dataclass
class Mined:
    """What came of a log.

    Attributes:
        counts: of entries, sessions and pairs, and of what was left out for which reason.
    """

    rewrites: list[Rewrite] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def records(self) -> list[dict[str, Any]]:
        """All of it as lines of instruction data."""
        return [one.record() for one in self._all()]

    def domains(self) -> dict[str, int]:
        """Records by domain, most first: the sets for models of one field."""
        return dict(Counter(one.domain for one in self._all()).most_common())

    def _all(self) -> list[Rewrite | Answered]:
        return [*self.rewrites, *self.answers]


def jaccard(a: str, b: str) -> float:
    """Share of the words of either query that both have."""
    first, second = set(_WORD.findall(a.lower())), set(_WORD.findall(b.lower()))
    return len(first & second) / max(1, len(first | second))


def debiased(rank: int, eta: float = 1.0, clip: float = 10.0) -> float:
    """Weight of a click at a rank: one over the chance that the rank was looked at, clipped.

    Joachims, Swaminathan and Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017.
    """
    return float(min(clip, rank**eta))


def mine(
    log: Iterable[Entry],
    snapshot: Snapshot | None = None,
    retriever: Retriever | None = None,
    config: MiningConfig | None = None,
    *,
    salt: bytes | None = None,
) -> Mined:
    """Rewrites and, where there is an index, answers.

    Args:
        snapshot: of the index whose documents were clicked.
        retriever: that a question must find its document with.
        salt: secret of the users' hashes; a random one, forgotten afterwards, if not given.
    """
    config = config or MiningConfig()
    entries = list(log)
    kept = list(pseudonymous(entries, Pseudonyms(salt)))
    common = common_queries(kept, config.users)
    found = Mined(counts={"entries": len(entries), "empty once stripped": len(entries) - len(kept)})
    whole = sessions(kept)
    found.counts["sessions"] = len(whole)
    queries = {one.query for one in kept}
    found.counts["queries"] = len(queries)
    found.counts["queries of too few users"] = len(queries) - len(common)
    domains = _Domains(snapshot)
    found.rewrites = _rewrites(whole, common, config, domains, found.counts)
    if snapshot is not None and retriever is not None:
        wanted = [one for one in kept if one.query in common]
        found.answers = _answers(wanted, snapshot, retriever, config, found.counts)
    return found


class _Domains:
    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    def of(self, documents: Iterable[str]) -> str:
        """The domain that most of the documents are of."""
        if self._snapshot is None:
            return ""
        known = [self._snapshot.store.get(one) for one in documents]
        names = Counter(domain(one) for one in known if one is not None)
        return names.most_common(1)[0][0] if names else ""


def _rewrites(
    whole: Sequence[Sequence[Entry]],
    common: set[str],
    config: MiningConfig,
    domains: _Domains,
    counts: dict[str, int],
) -> list[Rewrite]:
    who: dict[tuple[str, str], set[str]] = {}
    pleased: dict[tuple[str, str], list[str]] = {}
    for session in whole:
        for first, second in pairwise(session):
            clicks = second.satisfied(config.dwell)
            alike = jaccard(first.query, second.query)
            if (
                first.clicks
                or not clicks
                or second.time - first.time > 60 * config.minutes
                or not config.least_alike <= alike <= config.most_alike
            ):
                continue
            pair = first.query, second.query
            who.setdefault(pair, set()).add(first.user)
            pleased.setdefault(pair, []).extend(click.document for click in clicks)
    counts["rewrites seen"] = len(who)
    found = []
    for pair, users in who.items():
        if not {*pair} <= common:
            counts["rewrites of rare queries"] = counts.get("rewrites of rare queries", 0) + 1
        elif len(users) < config.pair_users:
            counts["rewrites of too few users"] = counts.get("rewrites of too few users", 0) + 1
        else:
            found.append(Rewrite(*pair, len(users), domains.of(pleased[pair])))
    counts["rewrites"] = len(found)
    return sorted(found, key=lambda one: (-one.users, one.before, one.after))


def _answers(
    log: Sequence[Entry],
    snapshot: Snapshot,
    retriever: Retriever,
    config: MiningConfig,
    counts: dict[str, int],
) -> list[Answered]:
    worth: dict[str, Counter[str]] = {}
    for one in log:
        for click in one.satisfied(config.dwell):
            weight = debiased(click.rank, config.eta, config.clip)
            worth.setdefault(one.query, Counter())[click.document] += weight  # type: ignore[assignment]
    asked = sorted(worth)
    lists = retriever.retrieve([Query(text, text) for text in asked], config.round_trip)
    counts["questions"] = len(asked)
    reasons: Counter[str] = Counter()
    found = []
    for query, results in zip(asked, lists, strict=True):
        document, weight = max(worth[query].items(), key=lambda one: (one[1], one[0]))
        known = snapshot.store.get(document)
        if weight < config.least_clicks:
            reasons["answers of too few clicks"] += 1
        elif known is None:
            reasons["answers in no document of the index"] += 1
        elif document not in results.documents:
            reasons["answers that the question does not find"] += 1
        else:
            rank = results.documents.index(document) + 1
            found.append(_answered(query, known, weight, rank, snapshot, config))
    counts |= reasons
    counts["answers"] = len(found)
    return found


def _answered(
    query: str, document: Document, weight: float, rank: int, snapshot: Snapshot,
    config: MiningConfig,
) -> Answered:  # fmt: skip
    parts = passages(document, snapshot.config.passage_words, snapshot.config.passage_overlap)
    chosen = max(parts, key=lambda part: _covered(query, part))
    body = chosen.removeprefix(f"{document.title.strip()}\n")
    answer = best_sentence(query, sentences(body), Words.plain()) or body
    return Answered(
        query, " ".join(answer.split()[: config.answer_words]), chosen,
        f"{document.id}@{document.version}", weight, rank, domain(document),
    )  # fmt: skip


def _covered(query: str, text: str) -> float:
    words = set(_WORD.findall(text.lower()))
    asked = set(_WORD.findall(query.lower()))
    return len(asked & words) / max(1, len(asked))
