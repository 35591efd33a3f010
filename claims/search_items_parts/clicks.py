"""What people clicked in a search, for what is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from claims.search_items_parts.shop import SHOWN, Shop

WAYS = ("browsing", "clicks", "of others", "hasty", "sought")


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
