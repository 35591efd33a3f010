"""What the parts share: a collection, some of its queries, and comparing on them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from claims.kept import Kept
from claims.verdicts import better

FOLDER = Path("runs/claims/llm4search")
SETTINGS: dict[str, Any] = {
    "collection": 0,  # documents that are searched: all relevant ones and some others; 0 is all
    "depth": 20,  # hits that are re-ranked
    "words": 80,  # of each, shown to the model
    "list words": 40,  # of each where many are shown at once
    "settle": 5,  # places that sorts settle
    "documents": 300,  # of a small collection that is enriched
    "doc2query": 5,  # queries drawn per document
    "training queries": 100,  # whose lists teach
    "pairs": 300,  # of a query and a document that are graded
    "users": 3,  # that visit each list
}
"""Sizes, which the command line may change."""


@dataclass
class Collection:
    """Documents, queries and people's grades."""

    name: str
    documents: dict[str, Any]
    queries: list[Any]
    qrels: dict[str, dict[str, int]]

    def text(self, document: str) -> str:
        return self.documents[document].text

    def title(self, document: str) -> str:
        return self.documents[document].title


def collection(name: str, folder: Path) -> Collection:
    """One of the four, as its publisher lays it out; queries of ``acm-cr`` are paragraphs that
    cite, without what they cite."""
    from palate.search.documents import Document
    from palate.search.layouts import read_documents, read_qrels, read_queries, trec
    from palate.search.layouts.base import Columns
    from palate.search.results import Query

    place = folder / name
    if name == "scifact":
        documents, queries = read_documents(place, "beir"), read_queries(place, "beir")
        qrels = read_qrels(place / "qrels" / "test.tsv")
    elif name == "cranfield":
        documents = read_documents(place / "cran.all.1400")
        queries, qrels = read_queries(place / "cran.qry"), read_qrels(place / "cranqrel")
    elif name == "acm-cr":
        documents = read_documents(place / "core.docs.jsonl.gz")
        queries = list(trec.queries(place / "contexts.topics", Columns(text=("desc",))))
        qrels = trec.qrels(place / "contexts.qrels")
    else:
        lines = (place / "corpus.tsv").read_text("utf-8").splitlines()
        documents = (Document(*line.split("\t", 1)) for line in lines)
        lines = (place / "queries.tsv").read_text("utf-8").splitlines()
        queries = [Query(*line.split("\t", 1)) for line in lines]
        qrels = {}
        for line in (place / "qrels.txt").read_text("utf-8").splitlines():
            query, _, document, grade = line.split()
            qrels.setdefault(query, {})[document] = int(grade)
    found = {document.id: document for document in documents}
    judged = [query for query in queries if any(qrels.get(query.id, {}).values())]
    return Collection(name, found, judged, qrels)


class Experiment:
    """One run over a collection: its index, some of its queries, and the model."""

    def __init__(self, given: argparse.Namespace, name: str, model: Any, kept: Kept) -> None:
        self.given, self.name, self.model, self.kept = given, name, model, kept
        self.data = collection(name, given.data)
        random = np.random.default_rng(given.seed)
        order = random.permutation(len(self.data.queries))
        chosen = sorted(order[: given.queries])
        self.queries = [self.data.queries[i] for i in chosen]
        self.others = [self.data.queries[i] for i in order[given.queries :]]
        if SETTINGS["collection"]:
            self.data.documents = self.part(SETTINGS["collection"], random)
        self.index = self.indexed(self.data.documents.values(), "whole")

    def part(self, size: int, random: np.random.Generator) -> dict[str, Any]:
        """So many documents, those among them that are judged for the queries chosen."""
        there = self.data.documents
        chosen = [d for q in self.queries for d in self.data.qrels[q.id] if d in there]
        rest = [d for d in there if d not in set(chosen)]
        chosen += random.permutation(rest)[: max(0, size - len(chosen))].tolist()
        return {d: there[d] for d in dict.fromkeys(chosen)}

    def halves(self) -> np.ndarray:
        """[q] 0 or 1 of each query of the collection; queries of one paper are in one half."""
        groups = [one.fields.get("title", one.id) for one in self.data.queries]
        names = np.random.default_rng(self.given.seed).permutation(sorted(set(groups)))
        half = {name: place % 2 for place, name in enumerate(names.tolist())}
        return np.array([half[group] for group in groups])

    def indexed(self, documents: Any, label: str, fields: tuple[str, ...] = ()) -> Any:
        """An index of documents, made anew."""
        import shutil

        from palate.search.index import IndexConfig, SearchIndex

        folder = FOLDER / "indexes" / f"{self.name}-{label}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        index = SearchIndex.create(folder, IndexConfig(fields=fields))
        index.add(documents)
        return index

    def first(self, queries: Sequence[Any], depth: int) -> list[Any]:
        """What BM25 finds; on NovelEval, each query's own passages in BM25's order."""
        from palate.search.lexical import BM25, BM25Config
        from palate.search.results import Hit, Results

        whole = BM25(BM25Config(), self.index).retrieve(queries, len(self.data.documents))
        if self.name != "noveleval":
            return [replace(one, hits=one.hits[:depth]) for one in whole]
        found = []
        for one in whole:
            own = self.data.qrels[one.query.id]
            hits = [hit for hit in one.hits if hit.document in own]
            there = {hit.document for hit in hits}
            hits += [Hit(document, 0.0) for document in own if document not in there]
            found.append(Results(one.query, tuple(hits[:depth])))
        return found

    def values(self, results: Sequence[Any], metric: str = "ndcg@10") -> np.ndarray:
        """[q] of each query."""
        from palate.evaluation.retrieval import evaluate_lists

        lists = {one.query.id: one.documents for one in results}
        qrels = {one.query.id: self.data.qrels[one.query.id] for one in results}
        return evaluate_lists(lists, qrels, (metric,)).values[metric]

    def compare(
        self,
        claim: str,
        theirs: Sequence[Any],
        ours: Callable[[], Sequence[Any]],
        *,
        metrics: Sequence[str] = ("ndcg@10",),
        paper: str = "named by the survey, without a number",
    ) -> list[dict[str, Any]]:
        """Hold a component against doing without it, on the same queries."""

        def compute() -> dict[str, np.ndarray]:
            before, started = self.model.usage.now(), time.perf_counter()
            found = ours()
            spent = self.model.usage.since(before)
            counts = {key: sum(one.cost.get(key, 0.0) for one in found) for key in
                      {key for one in found for key in one.cost}}  # fmt: skip
            told = {metric: self.values(found, metric) for metric in metrics}
            return told | {
                "seconds": np.array(time.perf_counter() - started),
                "calls": np.array(spent["calls"]),
                "kept": np.array(spent["kept"]),
                "tokens": np.array(spent["tokens_in"] + spent["tokens_out"]),
                **{f"count {key}": np.array(value) for key, value in counts.items()
                   if key not in ("calls", "kept", "tokens")},
            }  # fmt: skip

        key = f"{self.name}-{len(self.queries)}-{claim}".replace(" ", "_").replace("/", "-")
        arrays = self.kept(key, compute)
        rows = []
        for metric in metrics:
            other = kept_digits(self.values(theirs, metric))
            one = better(f"{self.name}: {claim}", arrays[metric], other,
                         paper, what=metric.replace("ndcg", "NDCG"))  # fmt: skip
            one["cost per query"] = {
                key.removeprefix("count "): float(arrays[key]) / len(self.queries)
                for key in arrays if key not in metrics
            }  # fmt: skip
            rows.append(one)
        return rows


def kept_digits(values: np.ndarray) -> np.ndarray:
    """To the six digits to which kept numbers are written, so that equal lists are equal."""
    return np.array([float(f"{one:.6g}") for one in values])
