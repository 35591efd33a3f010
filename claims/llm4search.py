"""LLM4Search (Xiong et al., IEEE TSC 2024, arXiv:2407.00128): does each component help?

    python claims/llm4search.py run --data FOLDER                      # hours without a GPU
    python claims/llm4search.py run --data FOLDER --parts ranking --queries 20
    python claims/llm4search.py table

The paper is a survey without experiments: it names components, and every one is held here against
doing without it, on SciFact (BEIR), Cranfield and NovelEval (RankGPT), with intervals over queries
and what it cost. FOLDER holds ``scifact``, ``cranfield`` and ``noveleval`` as their publishers lay
them out. All numbers belong to one language model (``--model``); a larger one may be named, or an
address (``--address``).

Per-query numbers are kept in ``runs/claims/llm4search``; a part that was computed is not computed
again, so a run that was ended goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.kept import Kept
from claims.verdicts import FAILS, HOLDS, OPEN, better, table

FOLDER = Path("runs/claims/llm4search")
PARTS = ("ranking", "query", "spelling", "content", "judge", "users", "learned")
SETTINGS: dict[str, Any] = {
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
NAME = "llm4search"


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
    """One of the three, as its publisher lays it out."""
    from palate.search.documents import Document
    from palate.search.layouts import read_documents, read_qrels, read_queries
    from palate.search.results import Query

    place = folder / name
    if name == "scifact":
        documents, queries = read_documents(place, "beir"), read_queries(place, "beir")
        qrels = read_qrels(place / "qrels" / "test.tsv")
    elif name == "cranfield":
        documents = read_documents(place / "cran.all.1400")
        queries, qrels = read_queries(place / "cran.qry"), read_qrels(place / "cranqrel")
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
        self.index = self.indexed(self.data.documents.values(), "whole")

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
            one = better(f"{self.name}: {claim}", arrays[metric], self.values(theirs, metric),
                         paper, what=metric.replace("ndcg", "NDCG"))  # fmt: skip
            one["cost per query"] = {
                key.removeprefix("count "): float(arrays[key]) / len(self.queries)
                for key in arrays if key not in metrics
            }  # fmt: skip
            rows.append(one)
        return rows


def ranking(run: Experiment) -> list[dict[str, Any]]:
    """Each way to ask for an order, over the same lists."""
    from palate.search.ranking.listwise import Listwise, ListwiseConfig, SelfConsistent
    from palate.search.ranking.pairwise import Pairwise, PairwiseConfig
    from palate.search.ranking.pointwise import LikelihoodConfig, QueryLikelihood, YesNo
    from palate.search.ranking.reranker import RankerConfig
    from palate.search.ranking.setwise import Setwise, SetwiseConfig

    depth, words, few = SETTINGS["depth"], SETTINGS["words"], SETTINGS["list words"]
    settle, model = SETTINGS["settle"], run.model
    one, many = {"depth": depth, "words": words}, {"depth": depth, "words": few}
    rankers = {
        "query likelihood": QueryLikelihood(model, LikelihoodConfig(**one)),
        "pointwise yes/no": YesNo(model, RankerConfig(**one)),
        "setwise heapsort": Setwise(model, SetwiseConfig(**many, settle=settle)),
        "pairwise heapsort": Pairwise(model, PairwiseConfig(**many, settle=settle)),
        "listwise window": Listwise(model, ListwiseConfig(**many)),
        "single pass by letters": Listwise(model, ListwiseConfig(**many, read="letters")),
        "single pass, 3 shuffles": SelfConsistent(
            Listwise(model, ListwiseConfig(**many, read="letters")), 3
        ),
    }
    lists, claims = run.first(run.queries, 100), []
    for name, ranker in rankers.items():
        claims += run.compare(
            f"{name} beats BM25's order", lists, lambda r=ranker: r.rerank(lists, run.data)
        )
    return claims


def query(run: Experiment) -> list[dict[str, Any]]:
    """Other words, fused with the query's own: on BM25; HyDE on vectors."""
    from palate.search.stages import pipeline

    if run.name == "noveleval":
        return []
    alone = pipeline(run.index, "bm25").retrieve(run.queries, 100)
    dense = pipeline(run.index, "dense").retrieve(run.queries, 100)
    chosen = f"model={run.given.model}"
    if run.given.address:
        chosen += f", address={run.given.address}"
    lines = {
        "rewriting": f"rewrite({chosen}, gate=none) > bm25",
        "query2doc": f"query2doc({chosen}, gate=none) > bm25",
        "query2doc, repeated adaptively":
            f"query2doc({chosen}, gate=none, repeat=adaptive) > bm25",
        "query2doc for hard queries alone": f"query2doc({chosen}, rare=10) > bm25",
        "query2doc after reading": f"grounded({chosen}, gate=none) > bm25",
        "several wordings": f"multi-query({chosen}, gate=none) > bm25",
        "decomposition": f"decompose({chosen}, gate=none) > bm25",
    }  # fmt: skip
    claims: list[dict[str, Any]] = []
    metrics = ("ndcg@10", "recall@100")
    for name, line in lines.items():
        claims += run.compare(
            f"{name} beats BM25 alone", alone,
            lambda line=line: pipeline(run.index, line).retrieve(run.queries, 100),
            metrics=metrics,
        )  # fmt: skip
    hyde = f"hyde({chosen}, gate=none, samples=4) > dense"
    claims += run.compare(
        "HyDE beats the query's vector alone", dense,
        lambda: pipeline(run.index, hyde).retrieve(run.queries, 100),
        metrics=metrics,
    )  # fmt: skip
    return claims


def spelling(run: Experiment) -> list[dict[str, Any]]:
    """Queries with a slip of the finger in one long word; and right ones, which must stay."""
    from palate.search.query.correction import Corrector
    from palate.search.results import Query
    from palate.search.stages import pipeline

    if run.name == "noveleval":
        return []
    random = np.random.default_rng(run.given.seed)
    texts = [f"{one.title} {one.text}" for one in run.data.documents.values()]
    corrector = Corrector(texts)
    slips = [Query(one.id, slip(one.text, random)) for one in run.queries]
    bm25 = pipeline(run.index, "bm25")
    fixed = [Query(one.id, corrector.correct(one.text).text) for one in slips]
    claims = run.compare(
        "misspelt queries: correction beats none", bm25.retrieve(slips, 100),
        lambda: bm25.retrieve(fixed, 100),
    )  # fmt: skip
    damaged = [one for one in run.data.queries if corrector.correct(one.text).changed]
    right = np.mean([a.text == b.text for a, b in zip(fixed, run.queries, strict=True)])
    share = len(damaged) / len(run.data.queries)
    claims.append({
        "claim": f"{run.name}: fewer than 1 % of right queries are changed",
        "paper": "a gate, not the paper's",
        "told": f"{share:.2%} changed of {len(run.data.queries)}; {right:.0%} of slips mended",
        "verdict": HOLDS if share < 0.01 else FAILS,
    })  # fmt: skip
    return claims


def slip(text: str, random: np.random.Generator) -> str:
    """The text with one letter of one long word left out, doubled, changed or swapped."""
    words = text.split()
    places = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not places:
        return text
    place = int(random.choice(places))
    word, at = words[place], int(random.integers(1, len(words[place]) - 1))
    letter = chr(97 + int(random.integers(26)))
    words[place] = [
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    ][int(random.integers(4))]
    return " ".join(words)


def content(run: Experiment) -> list[dict[str, Any]]:
    """Fields that are added to a part of the collection: searched with them and without."""
    from palate.search.content.doc2query import Doc2Query, Doc2QueryConfig
    from palate.search.content.keyphrases import KeyphraseConfig, Keyphrases
    from palate.search.content.summary import Summary, SummaryConfig, faithfulness
    from palate.search.language_stages import statistics
    from palate.search.lexical import BM25, BM25Config

    if run.name == "noveleval":
        return []
    random = np.random.default_rng(run.given.seed)
    wanted = [d for q in run.queries for d, grade in run.data.qrels[q.id].items() if grade > 0]
    wanted = [d for d in dict.fromkeys(wanted) if d in run.data.documents]
    size = min(SETTINGS["documents"], 10 * run.given.queries)
    chosen = wanted[:size]
    rest = [d for d in run.data.documents if d not in set(chosen)]
    chosen += random.permutation(rest)[: max(0, size - len(chosen))].tolist()
    documents = [run.data.documents[d] for d in chosen]
    plain = BM25(BM25Config(), run.indexed(documents, "part")).retrieve(run.queries, 100)
    model = run.model
    ways = {
        "summaries": Summary(model, SummaryConfig(lead=0, words=SETTINGS["words"])),
        "keyphrases by idf": Keyphrases(None, KeyphraseConfig(), statistics=statistics(run.index)),
        "keyphrases that the model lists": Keyphrases(
            model, KeyphraseConfig(by="model", words=SETTINGS["words"])
        ),
        "doc2query": Doc2Query(
            model,
            Doc2QueryConfig(count=SETTINGS["doc2query"], dropped=0, words=SETTINGS["words"]),
        ),
        "doc2query, half dropped": Doc2Query(
            model, Doc2QueryConfig(count=SETTINGS["doc2query"], words=SETTINGS["words"])
        ),
    }
    claims = []
    for name, way in ways.items():
        label = name.replace(" ", "-").replace(",", "")

        def searched(way: Any = way, label: str = label) -> list[Any]:
            index = run.indexed(way.enrich(documents), label, (way.field,))
            weights = BM25Config(weights={way.field: 0.5})
            return BM25(weights, index).retrieve(run.queries, 100)

        claims += run.compare(
            f"{name} in the index ({size} documents) beats none", plain, searched,
            metrics=("ndcg@10", "recall@100"),
        )  # fmt: skip
    unchecked = Summary(model, SummaryConfig(lead=0, words=SETTINGS["words"], checked=False))
    some = documents[:50]
    share = faithfulness(unchecked.find(some), [f"{d.title} {d.text}" for d in some])
    claims.append({
        "claim": f"{run.name}: sentences of summaries that their document has the words of",
        "paper": "no number", "told": f"{share:.0%} of {len(some)} documents' summaries",
        "verdict": OPEN,
    })  # fmt: skip
    return claims


def judge(run: Experiment) -> list[dict[str, Any]]:
    """The model's grades beside people's, of documents and of systems; what sways it."""
    from dataclasses import asdict

    from palate.search.judging.agreement import system_agreement
    from palate.search.judging.judge import agreement, as_qrels, biases
    from palate.search.ranking.annotate import Annotator, AnnotatorConfig

    random = np.random.default_rng(run.given.seed)
    pairs = [(q, d) for q in run.queries for d in run.data.qrels[q.id] if d in run.data.documents]
    order = random.permutation(len(pairs))[: min(SETTINGS["pairs"], 15 * run.given.queries)]
    chosen = [pairs[i] for i in sorted(order)]
    if run.name != "noveleval":  # their lists hold hardly anything that is not relevant
        found = run.first(run.queries, 10)
        chosen = [(one.query, d) for one in found for d in one.documents][: len(order)]
    claims = []
    for prior in (False, True):
        annotator = Annotator(run.model, AnnotatorConfig(words=SETTINGS["words"], prior=prior))
        grades = annotator.grade(chosen, run.data)
        qrels = {q.id: {d: run.data.qrels[q.id].get(d, 0) for _, d in chosen} for q, _ in chosen}
        told = agreement(grades, qrels, relevant_from=1 if run.name != "noveleval" else 2)
        names = "grades over those of an empty passage" if prior else "grades as they are"
        k, low, high = told.binary
        claims.append({
            "claim": f"{run.name}: the judge agrees with people beyond chance, {names}",
            "paper": "GPT-4o on TREC: binary kappa .42 to .50",
            "told": f"binary kappa {k:.3f} ({low:.3f} … {high:.3f}), weighted "
            f"{told.weighted[0]:.3f}, {told.judged} judged, {told.missing:.0%} missing",
            "verdict": HOLDS if low > 0 else OPEN if high > 0 else FAILS,
            "agreement": asdict(told), "cost": annotator.cost, "seconds": annotator.seconds,
        })  # fmt: skip
        known: dict[str, dict[str, int]] = as_qrels(grades)
        people, judged = systems(run, known, qrels)
        both = system_agreement(people, judged)
        claims.append({
            "claim": f"{run.name}: the judge ranks systems as people do, {names}",
            "paper": "tau .85 to .90 and more",
            "told": f"tau {both.tau:.3f}, Spearman {both.spearman:.3f} over {both.systems} systems",
            "verdict": HOLDS if both.tau >= 0.85 else FAILS,
        })  # fmt: skip
        unrelated = {
            q.id: random.choice(list(run.data.documents), 4, replace=False).tolist()
            for q in run.queries[:10]
        }
        swayed = biases(annotator, run.queries[:10], run.data, unrelated, grades, qrels)
        claims.append({
            "claim": f"{run.name}: the query written into unrelated documents changes no grade, "
            f"{names}",
            "paper": "grades must stay 0",
            "told": f"mean grade +{swayed.stuffing:.2f}, {swayed.stuffed_relevant:.0%} called "
            f"relevant; order decides {swayed.position:.0%} of pairs; "
            f"length {swayed.verbosity:+.2f}",
            "verdict": HOLDS if abs(swayed.stuffing) < 0.1 else FAILS,
        })  # fmt: skip
    return claims


def systems(
    run: Experiment, judged: dict[str, dict[str, int]], people: dict[str, dict[str, int]]
) -> tuple[list[float], list[float]]:
    """Mean NDCG@10 of a dozen orders of the judged documents, by people and by the judge."""
    from palate.evaluation.retrieval import evaluate_lists
    from palate.search.judging.validity import shuffled

    ours: list[float] = []
    theirs: list[float] = []
    known = {q: list(told) for q, told in judged.items()}
    whole = {one.query.id: one.documents for one in run.first(run.queries, 10_000)}
    for share in np.linspace(0, 1, 12):
        lists = {
            q: shuffled([d for d in whole[q] if d in set(docs)], float(share), 7)
            for q, docs in known.items()
        }
        grades = {q: {d: people[q].get(d, 0) for d in docs} for q, docs in known.items()}
        ours.append(float(evaluate_lists(lists, grades, ("ndcg@10",)).values["ndcg@10"].mean()))
        theirs.append(float(evaluate_lists(lists, judged, ("ndcg@10",)).values["ndcg@10"].mean()))
    return ours, theirs


def users(run: Experiment) -> list[dict[str, Any]]:
    """Whether simulated users prefer BM25 to its shuffle, and worse lists ever less."""
    from palate.search.judging.users import SimulatedUser, UserConfig
    from palate.search.judging.validity import sensitivity, shuffled, sign_test

    lists = [one.documents[:10] for one in run.first(run.queries, 10)]
    worse = [shuffled(one, 1.0, 1) for one in lists]
    if run.name != "noveleval":  # a worse list holds what was found for other queries
        worse = lists[1:] + lists[:1]
    claims = []
    for read in ("json", "likelihood"):
        user = SimulatedUser(run.model, run.data, UserConfig(read=read))  # type: ignore[arg-type]
        seen: list[Any] = []

        def visit(pairs: Any, seed: int, user: Any = user, seen: Any = seen) -> list[Any]:
            found = user.visit(pairs, seed=seed)
            seen.extend(found)
            return [one.action.clicks for one in found]

        test = sign_test(visit, run.queries, lists, worse, users=SETTINGS["users"])
        fall = sensitivity(visit, run.queries, lists, (0.0, 0.5, 1.0), users=1)
        repaired = float(np.mean([one.action.repaired for one in seen]))
        claims.append({
            "claim": f"{run.name}: users ({read}) prefer BM25's lists to worse ones",
            "paper": "the better one in 95 % and more",
            "told": f"{test.agrees:.1%} of resamples ({test.better:.3f} and {test.worse:.3f}); "
            f"shuffled 0, 50, 100 %: {', '.join(f'{x:.3f}' for x in fall)}; "
            f"{repaired:.0%} repaired",
            "verdict": HOLDS if test.agrees >= 0.95 else FAILS,
        })  # fmt: skip
    return claims


def learned(run: Experiment) -> list[dict[str, Any]]:
    """Students of the model's own scores, on queries that nobody graded for them."""
    from palate.search.language_stages import statistics
    from palate.search.ranking.cross_encoder import CrossEncoder, CrossEncoderConfig
    from palate.search.ranking.features import Features
    from palate.search.ranking.lambdamart import LambdaMART, LambdaMARTConfig
    from palate.search.ranking.pointwise import LikelihoodConfig, QueryLikelihood
    from palate.training.context import FitContext

    if run.name == "noveleval":
        return []
    depth, words = SETTINGS["depth"], SETTINGS["words"]
    teaching = run.others[: min(SETTINGS["training queries"], 5 * run.given.queries)]
    lists, taught = run.first(run.queries, 100), run.first(teaching, depth)
    teacher = QueryLikelihood(run.model, LikelihoodConfig(depth=depth, words=words))
    claims = []

    def mart(by: str) -> list[Any]:
        features = Features(statistics(run.index), run.data, ["bm25"])
        config = LambdaMARTConfig(trees=100, leaves=7, least=20)
        if by == "people":
            grades = [[run.data.qrels[one.query.id].get(d, 0) for d in one.documents]
                      for one in taught]  # fmt: skip
            return LambdaMART(features, config).fit(taught, grades).rerank(lists, run.data, depth)
        ordered = teacher.rerank(taught, run.data)
        grades = [[3 - min(3, 3 * i // max(1, len(one.hits) // 2)) for i in range(len(one.hits))]
                  for one in ordered]  # fmt: skip
        return LambdaMART(features, config).fit(ordered, grades).rerank(lists, run.data, depth)

    def student(loss: str) -> list[Any]:
        config = CrossEncoderConfig(loss=loss, words=words, hits=depth)  # type: ignore[arg-type]
        made = CrossEncoder.load_encoder("minilm", config)
        ordered = teacher.rerank(taught, run.data)
        made.fit(ordered, run.data, validation=ordered[-5:], context=FitContext(run.given.seed))
        return made.rerank(lists, run.data, depth)

    for name, ours in {
        "LambdaMART taught by query likelihood": lambda: mart("model"),
        "LambdaMART taught by people's grades": lambda: mart("people"),
        "MiniLM taught by query likelihood (RankNet)": lambda: student("ranknet"),
        "MiniLM taught by query likelihood (ListMLE)": lambda: student("listmle"),
    }.items():
        claims += run.compare(
            f"{name}, {len(teaching)} queries, beats BM25's order", lists, ours,
            paper="RankGPT's student: 53.0 and BM25 43.4 on BEIR, with 10k queries of gpt-3.5",
        )  # fmt: skip
    return claims


def main() -> None:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--data", type=Path, default=os.environ.get("PALATE_SHARED_DATA"))
    parser.add_argument("--collections", default="scifact,cranfield,noveleval")
    parser.add_argument("--parts", default=",".join(PARTS), help="which, with commas")
    parser.add_argument("--queries", type=int, default=50, help="of each collection")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--address", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=NUMBER",
        help=f"one of the sizes: {', '.join(f'{key} ({size})' for key, size in SETTINGS.items())}",
    )  # fmt: skip
    parser.add_argument("--name", default=NAME, help="of the file of results")
    given = parser.parse_args()
    path = RESULTS / f"{given.name}.json"
    if given.part == "run":
        if given.data is None:
            parser.error("where are the collections? say --data FOLDER")
        given.data = Path(given.data)
        for one in given.set:
            key, _, size = one.partition("=")
            if key not in SETTINGS or not size.isdigit():
                parser.error(f"--set {one}: there are {', '.join(SETTINGS)}, each a number")
            SETTINGS[key] = int(size)
        chosen = [one for one in given.parts.split(",") if one]
        if strange := [one for one in chosen if one not in PARTS]:
            parser.error(f"no part '{strange[0]}'; there are: {', '.join(PARTS)}")
        measure(given, chosen, path)
    results = json.loads(path.read_text("utf-8"))["results"]
    print(table([claim for part in results["parts"].values() for claim in part]))


def measure(given: argparse.Namespace, chosen: Sequence[str], path: Path) -> None:
    """Compute the parts, and write after each what there is so far."""
    from palate.language.chat import ChatConfig
    from palate.search.language_stages import shared_chat

    # The one that stages of pipelines share, so that all is counted in one place.
    model = shared_chat(ChatConfig(model=given.model, address=given.address))
    kept = Kept(FOLDER / f"{given.name}-{given.model.replace('/', '-')}-{given.seed}", text=True)
    results: dict[str, Any] = {"model": given.model, "settings": SETTINGS, "parts": {}}
    if path.exists():
        before = json.loads(path.read_text("utf-8"))["results"]
        if before["model"] == given.model:
            results["parts"] = before["parts"]
    typed = f"python claims/{NAME}.py run --queries {given.queries} --model {given.model}"
    typed += "".join(f' --set "{one}"' for one in given.set)
    for name in given.collections.split(","):
        run = Experiment(given, name, model, kept)
        for part in chosen:
            started = time.perf_counter()
            claims = {
                "ranking": ranking, "query": query, "spelling": spelling, "content": content,
                "judge": judge, "users": users, "learned": learned,
            }[part](run)  # fmt: skip
            print(f"{name}, {part}: {time.perf_counter() - started:.0f} s", flush=True)
            if claims:
                results["parts"][f"{part}, {name}, {len(run.queries)} queries"] = claims
            record(given.name, results, typed, seed=given.seed, folder=RESULTS)


if __name__ == "__main__":
    main()
