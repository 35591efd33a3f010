"""FM, DeepFM and LightGCN against their formulas, and what scores and training share."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import polars as pl
import pytest
import torch
from torch.testing import assert_close

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.recommenders import registry
from palate.recommenders.base import FitContext
from palate.recommenders.conformance import taste_split
from palate.recommenders.deepfm import DeepFMConfig, DeepFMNet
from palate.recommenders.fm import FMConfig, FMNet, labels_of
from palate.recommenders.instance import InstanceRecommender
from palate.recommenders.lightgcn import LightGCNConfig, LightGCNNet
from palate.training.instances import Instances, negatives

SPLIT = taste_split()
ITEMS = SPLIT.n_items
SEQUENCES = SPLIT.train.sequences()
METHODS = ["fm", "deepfm", "lightgcn"]
CATALOGUE = Catalogue(
    pl.DataFrame(
        {
            "item": list("abcdef"),
            "title": list("ABCDEF"),
            "genres": ["x, y", "y", "", "z, x", "w", "x"],
            "two": ["p, q"] * 6,
        }
    )
)


@cache
def fitted(name: str, **more: object) -> InstanceRecommender:
    settings = {"width": 8, "length": 4, "epochs": 2, "batch_size": 64, "device": "cpu"}
    if name == "deepfm":
        settings |= {"hidden": (6, 4)}
    found = registry.get(name)(registry.configure(name, settings | more))
    assert isinstance(found, InstanceRecommender)
    return found.fit(SPLIT, FitContext(seed=1))


def a_batch(length: int) -> tuple[dict[str, torch.Tensor], Histories]:
    """Some training examples as a batch, and their histories."""
    data = Instances(SEQUENCES, length, ITEMS)
    examples = [data[index] for index in range(0, len(data), 7)]
    return data.collate(examples), Histories.of([e.history.tolist() for e in examples])


def scramble(net: torch.nn.Module) -> None:
    """Every parameter at random, so that no term of a formula is near zero."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(std=0.5)
        for module in net.modules():
            if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx] = 0


@pytest.mark.parametrize("name", METHODS)
def test_logits_are_columns_of_the_scores(name):
    recommender = fitted(name)
    batch, histories = a_batch(4)
    scores = torch.from_numpy(recommender.score(histories))
    for candidates in (torch.tensor([3, 0, 17, 3]), batch["positives"]):
        assert_close(recommender.net.logits(batch, candidates), scores[:, candidates])
    own = torch.randint(18, (len(histories), 5))
    assert_close(recommender.net.logits(batch, own), scores.gather(1, own))


@pytest.mark.parametrize("name", METHODS)
def test_logits_teach(name):
    """A gradient of the logits reaches the vectors of the history's and the candidates' items."""
    recommender = fitted(name)
    batch, _ = a_batch(4)
    recommender.net.zero_grad()
    recommender.net.logits(batch, torch.tensor([1, 2])).square().sum().backward()
    without = [n for n, p in recommender.net.named_parameters() if p.grad is None]
    recommender.net.zero_grad()
    assert without == []


@pytest.mark.parametrize("name", METHODS)
def test_padding_changes_nothing(name):
    net = fitted(name).net
    items = torch.tensor([[3, 1, 3]])
    candidates = torch.arange(ITEMS)
    padded = torch.nn.functional.pad(items, (4, 0), value=ITEMS)
    plain = net.logits({"items": items}, candidates)
    assert_close(net.logits({"items": padded}, candidates), plain)


@pytest.mark.parametrize("name", METHODS)
def test_what_training_never_saw_is_passed_over_and_ranks_last(name):
    scores = fitted(name).score(Histories.of([[1, 2], [1, 18, 2, 19], [18, 19, 18]]))
    assert np.array_equal(scores[0], scores[1])
    assert scores[0, 18:].max() < scores[0, :18].min()
    counts = np.bincount(SEQUENCES.items, minlength=ITEMS)
    assert scores[2].tolist() == counts.tolist()


@pytest.mark.parametrize("loss", ["softmax", "sampled-softmax", "binary", "bpr"])
@pytest.mark.parametrize("name", METHODS)
def test_every_loss_finds_the_taste(name, loss):
    """Half of the people touch items 0 to 8, the others 9 to 17."""
    recommender = fitted(name, loss=loss, epochs=12, learning_rate=0.03, negatives=3)
    scores = recommender.score(Histories.of([[0, 3], [10, 14]]))
    assert scores[0, :9].mean() > scores[0, 9:18].max()
    assert scores[1, 9:18].mean() > scores[1, :9].max()


def test_losses_are_their_formulas():
    net, (batch, _) = fitted("fm").net, a_batch(4)
    positives = batch["positives"][:, None]
    torch.manual_seed(0)
    drawn = negatives(batch["positives"], ITEMS, 3)
    scores = net.logits(batch, torch.arange(ITEMS))
    up, down = scores.gather(1, positives), scores.gather(1, drawn)
    expected = {
        "softmax": -scores.softmax(1).gather(1, positives).log().mean(),
        "sampled-softmax": -(up.exp() / (up.exp() + down.exp().sum(1, keepdim=True))).log().mean(),
        "binary": -up.sigmoid().log().mean() - (1 - down.sigmoid()).log().sum(1).mean(),
        "bpr": -(up - down).sigmoid().log().mean(),
    }
    kept = net.loss_name, net.negatives
    for name, value in expected.items():
        torch.manual_seed(0)
        net.loss_name, net.negatives = name, 3
        assert_close(net(**batch)["loss"], value)
    net.loss_name, net.negatives = kept


# FM and DeepFM


def features(history: list[int], candidate: int, net: FMNet) -> list[tuple[float, float, list]]:
    """x, w and v of every feature that is not zero, as Rendle's equation 1 reads them."""
    bag, last = net.user_fields
    item, *more = net.item_fields
    seen = sorted(set(history))
    found = [(bag, value, 1 / len(seen)) for value in seen]
    found += [(last, history[-1], 1.0), (item, candidate, 1.0)]
    for number, field in enumerate(more):
        values = [v for v in net.get_buffer(f"labels{number}")[candidate].tolist() if v < field.pad]
        found += [(field, value, 1 / len(values)) for value in values]
    return [(x, field.weights.weight[v, 0], field.vectors.weight[v]) for field, v, x in found]


@pytest.mark.parametrize("columns", [(), ("genres",), ("genres", "two")])
def test_a_machine_is_all_pairs_of_features(columns):
    labels = [labels_of(CATALOGUE, column) for column in columns]
    net = FMNet(6, FMConfig(width=3), labels).eval()
    scramble(net)
    histories = [[1, 4, 1], [5], [0, 2, 3]]
    items = torch.from_numpy(Histories.of(histories).padded(3, 6))
    found = net.logits({"items": items}, torch.arange(6))
    for row, history in enumerate(histories):
        for candidate in range(6):
            active = features(history, candidate, net)
            expected = net.bias + sum(x * w for x, w, _ in active)
            expected += sum(x * y * (v @ u) for (x, _, v), (y, _, u) in combinations(active, 2))
            assert_close(found[row, candidate], expected)


@pytest.mark.parametrize("columns", [(), ("genres",)])
@pytest.mark.parametrize("held", [1, 10**6])  # one history at a time, and all
def test_deepfm_adds_a_network_over_all_field_vectors(columns, held, monkeypatch):
    monkeypatch.setattr("palate.recommenders.deepfm.ACTIVATIONS", held)
    labels = [labels_of(CATALOGUE, column) for column in columns]
    net = DeepFMNet(6, DeepFMConfig(width=3, hidden=(5, 4)), labels).eval()
    scramble(net)
    items, candidates = torch.tensor([[6, 2, 1], [0, 2, 3]]), torch.tensor([4, 0, 0])
    user, item = net.user(items), net.item(candidates)
    found = net.logits({"items": items}, candidates)
    first = torch.cat([net.from_user.weight, net.from_item.weight], 1)
    for row in range(2):
        for column in range(3):
            x = torch.cat([user.vectors[row].flatten(), item.vectors[column].flatten()])
            x = (first @ x + net.from_user.bias).relu()
            x = net.deep[1](net.deep[0](x).relu())[0]
            machine = FMNet.logits(net, {"items": items}, candidates)[row, column]
            assert_close(found[row, column], machine + x)


def test_deepfm_has_a_softmax_of_its_own():
    net = DeepFMNet(6, DeepFMConfig(width=3, hidden=(5,))).eval()
    scramble(net)
    batch = {"items": torch.tensor([[2, 1], [6, 3]]), "positives": torch.tensor([4, 0])}
    expected = -net.logits(batch, torch.arange(6)).log_softmax(1)[[0, 1], [4, 0]].mean()
    assert_close(net.softmax(batch), expected)


def test_labels_are_numbers_padded_in_front():
    assert labels_of(CATALOGUE, "genres").tolist() == [
        [4, 1, 2], [4, 4, 2], [4, 4, 4], [4, 1, 3], [4, 4, 0], [4, 4, 1],
    ]  # fmt: skip
    assert labels_of(CATALOGUE, "two").tolist() == [[2, 0, 1]] * 6


def test_a_field_that_the_catalogue_lacks():
    with pytest.raises(ConfigError, match="item_fields: the catalogue has no column 'colour'; it"):
        fitted("fm", item_fields=("colour",))


# LightGCN


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_history_is_a_node_of_the_graph_without_a_vector_of_its_own(layers):
    """For a user of the training, all layers of the paper but the zeroth."""
    net = LightGCNNet(ITEMS, SEQUENCES, LightGCNConfig(width=5, layers=layers))
    touched = torch.zeros(len(SEQUENCES), ITEMS)
    touched[SEQUENCES.rows(), SEQUENCES.items] = 1
    normal = touched.sum(1, keepdim=True) ** -0.5 * touched
    normal = normal * touched.sum(0).clamp(min=1) ** -0.5
    users, items = [net.users.weight], [net.items.weight]
    for _ in range(layers):
        users, items = [*users, normal @ items[-1]], [*items, normal.T @ users[-1]]
    padded = torch.from_numpy(SEQUENCES.padded(12, ITEMS))
    mine, vectors = net.sides(padded)
    assert_close(mine, sum(users[1:]) / (layers + 1))
    assert_close(vectors, sum(items) / (layers + 1))


def test_neighbours_have_no_order():
    forth, back = fitted("lightgcn").score(Histories.of([[1, 2, 5, 2], [2, 5, 2, 1]]))
    assert np.array_equal(forth, back)


def test_initial_vectors_are_pulled_towards_zero():
    batch, _ = a_batch(4)
    torch.manual_seed(0)
    net = LightGCNNet(ITEMS, SEQUENCES, LightGCNConfig(width=5, regularization=6))
    net.loss_name = "softmax"
    squares = net.users.weight.square().sum() + net.items.weight.square().sum()
    pull = net(**batch)["loss"] - net.softmax(batch)
    assert_close(pull, 6 * squares / len(SEQUENCES.items))


def test_spread_vectors_are_kept_until_training_goes_on():
    net = LightGCNNet(ITEMS, SEQUENCES, LightGCNConfig(width=5)).eval()
    with torch.no_grad():
        first = net.spread()
        assert net.spread() is first
        net.items.weight += 1
        net.eval()
        assert not torch.equal(net.spread()[1], first[1])
    assert net.spread()[1].requires_grad
