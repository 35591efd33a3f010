"""Search beside bm25s and faiss used bare: queries per second, p99, build rate, memory.

Synthetic documents: 60 words on average, drawn from a Zipf-like vocabulary of 200,000; queries of
two to six words. Question in, ten ids out, one question at a time: tokenising is part of it on
both sides, and for palate so are looking whether the index has changed, tombstones and ids. Both
answer the same questions in turn. Dense vectors are random; queries are asked as vectors, so that
nothing but search is measured, and as text, encoded by MiniLM on both sides, as people ask. And
whole pipelines, a stage more each.

    python benchmarks/search.py --documents 5000 100000

Writes benchmarks/results/search.json; expected: overhead below 20 %, at a million documents too
(--documents 1000000 takes about 4 GB and some minutes).
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
import psutil
import Stemmer

from palate.evaluation.cost import Meter
from palate.language.encoder import load_encoder
from palate.search.analysis import STOP_WORDS
from palate.search.dense import Dense, DenseConfig, SegmentVectors
from palate.search.documents import Document
from palate.search.fusion import Convex
from palate.search.index import SearchIndex
from palate.search.lexical import BM25, BM25Config
from palate.search.pipeline import Pipeline
from palate.search.results import Query
from record import record

VOCABULARY, WORDS, SIZE, K = 200_000, 60, 384, 10
SHARED = ("scores", "vocab_dict", "unique_token_ids_set", "nonoccurrence_array")


def word(number: int) -> str:
    """A word of its own for each number, of letters only, that no stemmer shortens."""
    letters = []
    while True:
        number, digit = divmod(number, 20)
        letters.append("bcdfghjklmnpqrtvwxzk"[digit] + "aou"[digit % 3])
        if not number:
            return "".join(letters) + "k"


def texts(n: int, seed: int, words: list[str]) -> Iterator[str]:
    """Documents: log-normal lengths, words by 1 / (rank + 10)."""
    random = np.random.default_rng(seed)
    chances = 1 / (np.arange(len(words)) + 10.0)
    edges = np.cumsum(chances / chances.sum())
    for start in range(0, n, 10_000):
        lengths = np.maximum(5, random.lognormal(np.log(WORDS) - 0.08, 0.4, min(10_000, n - start)))
        ends = np.cumsum(lengths.astype(int))
        drawn = np.searchsorted(edges, random.random(int(ends[-1])))
        drawn = np.minimum(drawn, len(words) - 1).tolist()
        begin = 0
        for end in ends.tolist():
            yield " ".join([words[i] for i in drawn[begin:end]])
            begin = end


def questions(n: int, seed: int, words: list[str]) -> list[str]:
    """Queries of two to six words, less often the most frequent ones."""
    random = np.random.default_rng(seed)
    picks = (len(words) ** random.random((n, 6))).astype(int) + 20
    picks = np.minimum(picks, len(words) - 1)
    return [" ".join(words[i] for i in row[: 2 + i % 5]) for i, row in enumerate(picks)]


def alternate(calls: dict[str, Callable[[int], Any]], n: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of each call on questions 0 … n - 1, the calls in turn, the best of rounds."""
    times = {name: np.full((rounds, n), np.inf) for name in calls}
    for number in range(n):
        for call in calls.values():
            call(number)  # what is filled in at first use is there
    for turn in range(rounds):
        for number in range(n):
            for name, call in calls.items():
                start = time.perf_counter()
                call(number)
                times[name][turn, number] = 1000 * (time.perf_counter() - start)
    found = {}
    for name, table in times.items():
        best = table.min(0)
        found[name] = {
            "queries_per_second": round(1000 / float(best.mean()), 1),
            "p50_ms": round(float(np.quantile(best, 0.5)), 4),
            "p99_ms": round(float(np.quantile(best, 0.99)), 4),
            "p99_ms_all_rounds": round(float(np.quantile(table, 0.99)), 4),
        }
    return found


def lexical(n: int, folder: Path, seed: int, asked: int, rounds: int) -> dict[str, Any]:
    """Build both, ask both."""
    words = [word(i) for i in range(VOCABULARY)]
    with Meter() as building:
        index = SearchIndex.create(folder / f"idx-{n}")
        index.add(Document(str(i), text) for i, text in enumerate(texts(n, seed, words)))
        index.compact()
    queries = questions(asked, seed + 1, words)
    ours = BM25(BM25Config(), index)
    first = time.perf_counter()
    ours.retrieve([Query("0", queries[0])], K)
    first = time.perf_counter() - first
    gc.collect()
    stemmer = Stemmer.Stemmer("porter")

    def tokens(some: list[str], ids: bool = False) -> Any:
        return bm25s.tokenize(
            some, token_pattern=r"\w+", stopwords=list(STOP_WORDS), stemmer=stemmer,
            return_ids=ids, show_progress=False,
        )  # fmt: skip

    with Meter() as bare_building:
        bare = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        bare.index(tokens(list(texts(n, seed, words)), ids=True), show_progress=False)

    def ask_bare(number: int) -> Any:
        return bare.retrieve(tokens([queries[number]]), k=K, show_progress=False)

    compiled = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend="numba")
    vars(compiled).update({name: getattr(bare, name) for name in SHARED})

    def ask_compiled(number: int) -> Any:
        return compiled.retrieve(tokens([queries[number]]), k=K, show_progress=False, n_threads=1)

    def ask_ours(number: int) -> Any:
        return ours.retrieve([Query("1", queries[number])], K)[0]

    for number in range(20):  # the timings mean nothing unless both find the same
        expected = np.sort(ask_bare(number).scores[0])[::-1]
        found = [hit.score for hit in ask_ours(number)]
        if not np.allclose(found, expected[expected > 0], atol=1e-4):
            raise SystemExit(f"'{queries[number]}': {found} is not {expected}")
    timed = alternate(
        {"palate": ask_ours, "bm25s": ask_bare, "bm25s_numba": ask_compiled}, asked, rounds
    )
    size = sum(path.stat().st_size for path in index.folder.rglob("*") if path.is_file())
    return {
        **timed,
        "overhead": _overhead(timed, "bm25s"),
        "overhead_to_numba": _overhead(timed, "bm25s_numba"),
        "first_query_ms": round(1000 * first, 2),
        "build": {
            "palate_documents_per_second": round(n / building.seconds),
            "palate_peak_mb": round(building.peak_bytes / 1e6),
            "palate_bytes_on_disk": size,
            "bm25s_documents_per_second": round(n / bare_building.seconds),
            "bm25s_peak_mb": round(bare_building.peak_bytes / 1e6),
        },
    }


def update(n: int, folder: Path) -> float:
    """From a changed document to an answer that knows it; milliseconds, the median of ten."""
    index = SearchIndex(folder / f"idx-{n}")
    ours = BM25(BM25Config(), index)
    ours.retrieve([Query("0", word(5))], K)
    times = []
    for turn in range(10):
        start = time.perf_counter()
        index.add([Document("7", f"{word(5)} zeppelin{turn}")])
        [found] = ours.retrieve([Query("1", f"zeppelin{turn}")], K)
        times.append(time.perf_counter() - start)
        if found.documents != ["7"]:
            raise SystemExit("a change was not seen by the next query")
    return round(1000 * float(np.median(times)), 2)


class Given(Dense):
    """Dense search over vectors that are given."""

    given: SegmentVectors

    def vectors(self, snapshot: Any, view: Any) -> SegmentVectors:
        return self.given


def dense(n: int, folder: Path, seed: int, asked: int, rounds: int) -> dict[str, Any]:
    """The same vectors through palate, exact and through faiss, and through faiss alone."""
    random = np.random.default_rng(seed)
    data = random.standard_normal((n, SIZE), dtype=np.float32)
    data /= np.linalg.norm(data, axis=1, keepdims=True)
    asking = random.standard_normal((asked, SIZE), dtype=np.float32)
    index = SearchIndex.create(folder / f"dense-{n}")
    index.add(Document(str(i), "x") for i in range(n))
    index.compact()
    own = SegmentVectors(data, np.arange(n + 1))
    exact, through = (Given(DenseConfig(search=how), index) for how in ("numpy", "faiss"))
    exact.given = through.given = own
    bare = faiss.IndexFlatIP(SIZE)
    bare.add(data)
    own._faiss["faiss"] = bare

    def ask(which: Dense) -> Callable[[int], Any]:
        def call(number: int) -> Any:
            with index.reading() as snapshot:
                row = asking[number : number + 1]
                return which.search(snapshot, [Query("1", "")], row, K)[0]

        return call

    def ask_bare(number: int) -> Any:
        return bare.search(asking[number : number + 1], K)

    for number in range(5):
        expected = [str(i) for i in ask_bare(number)[1][0]]
        if not ask(exact)(number).documents == ask(through)(number).documents == expected:
            raise SystemExit("the lists differ: the timings would mean nothing")
    timed = alternate(
        {"palate_numpy": ask(exact), "palate": ask(through), "faiss": ask_bare}, asked, rounds
    )
    texts = questions(asked, seed + 1, [word(i) for i in range(VOCABULARY)])
    encoder = load_encoder("minilm")
    for one in (exact, through):
        one._encoder = encoder
    whole = alternate(
        {
            "palate_numpy": lambda i: exact.retrieve([Query("1", texts[i])], K),
            "palate": lambda i: through.retrieve([Query("1", texts[i])], K),
            "faiss": lambda i: bare.search(encoder.encode([texts[i]]), K),
        },
        min(asked, 40),
        min(rounds, 3),
    )
    return {
        "vectors": {**timed, "overhead": _overhead(timed, "faiss")},
        "texts": {**whole, "overhead": _overhead(whole, "faiss")},
    }


def stages(n: int, folder: Path, seed: int, asked: int, rounds: int) -> dict[str, Any]:
    """Whole pipelines over the index that :func:`lexical` left, with random vectors: what a person
    waits for each stage."""
    index = SearchIndex(folder / f"idx-{n}")
    data = np.random.default_rng(seed).standard_normal((n, SIZE), dtype=np.float32)
    data /= np.linalg.norm(data, axis=1, keepdims=True)
    by_vectors = Given(DenseConfig(), index)
    with index.reading() as snapshot:
        if [len(view.segment) for view in snapshot.views] != [n]:
            raise SystemExit("the index is not one segment: the vectors would be another's")
    by_vectors.given = SegmentVectors(data, np.arange(n + 1))
    by_vectors._encoder = load_encoder("minilm")
    by_words = BM25(BM25Config(), index)
    lines = {
        "bm25": Pipeline(index, [by_words]),
        "rm3": Pipeline(index, [BM25(BM25Config(feedback="rm3"), index)]),
        "dense": Pipeline(index, [by_vectors]),
        "hybrid": Pipeline(index, [by_words, by_vectors], fusion=Convex()),
    }
    texts = questions(asked, seed + 1, [word(i) for i in range(VOCABULARY)])
    return alternate(
        {
            name: lambda i, line=line: line.retrieve([Query("1", texts[i])], K)
            for name, line in lines.items()
        },
        asked,
        min(rounds, 3),
    )


def _overhead(timed: dict[str, Any], bare: str) -> dict[str, float]:
    """How much longer a query takes than bare: the mean, and p99; 0.2 is 20 %."""
    least = timed[bare]
    return {
        name: {
            "mean": round(least["queries_per_second"] / one["queries_per_second"] - 1, 3),
            "p99": round(one["p99_ms"] / least["p99_ms"] - 1, 3),
        }
        for name, one in timed.items()
        if name != bare
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[5_000, 100_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    rows: dict[str, Any] = {}
    for n in options.documents:
        with tempfile.TemporaryDirectory() as folder:
            work = (n, Path(folder), options.seed, options.queries, options.rounds)
            rows[str(n)] = {"lexical": lexical(*work)}
            gc.collect()
            rows[str(n)]["stages"] = stages(*work)
            rows[str(n)]["update_ms"] = update(n, work[1])
            gc.collect()
            rows[str(n)]["dense"] = dense(*work)
        rows[str(n)]["resident_mb"] = round(psutil.Process().memory_info().rss / 1e6)
        print(n, json.dumps(rows[str(n)], indent=1))
    command = f"python benchmarks/search.py --documents {' '.join(map(str, options.documents))}"
    command += f" --seed {options.seed} --queries {options.queries} --rounds {options.rounds}"
    results = {"threads": 1, "k": K, "words_per_document": WORDS, "by_documents": rows}
    print(record("search", results, f"OMP_NUM_THREADS=1 {command}", seed=options.seed))


if __name__ == "__main__":
    main()
