"""What decides the order of what may be shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.conversation.ranking import Ranker, RankingConfig, standardised
from palate.conversation.texts import Texts
from palate.conversation.vocabulary import Vocabulary
from palate.conversation.wishes import Wishes
from palate.data.cases import Histories
from palate.evaluation.ranking import top_k
from palate.recommenders.base import Recommender


@pytest.fixture(scope="module")
def texts(vocabulary: Vocabulary) -> Texts:
    return Texts(vocabulary.catalogue)


@pytest.fixture(scope="module")
def everything(vocabulary: Vocabulary) -> np.ndarray:
    return np.ones(len(vocabulary), dtype=bool)


def ranker(ease: Recommender, vocabulary: Vocabulary, texts: Texts, **weights: float) -> Ranker:
    """A ranker in which only the given signals count."""
    nothing = dict.fromkeys(RankingConfig.model_fields, 0.0)
    return Ranker(ease, vocabulary, texts, RankingConfig(**{**nothing, **weights}))


@pytest.mark.parametrize("signal", ["person", "similar"])
def test_alone_the_recommender_decides(
    signal: str, ease: Recommender, vocabulary: Vocabulary, texts: Texts, everything: np.ndarray
) -> None:
    items = [vocabulary.catalogue.find(title) for title in ("Heat (1995)", "Fargo (1996)")]
    wishes = Wishes(similar_to=tuple(items) if signal == "similar" else ())
    history = items if signal == "person" else []
    found = ranker(ease, vocabulary, texts, **{signal: 1}).rank(history, wishes, everything)
    best, _ = top_k(ease.score(Histories.of([items])), 20)
    assert found.order[:20].tolist() == best[0].tolist()
    assert found.place(signal, int(best[0, 4])) == 5


def test_what_is_not_allowed_is_not_ranked(
    ease: Recommender, vocabulary: Vocabulary, texts: Texts
) -> None:
    allowed = np.arange(len(vocabulary)) % 3 == 1
    found = ranker(ease, vocabulary, texts, person=1).rank([], Wishes(), allowed)
    assert sorted(found.order.tolist()) == np.flatnonzero(allowed).tolist()
    none = ranker(ease, vocabulary, texts, person=1).rank([], Wishes(), allowed & False)
    assert none.order.tolist() == []


def test_each_wish_moves_what_it_is_about(
    ease: Recommender, vocabulary: Vocabulary, texts: Texts, everything: np.ndarray
) -> None:
    heat = vocabulary.catalogue.find("Heat (1995)")  # Action, Crime, Thriller
    rank = Ranker(ease, vocabulary, texts).rank
    plain = rank([], Wishes(), everything).order[:50]
    comedy = vocabulary.has_genre(["Comedy"])
    wished = rank([], Wishes(wished=(("Comedy",),)), everything).order[:50]
    unwished = rank([], Wishes(unwished=(("Comedy",),)), everything).order[:50]
    assert comedy[wished].mean() > comedy[plain].mean() > comedy[unwished].mean()
    kin = ranker(ease, vocabulary, texts, kin=1).rank([], Wishes(similar_to=(heat,)), everything)
    assert set(vocabulary.genres_of(int(kin.order[0]))) == set(vocabulary.genres_of(heat))
    words = rank([], Wishes(words=("vampires", "zzzz")), everything).order[:2]
    assert all("Vampire" in vocabulary.catalogue.titles[item] for item in words)
    near = rank([], Wishes(similar_to=(heat,)), everything).order[:20]
    place = np.argsort(rank([], Wishes(), everything).order)
    away = np.argsort(rank([], Wishes(unlike=(heat,)), everything).order)
    assert (away[near] > place[near]).mean() > 0.9


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0.1, 1e3), st.randoms())
def test_standardised_values_do_not_depend_on_their_unit(
    values: list[float], unit: float, chance: object
) -> None:
    array = np.array(values)
    allowed = np.array([chance.random() < 0.7 for _ in values])  # type: ignore[attr-defined]
    found = standardised(array, allowed)
    assert np.isfinite(found).all()
    assert (found[~allowed] == 0).all()
    order = np.argsort(array[allowed], kind="stable")
    assert (np.diff(found[allowed][order]) >= 0).all()
    if array[allowed].size and array[allowed].std() > 1e-3:
        np.testing.assert_allclose(standardised(array * unit + 3, allowed), found, atol=1e-4)


def test_words_are_found_whatever_their_number_and_accents(texts: Texts) -> None:
    assert texts.holding("vampire").sum() == texts.holding("vampires").sum() > 0
    assert texts.knows("veronique")
    assert not texts.knows("zzzz")
    rare, common = texts.score(["vampire"]).max(), texts.score(["drama"]).max()
    assert rare > common > 0
