"""The data, an index of the items, and what people look for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path("runs/claims/search_items")
SETTINGS: dict[str, dict[str, Any]] = {
    "ease": {},
    "sasrec": {"epochs": 30, "patience": 2, "width": 32},
}
PIPELINES = {"bm25": "bm25", "shipped": ""}  # empty is what the search of items does by itself
POOL, RANKED, SHOWN = 200, 100, 10


class Shop:
    """The data, an index of the items, and what people look for."""

    def __init__(self, data: str) -> None:
        from palate.data.load import DataConfig, load
        from palate.data.splits import make_split
        from palate.data.titles import formed
        from palate.search.items.documents import index_of

        self.split = make_split(load(DataConfig(data=data)), "leave-one-out")
        self.catalogue = self.split.catalogue
        self.index = index_of(self.catalogue, FOLDER / data / "index")
        self.short = formed(self.catalogue.titles, "short")
        self.place = {item: at for at, item in enumerate(self.catalogue.items)}
        kinds = self.catalogue.labels("genres").to_list()
        self.genres = [[g for g in some if g[0].isalpha() and g != "unknown"] for some in kinds]

    def asked(self, item: int, random: np.random.Generator) -> tuple[str, str]:
        """The kind of a query for an item, and the query."""
        genres = [str(one) for one in random.permutation(self.genres[item])]
        year = re.search(r"\((\d{4})\)\s*$", self.catalogue.titles[item])
        words = re.findall(r"[^\W\d_]{4,}", self.short[item]) or re.findall(
            r"\w+", self.short[item]
        )
        kind = ("genres", "genre and year", "word and genre")[int(random.integers(3))]
        if kind == "genre and year" and genres and year:
            return kind, f"{genres[0]} {year[1]}"
        if kind == "genres" and genres:
            return kind, " ".join(genres[:2])
        word = str(random.choice(words)) if words else self.catalogue.titles[item]
        return "word and genre", " ".join([word, *genres[:1]])

    def queries(self, cases: Any, seed: int, part: str) -> tuple[list[str], list[Any]]:
        """Kinds, and the queries of each case's person for its target."""
        from palate.search.results import Query

        random = np.random.default_rng([seed, part == "test"])
        drawn = [self.asked(int(target), random) for target in cases.targets]
        users = [f"{part}-{n}" for n in range(len(cases))]
        made = [Query(user, text, user) for user, (_, text) in zip(users, drawn, strict=True)]
        return [kind for kind, _ in drawn], made

    @lru_cache(maxsize=8)  # noqa: B019 - the same for all recommenders of a seed
    def found(self, pipeline: str, seed: int, part: str) -> list[Any]:
        """What is found of what the person did not have: a pool for each query."""
        from palate.search.items.search import PIPELINE
        from palate.search.results import Results
        from palate.search.stages import pipeline as built

        cases = getattr(self.split, part)
        queries = self.queries(cases, seed, part)[1]
        most = POOL + int(cases.histories.lengths.max())
        lists = built(self.index, PIPELINES[pipeline] or PIPELINE).retrieve(queries, most)
        kept = []
        for one, history in zip(lists, cases.histories, strict=True):
            had = {self.catalogue.items[item] for item in history.tolist()}
            hits = [hit for hit in one.hits if hit.document not in had]
            kept.append(Results(one.query, tuple(hits[:POOL])))
        return kept

    def taste(self, method: str, seed: int, split: Any = None) -> Any:
        from palate.recommenders.base import FitContext
        from palate.recommenders.registry import get

        made = get(method)
        return made(made.Config(**SETTINGS.get(method, {}))).fit(
            split or self.split, FitContext(seed)
        )

    @cached_property
    def statistics(self) -> Any:
        from palate.search.items.documents import documents
        from palate.search.statistics import CollectionStatistics

        self.documents = {one.id: one for one in documents(self.catalogue)}
        terms = lru_cache(maxsize=None)(self.index.analyzer.terms)
        texts = [f"{one.title} {one.text}" for one in self.documents.values()]
        return CollectionStatistics.of(texts, terms)

    def text(self, document: str) -> str:
        return self.documents[document].text

    def title(self, document: str) -> str:
        return self.documents[document].title


def gains(lists: Sequence[Any], targets: Sequence[int], shop: Shop) -> np.ndarray:
    """[u] NDCG@10 of the one item that is looked for."""
    found = np.zeros(len(lists))
    for row, (one, target) in enumerate(zip(lists, targets, strict=True)):
        documents = one.documents[:10] if hasattr(one, "documents") else list(one)[:10]
        if (item := shop.catalogue.items[target]) in documents:
            found[row] = 1 / np.log2(documents.index(item) + 2)
    return found
