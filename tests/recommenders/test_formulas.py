"""Each method against the formula of its paper, written out the slow way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.cases import Histories
from palate.errors import ConfigError, DataError
from palate.recommenders.als import ALS, ALSConfig
from palate.recommenders.bpr import BPR, BPRConfig
from palate.recommenders.caser import CaserConfig, CaserNet
from palate.recommenders.conformance import taste_split
from palate.recommenders.ease import EASE, EASEConfig
from palate.recommenders.gru4rec import GRU4RecConfig, GRU4RecNet
from palate.recommenders.interactions import binary_matrix, item_counts, user_item_matrix
from palate.recommenders.itemknn import ItemKNN, ItemKNNConfig
from palate.recommenders.popularity import Popularity, PopularityConfig, recent
from palate.recommenders.sasrec import SASRec, SASRecConfig, SASRecNet
from palate.recommenders.slist import SLIST, SLISTConfig
from palate.recommenders.slit import SLIT, SLITConfig

SPLIT = taste_split()
ITEMS = SPLIT.n_items
ragged = st.lists(st.lists(st.integers(0, 6), max_size=9), min_size=1, max_size=6)


@given(ragged)
def test_matrices_count(lists):
    histories = Histories.of(lists)
    expected = np.array([np.bincount(one, minlength=7) for one in map(np.int64, lists)])
    assert (user_item_matrix(histories, 7).toarray() == expected).all()
    assert (binary_matrix(histories, 7).toarray() == (expected > 0)).all()
    assert (item_counts(histories, 7) == expected.sum(0)).all()


@pytest.mark.parametrize("item", [ITEMS, -1])
def test_an_index_outside_the_catalogue_is_an_error(item):
    net = SASRecConfig(width=4, length=4, epochs=1, device="cpu")
    for recommender in (EASE(), ItemKNN(), ALS(), BPR(), SASRec(net)):
        recommender.fit(SPLIT)
        with pytest.raises(DataError, match=f"item index {item}; the catalogue has {ITEMS} items"):
            recommender.score(Histories.of([[0], [1, item]]))


# Popularity


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.floats(0.01, 1))
def test_recent_events_are_the_newest_share(times, share):
    kept = recent(np.array(times), share)
    assert kept.sum() >= share * len(times)
    if not kept.all():
        assert np.array(times)[kept].min() > np.array(times)[~kept].max()
        oldest = np.array(times)[kept].min()
        assert (np.array(times) > oldest).sum() < share * len(times)


def test_recent_popularity_without_times_says_so():
    with pytest.raises(ConfigError, match=r"newest=0.5 needs the times of events"):
        Popularity(PopularityConfig(newest=0.5)).fit(SPLIT)


# EASE


def test_ease_minimises_its_loss():
    """No other weights without a diagonal have a smaller loss: the gradient is zero off it."""
    ease = EASE(EASEConfig(regularization=7)).fit(SPLIT)
    seen = binary_matrix(SPLIT.train.sequences(), ITEMS).toarray().astype(float)
    weights = ease._weights.astype(float)
    gradient = seen.T @ (seen @ weights - seen) + 7 * weights
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-4
    assert (np.diag(weights) == 0).all()


# SLIT and SLIST


@given(st.sampled_from([0.3, 0.8, 1.0]), st.sampled_from([2, 50]), st.sampled_from([0, 0.5]))
@settings(max_examples=8)
def test_slit_and_slist_minimise_their_loss(decay, length, together):
    """Over all events, what came before them and users' sets: the gradient is zero."""
    told = {"decay": decay, "length": length, "regularization": 3}
    slit = (
        SLIST(SLISTConfig(**told, together=together)) if together else SLIT(SLITConfig(**told))
    ).fit(SPLIT)
    past, following = [], []
    for history in SPLIT.train.sequences():
        for place in range(1, len(history)):
            row = np.zeros(ITEMS)
            for age, item in enumerate(history[:place][::-1][:length]):
                row[item] += decay**age
            past.append(row / row.sum())
            following.append(np.eye(ITEMS)[history[place]])
    x, y = np.array(past), np.array(following)
    sets = np.array([np.isin(np.arange(ITEMS), one) for one in SPLIT.train.sequences()], float)
    weights = slit._weights.astype(float)
    apart = together * sets.T @ (sets @ weights - sets)
    assert np.abs(x.T @ (x @ weights - y) + apart + 3 * weights).max() < 1e-3
    histories = Histories.of([[1, 4, 2], [3]])
    assert slit.score(histories)[1] == pytest.approx(slit._weights[3], abs=1e-6)


# ItemKNN


def test_itemknn_is_the_shrunk_cosine():
    knn = ItemKNN(ItemKNNConfig(neighbours=4, shrinkage=2, half_life=3)).fit(SPLIT)
    users = [set(one.tolist()) for one in SPLIT.train.sequences()]
    touched = [{u for u, items in enumerate(users) if item in items} for item in range(ITEMS)]
    similar = np.zeros((ITEMS, ITEMS))
    for i in range(ITEMS):
        row = np.zeros(ITEMS)
        for j in range(ITEMS):
            both = len(touched[i] & touched[j])
            row[j] = both / (np.sqrt(len(touched[i]) * len(touched[j])) + 2) if i != j else 0
        for j in np.argsort(-row, kind="stable")[:4]:
            similar[i, j] = row[j]
    history = [3, 1, 3, 6]
    expected = sum(0.5 ** (age / 3) * similar[item] for age, item in enumerate(history[::-1]))
    np.testing.assert_allclose(knn.score(Histories.of([history]))[0], expected, rtol=1e-5)


def test_itemknn_does_not_depend_on_its_blocks(monkeypatch):
    whole = ItemKNN(ItemKNNConfig(neighbours=3)).fit(SPLIT)
    monkeypatch.setattr("palate.recommenders.itemknn.BLOCK", 3)
    blocks = ItemKNN(ItemKNNConfig(neighbours=3)).fit(SPLIT)
    assert (whole._similar.toarray() == blocks._similar.toarray()).all()


def test_itemknn_without_half_life_counts_all_events_alike():
    knn = ItemKNN(ItemKNNConfig(half_life=None)).fit(SPLIT)
    forth, back = knn.score(Histories.of([[1, 2, 5], [5, 2, 1]]))
    np.testing.assert_allclose(forth, back, rtol=1e-6)


# ALS and BPR


def test_als_solves_for_the_user():
    """(YᵀCY + λI) x = YᵀC p, with C = 1 + α r and 1 outside the history."""
    als = ALS(ALSConfig(factors=5, regularization=0.7, alpha=3)).fit(SPLIT)
    history = [2, 2, 7, 4]
    counts = np.bincount(history, minlength=ITEMS)
    items = als._items.astype(float)
    confidence = np.diag(1 + 3 * counts)
    system = items.T @ confidence @ items + 0.7 * np.eye(5)
    user = np.linalg.solve(system, items.T @ confidence @ (counts > 0))
    np.testing.assert_allclose(als.score(Histories.of([history]))[0], items @ user, atol=1e-4)


def test_bpr_takes_the_mean_of_a_history():
    bpr = BPR(BPRConfig(factors=6)).fit(SPLIT)
    known = bpr._popularity > 0
    expected = bpr._items[[2, 7]].mean(0) @ bpr._items.T + bpr._biases
    scores = bpr.score(Histories.of([[2, 7, 2, ITEMS - 1]]))[0]
    np.testing.assert_allclose(scores[known], expected[known], rtol=1e-4, atol=1e-6)
    assert scores[~known].max() < scores[known].min()


@pytest.mark.parametrize("method", [ALS(ALSConfig(factors=4)), BPR(BPRConfig(factors=4)), EASE()])
def test_taste_is_found(method):
    """Half of the people touch items 0 to 8, the others 9 to 17."""
    scores = method.fit(SPLIT).score(Histories.of([[0, 3], [10, 14]]))
    assert scores[0, [1, 2, 4]].mean() > scores[0, 9:18].max()
    assert scores[1, [9, 11, 12]].mean() > scores[1, :9].max()


# GRU4Rec and Caser


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 5))
def test_padding_does_not_change_a_gru(events, more):
    torch.manual_seed(0)
    net = GRU4RecNet(10, GRU4RecConfig(width=8, length=12)).eval()
    plain = net.states(torch.tensor([events]))
    padded = net.states(torch.tensor([[10] * more + events]))
    torch.testing.assert_close(padded[:, more:], plain)


def test_caser_reads_every_window_as_the_paper_does():
    """Each position of one pass equals the paper's network over that window alone."""
    torch.manual_seed(0)
    config = CaserConfig(width=6, length=7, window=4, horizontal=3, vertical=2)
    net = CaserNet(10, config).eval()
    items = torch.tensor([[10, 10, 1, 5, 2, 2, 9], [3, 8, 0, 1, 7, 4, 6]])
    states = net.states(items)
    filled = torch.cat([torch.full((2, 3), 10), items], 1)
    for position in range(7):
        image = net.items(filled[:, position : position + 4])  # [b, w, d]
        horizontal = []
        for height, conv in enumerate(net.rows, 1):
            slides = image.unfold(1, height, 1)  # [b, places, d, height]
            answers = torch.einsum("bpdh,fdh->bpf", slides, conv.weight) + conv.bias
            horizontal.append(answers.relu().amax(1))
        vertical = torch.einsum("bwd,vw->bdv", image, net.columns.weight)
        vertical = vertical + net.columns.bias
        both = torch.cat([*horizontal, vertical.flatten(1)], 1)
        expected = net.dense(both).relu()
        torch.testing.assert_close(states[:, position, :-1], expected)
    assert (states[..., -1] == 1).all()  # what the items' biases are multiplied by


@pytest.mark.parametrize(
    "net",
    [
        SASRecNet(10, SASRecConfig(width=8, length=6)),
        GRU4RecNet(10, GRU4RecConfig(width=8, length=6)),
        CaserNet(10, CaserConfig(width=8, length=6)),
    ],
    ids=lambda net: type(net).__name__,
)
def test_nets_are_causal(net):
    """What comes later changes no earlier state, and what came before changes later ones."""
    net.eval()
    first = torch.tensor([[10, 1, 2, 3, 4, 5]])
    later = torch.tensor([[10, 1, 2, 3, 9, 5]])
    states, other = net.states(first), net.states(later)
    torch.testing.assert_close(states[:, 1:4], other[:, 1:4])  # the first is padding
    assert not torch.allclose(states[:, 5], other[:, 5])


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_newest_state_is_the_last_of_all(histories):
    """Whether padding is read, or left out where all have it."""
    net = SASRecNet(10, SASRecConfig(width=8, length=6)).eval()
    items = torch.from_numpy(Histories.of(histories).padded(6, 10))
    torch.testing.assert_close(net.newest(items), net.states(items)[:, -1])
