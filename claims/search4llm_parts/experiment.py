"""What the parts share: SciFact in an index, its judged queries, and the model."""

from __future__ import annotations

import argparse
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from claims.kept import Kept

FOLDER = Path("runs/claims/search4llm")
PAPER = "names it; no numbers"


class Experiment:
    """SciFact in an index, its judged queries, and the model."""

    def __init__(self, given: argparse.Namespace) -> None:
        from palate.search.layouts import read_documents, read_qrels, read_queries

        self.given = given
        sizes = f"{given.documents}-{given.questions}"
        self.folder = FOLDER / f"{given.model.replace('/', '-')}-{sizes}"
        self.kept = Kept(self.folder)
        place = given.data / "scifact"
        self.qrels = read_qrels(place / "qrels" / "test.tsv")
        random = np.random.default_rng(0)
        self.queries = [q for q in read_queries(place, "beir") if q.id in self.qrels]
        order = random.permutation(len(self.queries))[: given.questions]
        self.queries = [self.queries[place] for place in sorted(order)]
        everything = {d.id: d for d in read_documents(place, "beir")}
        chosen = [d for q in self.queries for d in self.qrels[q.id] if d in everything]
        rest = [d for d in everything if d not in set(chosen)]
        if given.documents:
            rest = random.permutation(rest)[: max(0, given.documents - len(chosen))].tolist()
        self.documents = {d: everything[d] for d in dict.fromkeys([*chosen, *rest])}
        self.strangers = read_queries(given.data / "cranfield" / "cran.qry")[: given.questions // 2]

    @cached_property
    def index(self) -> Any:
        """The documents, indexed once for each size."""
        return self.indexed(self.documents.values(), f"index-{len(self.documents)}")

    def indexed(self, documents: Any, name: str) -> Any:
        """An index of documents in the claim's folder."""
        from palate.search.index import SearchIndex

        folder = self.folder / name
        if (folder / "documents.sqlite").exists():
            return SearchIndex(folder)
        made = SearchIndex.create(folder)
        made.add(documents)
        return made

    @cached_property
    def chat(self) -> Any:
        """The language model; replies are kept in the user's cache."""
        from palate.language.chat import ChatConfig, open_chat

        return open_chat(ChatConfig(model=self.given.model))

    def answerer(self, line: str = "hybrid", model: Any = None, **more: Any) -> Any:
        """Answers from the index."""
        from palate.search.answers.answer import Answerer
        from palate.search.stages import pipeline

        return Answerer(self.index, pipeline(self.index, line), model, **more)
