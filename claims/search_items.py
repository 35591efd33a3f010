"""Search and recommendation of the same items: does each help the other?

    python claims/search_items.py run --data ml-100k --seeds 3      # half an hour or so
    python claims/search_items.py run --data ml-100k --seeds 1 --tastes ease
    python claims/search_items.py table

Leave-one-out. Nobody's queries are in such data, so they are made from what is held out: a person
looks for the item that they had next, by two of its genres, by a genre and its year, or by a word
of its title and a genre, drawn in equal parts; relevant is that item alone. Such queries say what a
catalogue says and no more; those of people are vaguer, so that taste can do more here than for a
title and less than for a mood.

Taste for search: the mixture's weight is chosen on the validation's queries for each variant by
itself. Controls have the same freedom: the taste of a person drawn at random, and popularity. Then
the same as features of LambdaMART, learned on the validation's queries. The shipped weight, scales
and pipeline were chosen on MovieLens-100K's validation (seed 0, EASE), so that "shipped" is no
forecast for other data.

Search for taste: three or six tenths of every person's training events become searches instead:
the person asks for the item, sees ten results of BM25, and clicks as a dynamic Bayesian network has
them, with accidents. Clicks after which they stayed are training events. Controls: no clicks, the
same clicks given to people drawn at random, clicks without a stay, and the events themselves.
Six tenths were added after the first seed had shown little at three; both are told.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.kept import Kept
from claims.verdicts import better, exactly, pooled, table

FOLDER = Path("runs/claims/search_items")
SETTINGS: dict[str, dict[str, Any]] = {
    "ease": {},
    "sasrec": {"epochs": 30, "patience": 2, "width": 32},
}
PIPELINES = {"bm25": "bm25", "shipped": ""}  # empty is what the search of items does by itself
WEIGHTS = np.linspace(0, 1, 11)
POOL, RANKED, SHOWN = 200, 100, 10
SHARES = {"ease": (0.3, 0.6), "sasrec": (0.6,)}  # of the training events, that are sought
WAYS = ("browsing", "clicks", "of others", "hasty", "sought")
PAPER = "names it; no numbers"


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


def mixtures(
    shop: Shop, lists: Sequence[Any], scores: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """[weights, u] NDCG@10 of the mixture, by weight."""
    from palate.search.items.taste import mixed, proportions, shares

    found = np.zeros((len(WEIGHTS), len(lists)))
    for row, (one, own) in enumerate(zip(lists, scores, strict=True)):
        relevance = proportions(np.array([hit.score for hit in one]))
        liked = shares(own[[shop.place[document] for document in one.documents]])
        for at, weight in enumerate(WEIGHTS):
            order = np.argsort(-mixed(relevance, liked, weight), kind="stable")[:10]
            best = [[one.documents[place] for place in order.tolist()]]
            found[at, row] = gains(best, [int(targets[row])], shop)[0]
    return found


def tastes(shop: Shop, method: str, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """[u, i] by whose taste it is, for the cases of validation and of test."""
    model = shop.taste(method, seed)
    random = np.random.default_rng([seed, 7])
    found: dict[str, dict[str, np.ndarray]] = {"own": {}, "of another": {}}
    for part in ("validation", "test"):
        cases = getattr(shop.split, part)
        scores = model.score(cases.histories)
        found["own"][part] = scores
        found["of another"][part] = scores[random.permutation(len(scores))]
    return found


def taste_helps(shop: Shop, method: str, seed: int) -> dict[str, np.ndarray]:
    """Per test user, what each taste makes of each pipeline's lists; and as features."""
    from palate.evaluation.ranking import ndcg, rank_targets

    people = tastes(shop, method, seed)
    if method == "ease":
        people["popularity"] = tastes(shop, "popularity", seed)["own"]
    cases = {part: getattr(shop.split, part) for part in ("validation", "test")}
    test = cases["test"]
    seen = (test.histories.items, test.histories.offsets)
    ranks = rank_targets(people["own"]["test"], test.targets, seen)
    found = {"no query": ndcg(ranks, 10), "kinds": np.array(shop.queries(test, seed, "test")[0])}
    for pipeline in PIPELINES:
        lists = {part: shop.found(pipeline, seed, part) for part in cases}
        found[f"{pipeline}: relevance"] = gains(lists["test"], test.targets, shop)
        for whose, scores in people.items():
            chosen = mixtures(
                shop, lists["validation"], scores["validation"], cases["validation"].targets
            )
            best = int(chosen.mean(axis=1).argmax())
            told = mixtures(shop, lists["test"], scores["test"], test.targets)
            found[f"{pipeline}: {whose}"] = told[best]
            found[f"{pipeline}: {whose}: weight"] = WEIGHTS[best : best + 1]
            found[f"{pipeline}: {whose}: as shipped"] = told[4]
        if pipeline == "bm25":
            found |= features_help(shop, people, lists, cases, seed)
    return found


def features_help(
    shop: Shop, people: dict[str, dict[str, np.ndarray]], lists: Any, cases: Any, seed: int
) -> dict[str, np.ndarray]:
    """Per test user, LambdaMART without taste, with it, and with another's."""
    from palate.search.items.taste import taste_features
    from palate.search.ranking.features import Features
    from palate.search.ranking.lambdamart import LambdaMART, LambdaMARTConfig
    from palate.search.results import Results

    heads = {part: [Results(one.query, one.hits[:RANKED]) for one in lists[part]] for part in lists}
    statistics = shop.statistics
    wanted = [shop.catalogue.items[target] for target in cases["validation"].targets]
    lessons = [
        (one, [float(document == item) for document in one.documents])
        for one, item in zip(heads["validation"], wanted, strict=True)
        if item in one.documents
    ]
    held = np.random.default_rng(seed).permutation(len(lessons)) < len(lessons) // 5
    told = [[lessons[at] for at in np.flatnonzero(held == flag)] for flag in (False, True)]
    found = {}
    for whose in ("nobody", "own", "of another"):
        scores = {} if whose == "nobody" else {
            f"{part}-{n}": row for part in cases for n, row in enumerate(people[whose][part])
        }  # fmt: skip
        more = taste_features(scores, shop.catalogue.items) if scores else {}
        ranker = LambdaMART(
            Features(statistics, shop, ["bm25"], more),
            LambdaMARTConfig(leaves=15, least=20, truncation=10),
        )
        (train, grades), (check, checked) = (tuple(zip(*some, strict=True)) for some in told)
        ranker.fit(train, grades, validation=(check, checked), seed=seed)
        best = ranker.rerank(heads["test"], shop)
        found[f"lambdamart: {whose}"] = gains(best, cases["test"].targets, shop)
    return found


def clicks_help(shop: Shop, method: str, seed: int, share: float) -> dict[str, np.ndarray]:
    """Per test user, NDCG@10 of a recommender that learned from clicks or did not."""
    from palate.data.cases import Cases, Histories
    from palate.evaluation.ranking import ndcg, rank_targets

    sequences, test = shop.split.train.sequences(), shop.split.test
    random = np.random.default_rng([seed, 11])
    sought = [np.sort(random.permutation(len(one))[: int(share * len(one))]) for one in sequences]
    events = searched(shop, sequences, sought, seed)
    found: dict[str, np.ndarray] = {
        "events": np.array([sum(map(len, sequences)), sum(map(len, sought))]),
    }
    rest = [test.histories[row][len(one) :].tolist() for row, one in enumerate(sequences)]
    for way in WAYS if method == "ease" else WAYS[:3]:
        pairs = enumerate(zip(sequences, sought, strict=True))
        lists = [joined(one, gone, events[way].get(row, {})) for row, (one, gone) in pairs]
        train = Cases(Histories.of([one[:-1] for one in lists]), np.array([x[-1] for x in lists]))
        model = shop.taste(method, seed, replace(shop.split, train=train, train_times=None))
        browsed = [joined(one, gone, {}) for one, gone in zip(sequences, sought, strict=True)]
        seen = (test.histories.items, test.histories.offsets)
        for name, histories in (("learned", browsed), ("learned and known", lists)):
            known = Histories.of([one + more for one, more in zip(histories, rest, strict=True)])
            ranks = rank_targets(model.score(known), test.targets, seen)
            found[f"{way}: {name}"] = ndcg(ranks, 10)
        found[f"{way}: count"] = np.array([sum(map(len, events[way].values()))])
    return found


def joined(sequence: np.ndarray, gone: np.ndarray, more: dict[int, list[int]]) -> list[int]:
    """The items of a sequence without some places, with others put there."""
    left = set(gone.tolist())
    found: list[int] = []
    for place, item in enumerate(sequence.tolist()):
        found += [] if place in left else [item]
        found += [one for one in more.get(place, []) if one not in found]
    return found


def searched(
    shop: Shop, sequences: Any, sought: Sequence[np.ndarray], seed: int
) -> dict[str, dict[int, dict[int, list[int]]]]:
    """By what is learned from: by person and place of the sequence, the items."""
    from palate.search.items.clicks import training_events
    from palate.search.judging.clicks import Shown
    from palate.search.logs.log import SATISFIED, Click, Entry
    from palate.search.logs.simulator import KnownUsers, SimulatorConfig
    from palate.search.results import Query
    from palate.search.stages import pipeline

    random = np.random.default_rng([seed, 13])
    asked = [(row, place) for row, some in enumerate(sought) for place in some.tolist()]
    items = [int(sequences[row][place]) for row, place in asked]
    texts = [shop.asked(item, random)[1] for item in items]
    distinct = list(dict.fromkeys(texts))
    lists = pipeline(shop.index, "bm25").retrieve([Query(t, t) for t in distinct], SHOWN)
    ranking = {text: tuple(one.documents) for text, one in zip(distinct, lists, strict=True)}
    names = [f"{row} {place}" for row, place in asked]
    wanted = {name: {shop.catalogue.items[item]} for name, item in zip(names, items, strict=True)}
    people = KnownUsers(SimulatorConfig(), wanted)
    shown = [Shown(name, ranking[t], (False,) * len(ranking[t]))
             for name, t in zip(names, texts, strict=True)]  # fmt: skip
    log = []
    for (row, place), text, one in zip(asked, texts, people.sample(shown, seed), strict=True):
        places = [at for at, clicked in enumerate(one.clicks) if clicked]
        stays = [places and at == places[-1] and random.random() < people.pleases(
            one.query, one.documents[at]) for at in places]  # fmt: skip
        clicks = [Click(one.documents[at], at + 1, 2 * SATISFIED if stay else 1.0)
                  for at, stay in zip(places, stays, strict=True)]  # fmt: skip
        log.append(Entry(one.query, str(row), place, text, one.documents, tuple(clicks)))

    def placed(rows: Any, users: Sequence[int] | None = None) -> dict[int, dict[int, list[int]]]:
        found: dict[int, dict[int, list[int]]] = {}
        for at, (user, item, place) in enumerate(rows):
            own = found.setdefault(int(user) if users is None else int(users[at]), {})
            own.setdefault(int(place), []).append(shop.place[item])
        return found

    stayed = training_events(log, shop.catalogue.items).rows()
    strangers = random.permutation([int(user) for user, _, _ in stayed])
    truth = [(row, shop.catalogue.items[item], place)
             for (row, place), item in zip(asked, items, strict=True)]  # fmt: skip
    return {
        "browsing": {},
        "clicks": placed(stayed),
        "of others": placed(stayed, strangers.tolist()),
        "hasty": placed(training_events(log, shop.catalogue.items, dwell=0).rows()),
        "sought": placed(truth),
    }


def titles(shop: Shop, seed: int) -> dict[str, np.ndarray]:
    """Per test user, whether who types the title has the item first."""
    from palate.search.items.search import ItemSearch, ItemSearchConfig

    test = shop.split.test
    scores = shop.taste("ease", seed).score(test.histories)
    search = ItemSearch(shop.catalogue, shop.index, ItemSearchConfig(pipeline="bm25"))
    first = [
        shop.short[search.search(shop.short[target], scores[row], k=1).items[0].item]
        == shop.short[target]
        for row, target in enumerate(test.targets.tolist())
    ]
    return {"first": np.array(first, dtype=float)}


def run(data: str, seeds: int, methods: Sequence[str]) -> None:
    shop, kept = Shop(data), Kept(FOLDER / data)
    found: dict[str, list[dict[str, np.ndarray]]] = {}
    for seed in range(seeds):
        for method in methods:
            one = kept(f"taste-{method}-{seed}", partial(taste_helps, shop, method, seed))
            found.setdefault(f"taste {method}", []).append(one)
            for share in SHARES[method]:
                clicks = partial(clicks_help, shop, method, seed, share)
                one = kept(f"clicks-{method}-{share}-{seed}", clicks)
                found.setdefault(f"clicks {method} {share}", []).append(one)
    named = kept("titles", partial(titles, shop, 0))
    claims = [
        *(claim for method in methods for claim in of_taste(method, found[f"taste {method}"])),
        *(claim for method in methods for share in SHARES[method]
          for claim in of_clicks(method, share, found[f"clicks {method} {share}"])),
        exactly("who types a title has that item first, whatever they like",
                bool(named["first"].mean() > 0.99), PAPER,
                f"{named['first'].mean():.3f} of {len(named['first'])} titles"),
    ]  # fmt: skip
    results = {
        "data": data,
        "split": shop.split.name,
        "notes": list(shop.split.notes),
        "seeds": seeds,
        "settings": {method: SETTINGS[method] for method in methods},
        "queries": [shop.asked(item, np.random.default_rng(item))[1] for item in range(12)],
        "ndcg@10": {name: means(several) for name, several in found.items()},
        "by kind of query": {
            f"{method}, {line}": kinds(found[f"taste {method}"], line)
            for method in methods
            for line in ("bm25: relevance", "bm25: own", "shipped: relevance", "shipped: own")
        },
        "claims": claims,
    }  # fmt: skip
    told = "" if list(methods) == list(SETTINGS) else f" --tastes {','.join(methods)}"
    again = f"python claims/search_items.py run --data {data} --seeds {seeds}{told}"
    print(record("search_items", results, again, folder=RESULTS))


def of_taste(method: str, runs: list[dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    one = {name: pooled([seed[name] for seed in runs]) for name in runs[0] if name != "kinds"}

    def claim(told: str, ours: str, other: str) -> list[dict[str, Any]]:
        known = ours in one and other in one
        return [better(f"{method}: {told}", one[ours], one[other], PAPER)] if known else []

    return [
        *(
            line
            for name in PIPELINES
            for line in (
                *claim(f"taste helps {name}", f"{name}: own", f"{name}: relevance"),
                *claim(f"it is the person's own: {name}", f"{name}: own", f"{name}: of another"),
                *claim(f"more than popularity helps {name}", f"{name}: own", f"{name}: popularity"),
                *claim(f"the shipped weight helps {name}", f"{name}: own: as shipped",
                       f"{name}: relevance"),
            )
        ),
        *claim("a query helps the recommender", "bm25: own", "no query"),
        *claim("vectors beside BM25 help, with taste", "shipped: own", "bm25: own"),
        *claim("taste helps LambdaMART", "lambdamart: own", "lambdamart: nobody"),
        *claim("it is the person's own: LambdaMART", "lambdamart: own", "lambdamart: of another"),
        *claim("LambdaMART beats the mixture", "lambdamart: own", "bm25: own"),
    ]  # fmt: skip


def of_clicks(method: str, share: float, runs: list[dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    names = [name for name in runs[0] if len(runs[0][name]) > 2]
    one = {name: pooled([seed[name] for seed in runs]) for name in names}
    found = []
    for how in ("learned", "learned and known"):
        for told, ours, other in (
            ("search clicks help", "clicks", "browsing"),
            ("they are the person's own", "clicks", "of others"),
            ("those with a stay help more than all", "clicks", "hasty"),
            ("what was sought helps more than what was clicked", "sought", "clicks"),
        ):
            a, b = f"{ours}: {how}", f"{other}: {how}"
            if a in one and b in one:
                line = f"{method}, {share:.0%} sought, {how}: {told}"
                found.append(better(line, one[a], one[b], PAPER))
    return found


def means(runs: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """The mean of each line over users, and by seed; counts and weights as they are."""
    told: dict[str, Any] = {}
    for name in runs[0]:
        if name == "kinds":
            continue
        if len(runs[0][name]) <= 2:
            told[name] = [one[name].tolist() for one in runs]
        else:
            by_seed = [float(one[name].mean()) for one in runs]
            told[name] = {"mean": float(np.mean(by_seed)), "by_seed": by_seed}
    return told


def kinds(runs: list[dict[str, np.ndarray]], line: str) -> dict[str, float]:
    """The mean of a line by kind of query."""
    every = np.concatenate([one["kinds"] for one in runs])
    values = np.concatenate([one[line] for one in runs])
    return {str(kind): float(values[every == kind].mean()) for kind in np.unique(every)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--data", default="ml-100k", help="with titles and genres")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tastes", default=",".join(SETTINGS), help="recommenders, with commas")
    given = parser.parse_args()
    if given.part == "run":
        methods = given.tastes.split(",")
        if strange := [one for one in methods if one not in SETTINGS]:
            parser.error(f"no taste '{strange[0]}'; there are: {', '.join(SETTINGS)}")
        run(given.data, given.seeds, methods)
    print(table(json.loads((RESULTS / "search_items.json").read_text())["results"]["claims"]))


if __name__ == "__main__":
    main()
