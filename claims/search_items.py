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
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.kept import Kept
from claims.search_items_parts.clicks import clicks_help
from claims.search_items_parts.shop import (
    FOLDER,
    PIPELINES,
    SETTINGS,
    Shop,
)
from claims.search_items_parts.taste import taste_helps
from claims.verdicts import better, exactly, pooled, table

SHARES = {"ease": (0.3, 0.6), "sasrec": (0.6,)}  # of the training events, that are sought
PAPER = "names it; no numbers"


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
