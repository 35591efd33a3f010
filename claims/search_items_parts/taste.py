"""What people like, for the order of what is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from claims.search_items_parts.shop import PIPELINES, RANKED, Shop, gains

WEIGHTS = np.linspace(0, 1, 11)


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
