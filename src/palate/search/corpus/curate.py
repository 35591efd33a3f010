"""A collection made fit for pre-training, step by step, and every step counted.

Parse, language, exact duplicates, near duplicates, rules of thumb, quality, what is in tests,
balance. Texts are held in memory: a collection that does not fit is curated a part at a time, and
duplicates across parts remain.

Legend: n documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.evaluation.ranking import Values
from palate.search.corpus import balance
from palate.search.corpus.contamination import Contamination
from palate.search.corpus.duplicates import DuplicateConfig, best_of, exact_groups, near_groups
from palate.search.corpus.heuristics import HeuristicsConfig, broken
from palate.search.corpus.languages import language
from palate.search.corpus.parse import domain, parse
from palate.search.corpus.prior import PriorConfig, pagerank, prior, shrunk
from palate.search.documents import Document

Score = Callable[[Sequence[str]], Values]
"""n texts -> [n] how good each is."""


class CurateConfig(Config):
    """Settings of a curation."""

    languages: tuple[str, ...] = ("en",)
    """Codes of the languages that are kept; none keeps all."""
    language_sure: float = Field(0.65, ge=0, le=1)
    """Least probability of the language."""
    duplicates: DuplicateConfig = DuplicateConfig()
    """Of near duplicates."""
    heuristics: HeuristicsConfig = HeuristicsConfig()
    """Rules of thumb."""
    prior: PriorConfig = PriorConfig()
    """Weights of what quality is made of, where links, clicks or spam scores are known."""
    keep_best: float = Field(1.0, gt=0, le=1)
    """Share of documents that are kept by quality; 1 keeps all of them."""
    least: float | None = None
    """Least score of the quality model, as 3 of a grade 0 … 5; null asks for none."""
    run: int = Field(13, ge=1)
    """Words that a document must not share in a row with a test."""
    alpha: float = Field(0.5, ge=0, le=1)
    """Share of a domain is its count to this power: 1 leaves it, 0 makes all alike."""
    budget: float | None = Field(None, gt=0, le=1)
    """Share of documents that are kept in balance; null keeps all and weighs them."""


@dataclass(frozen=True)
class Step:
    """One step of the funnel.

    Attributes:
        reasons: why documents were dropped, and how many for each reason.
    """

    name: str
    before: int
    after: int
    words: int
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Curated:
    """What came of a collection.

    Attributes:
        documents: kept, in the order they came; their fields have ``language``, ``domain``,
            ``weight`` and, where something is known of it, ``quality``.
        funnel: the steps in their order.
        dropped: by id, the step and the reason.
        domains: by name, documents before and after the curation.
    """

    documents: tuple[Document, ...]
    funnel: tuple[Step, ...]
    dropped: Mapping[str, str]
    domains: Mapping[str, tuple[int, int]]


def curate(
    documents: Iterable[Document],
    config: CurateConfig | None = None,
    *,
    tests: Mapping[str, Iterable[str]] | None = None,
    quality: Score | None = None,
    spam: Score | None = None,
    told: Callable[[str], None] | None = None,
) -> Curated:
    """Keep what a language model should read.

    Of a document's fields, ``links`` (addresses or ids that it points to) and ``url``, ``shown``
    and ``satisfied`` (how often it was shown and pleased) make a search prior, where they are
    there. ``domain``, ``category`` or the host of ``url`` say where it comes from.

    Args:
        tests: texts of tests by name; what shares a run of words with one is dropped.
        quality: of texts; the higher the better.
        spam: of texts; the higher the worse.
        told: called with the name of each step as it begins.
    """
    work = _Work(config or CurateConfig(), told or (lambda _: None))
    work.read(documents)
    work.parse()
    work.language()
    work.exact()
    work.score(quality, spam)
    work.near()
    work.rules()
    work.quality()
    work.tests(tests or {})
    work.balance()
    return work.done()


@dataclass
class _Work:
    """The documents that are left, and what is known of each."""

    config: CurateConfig
    told: Callable[[str], None]
    documents: list[Document] = field(default_factory=list)
    funnel: list[Step] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    rules_broken: dict[str, list[str]] = field(default_factory=dict)
    model: dict[str, float] = field(default_factory=dict)
    worth: dict[str, float] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    weights: dict[str, float] = field(default_factory=dict)

    def read(self, documents: Iterable[Document]) -> None:
        self.told("reading")
        self.documents = list(documents)
        self.funnel.append(Step("read", len(self.documents), len(self.documents), self._words()))

    def parse(self) -> None:
        self.told("parsing")
        self.documents = [parse(document) for document in self.documents]
        self.before = Counter(domain(document) for document in self.documents)
        self._drop("parse", {d.id: "no text" for d in self.documents if not d.text})

    def language(self) -> None:
        self.told("languages")
        gone: dict[str, str] = {}
        kept = []
        for document in self.documents:
            code, sure = language(document.text)
            kept.append(replace(document, fields={**document.fields, "language": code}))
            if self.config.languages and code not in self.config.languages:
                gone[document.id] = code
            elif self.config.languages and sure < self.config.language_sure:
                gone[document.id] = "unsure"
        self.documents = kept
        self._drop("language", gone)

    def exact(self) -> None:
        self.told("exact duplicates")
        gone = {}
        for group in exact_groups([document.text for document in self.documents]):
            for place in group[1:]:
                gone[self.documents[place].id] = "duplicate"
        self._drop("exact duplicates", gone)

    def score(self, quality: Score | None, spam: Score | None) -> None:
        """Rules and scores of each document; nothing is dropped yet, but of near duplicates the
        best should stay."""
        self.told("quality")
        texts = [document.text for document in self.documents]
        for document in self.documents:
            code = str(document.fields["language"])
            self.rules_broken[document.id] = broken(document.text, self.config.heuristics, code)
        model = quality(texts) if quality is not None and texts else None
        parts: dict[str, Values | None] = {
            "pagerank": self._pagerank(),
            "satisfied": self._satisfied(),
            "classifier": model,
            "spam": spam(texts) if spam is not None and texts else None,
        }
        ids = [document.id for document in self.documents]
        if model is not None:
            self.model = dict(zip(ids, model.tolist(), strict=True))
        if texts and any(part is not None for part in parts.values()):
            total = prior(parts, self.config.prior)
            self.worth = dict(zip(ids, total.tolist(), strict=True))

    def near(self) -> None:
        self.told("near duplicates")
        worth = [
            (-len(self.rules_broken[d.id]), self.worth.get(d.id, 0.0), len(d.text))
            for d in self.documents
        ]
        gone: dict[str, str] = {}
        groups = near_groups([document.text for document in self.documents], self.config.duplicates)
        for group in groups:
            kept = best_of(group, worth)
            gone |= {self.documents[place].id: "duplicate" for place in group if place != kept}
        self._drop("near duplicates", gone)

    def rules(self) -> None:
        self.told("rules of thumb")
        self._drop(
            "rules of thumb",
            {d.id: self.rules_broken[d.id][0] for d in self.documents if self.rules_broken[d.id]},
        )

    def quality(self) -> None:
        gone: dict[str, str] = {}
        least = self.config.least
        if least is not None and self.model:
            gone |= {d.id: "low score" for d in self.documents if self.model[d.id] < least}
        if self.worth and self.config.keep_best < 1:
            left = [document.id for document in self.documents if document.id not in gone]
            count = round(self.config.keep_best * len(left))
            order = sorted(left, key=lambda one: -self.worth[one])
            gone |= dict.fromkeys(order[count:], "not among the best")
        self._drop("quality", gone)

    def tests(self, tests: Mapping[str, Iterable[str]]) -> None:
        self.told("tests")
        looked_for = Contamination(tests, self.config.run)
        found = {d.id: looked_for.found(f"{d.title}\n{d.text}") for d in self.documents}
        self._drop("in a test", {one: name for one, name in found.items() if name})

    def balance(self) -> None:
        self.told("balance")
        counts = Counter(domain(document) for document in self.documents)
        gone: dict[str, str] = {}
        if self.config.budget is not None:
            whole = round(self.config.budget * len(self.documents))
            quotas = balance.quotas(counts, whole, self.config.alpha)
            for name, quota in quotas.items():
                own = [d.id for d in self.documents if domain(d) == name]
                own.sort(key=lambda one: -self.worth.get(one, 0.0))
                gone |= dict.fromkeys(own[quota:], f"more than its share: {name or 'no domain'}")
        self._drop("balance", gone)
        left = Counter(domain(document) for document in self.documents)
        self.weights = (
            dict.fromkeys(left, 1.0)
            if self.config.budget is not None
            else balance.weights(left, self.config.alpha)
        )

    def done(self) -> Curated:
        after = Counter(domain(document) for document in self.documents)
        kept = tuple(replace(d, fields=self._fields(d)) for d in self.documents)
        domains = {name: (count, after[name]) for name, count in self.before.most_common()}
        return Curated(kept, tuple(self.funnel), self.dropped, domains)

    def _fields(self, document: Document) -> dict[str, object]:
        name = domain(document)
        fields = {**document.fields, "domain": name, "weight": self.weights[name]}
        if document.id in self.worth:
            fields["quality"] = self.worth[document.id]
        return fields

    def _drop(self, step: str, gone: Mapping[str, str]) -> None:
        before = len(self.documents)
        self.dropped |= {one: f"{step}: {reason}" for one, reason in gone.items()}
        self.documents = [document for document in self.documents if document.id not in gone]
        reasons = dict(Counter(gone.values()).most_common())
        self.funnel.append(Step(step, before, len(self.documents), self._words(), reasons))

    def _words(self) -> int:
        return sum(len(document.text.split()) for document in self.documents)

    def _pagerank(self) -> Values | None:
        if not any(document.fields.get("links") for document in self.documents):
            return None
        places: dict[str, int] = {}
        for place, document in enumerate(self.documents):
            places[document.id] = place
            if document.fields.get("url"):
                places[str(document.fields["url"]).partition("#")[0]] = place
        links = [
            [
                places[str(link)]
                for link in document.fields.get("links") or ()
                if str(link) in places
            ]
            for document in self.documents
        ]
        return pagerank(links)

    def _satisfied(self) -> Values | None:
        if not any("satisfied" in document.fields for document in self.documents):
            return None
        pleased = np.array([float(d.fields.get("satisfied") or 0) for d in self.documents])
        shown = np.array([float(d.fields.get("shown") or 0) for d in self.documents])
        return shrunk(pleased, np.maximum(shown, pleased))
