"""What each method reaches on MovieLens-100K: leave-one-out, full ranking, history masked.

The numbers of Popularity and EASE come from an independent implementation and hold to rounding.
The others are floors a little under what the defaults reached, which were chosen on validation.
"""

from __future__ import annotations

import pytest

from palate.data.cases import Cases, Split
from palate.data.splits import make_split
from palate.evaluation.ranking import ndcg, rank_targets
from palate.recommenders import registry
from palate.recommenders.base import Recommender


def fitted(name: str, split: Split, **settings: object) -> Recommender:
    return registry.get(name)(registry.configure(name, settings)).fit(split)


def ndcg_at_10(recommender: Recommender, cases: Cases, sign: int = 1) -> float:
    """NDCG@10; with *sign* -1, ties are broken in the model's favour instead of against it."""
    histories, targets = cases.histories, cases.targets
    scores = recommender.score(histories)
    if sign < 0:
        scores[range(len(targets)), targets] += 0.5  # counts are whole numbers
    ranks = rank_targets(scores, targets, (histories.items, histories.offsets))
    return float(ndcg(ranks, 10).mean())


def test_popularity(ml100k_split):
    popularity = fitted("popularity", ml100k_split)
    assert round(ndcg_at_10(popularity, ml100k_split.test), 4) == 0.0432
    assert round(ndcg_at_10(popularity, ml100k_split.test, sign=-1), 4) == 0.0450


def test_ease(ml100k_split):
    ease = fitted("ease", ml100k_split, regularization=300)
    assert round(ndcg_at_10(ease, ml100k_split.test), 4) == 0.0728


@pytest.mark.parametrize(
    ("name", "reached"), [("itemknn", 0.1055), ("als", 0.0753), ("bpr", 0.0651)]
)
def test_floor(name, reached, ml100k_split):
    assert ndcg_at_10(fitted(name, ml100k_split), ml100k_split.test) > reached - 0.004


def test_recency_is_what_makes_itemknn_strong(ml100k_split):
    recent, alike = (fitted("itemknn", ml100k_split, half_life=h) for h in (1, None))
    validation = ml100k_split.validation
    assert ndcg_at_10(recent, validation) > 1.5 * ndcg_at_10(alike, validation)


def test_recent_popularity_is_the_better_forecast(ml100k):
    split = make_split(ml100k, "temporal")
    all_time, recent = (fitted("popularity", split, newest=share) for share in (1, 0.1))
    assert ndcg_at_10(recent, split.test) > 1.5 * ndcg_at_10(all_time, split.test)
