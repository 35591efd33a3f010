"""Rankers that learn from a language model's grades and orders."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError, RunError
from palate.search.ranking.cross_encoder import (
    CrossEncoder,
    CrossEncoderConfig,
    listmle,
    ranknet,
)
from palate.search.ranking.features import Features
from palate.search.ranking.lambdamart import LambdaMART, LambdaMARTConfig
from palate.search.ranking.permutations import by_score, kendall
from palate.search.results import Hit, Query, Results
from palate.search.statistics import CollectionStatistics, plain_words
from palate.training.context import FitContext

from ..shelf import SHELF, Shelf

numbers = st.lists(st.floats(-3, 3), min_size=2, max_size=5)


@given(numbers, st.data())
def test_ranknet_by_its_definition(scores: list[float], data: st.DataObject) -> None:
    n = len(scores)
    grades = data.draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))
    pairs = [
        math.log1p(math.exp(scores[j] - scores[i]))
        for i, j in itertools.permutations(range(n), 2)
        if grades[i] > grades[j] >= 0
    ]
    found = ranknet(torch.tensor([scores]), torch.tensor([grades], dtype=torch.float))
    assert float(found) == pytest.approx(np.mean(pairs) if pairs else 0.0, abs=1e-4)


@given(numbers, st.integers(0, 2))
def test_listmle_by_its_definition(scores: list[float], padding: int) -> None:
    n = len(scores)
    grades = list(range(n, 0, -1))
    chances = [math.exp(scores[i]) / sum(map(math.exp, scores[i:])) for i in range(n)]
    padded = torch.tensor([scores + [9.0] * padding])
    told = torch.tensor([grades + [-1] * padding], dtype=torch.float)
    expected = -math.log(math.prod(chances)) / n
    assert float(listmle(padded, told)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("loss", [ranknet, listmle])
def test_the_teachers_order_has_the_least_loss(loss) -> None:  # type: ignore[no-untyped-def]
    grades = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    losses = {
        order: float(loss(torch.tensor([order], dtype=torch.float), grades))
        for order in itertools.permutations((3, 2, 1, 0))
    }
    assert min(losses, key=losses.__getitem__) == (3, 2, 1, 0)
    assert max(losses, key=losses.__getitem__) == (0, 1, 2, 3)


class Titled(Shelf):
    """The shelf, and lists over it with noise in their order."""

    def lists(self, seed: int) -> tuple[list[Results], list[list[int]]]:
        random = np.random.default_rng(seed)
        lists, grades = [], []
        for name, (title, text) in SHELF.items():
            words = random.permutation(plain_words(f"{title} {text}"))[:3]
            documents = random.permutation(list(SHELF)).tolist()
            query = Query(f"{name}{seed}", " ".join(words))
            lists.append(Results(query, tuple(Hit(d, -float(i)) for i, d in enumerate(documents))))
            grades.append([3 if d == name else 0 for d in documents])
        return lists, grades


def test_features_are_named_and_known() -> None:
    shelf = Titled()
    features = Features(shelf.statistics, shelf, ["shelf"], {"grade": lambda q, d: len(d)})
    (found,) = shelf.retrieve([Query("1", "tuning a piano")], 5)
    rows = features.of(found)
    assert rows.shape == (len(found), len(features.names))
    told = dict(zip(features.names, rows[0], strict=True))
    assert found.hits[0].document == "piano"
    assert told["score_shelf"] == found.hits[0].score
    assert told["reciprocal_rank_shelf"] == 1
    assert told["coverage"] == 1
    assert told["grade"] == 5
    assert told["idf_matched"] == pytest.approx(told["idf_query"])
    bare = features.of(Results(Query("1", "x"), (Hit("tea", 0.0),)))[0]
    assert np.isnan(bare[features.names.index("score_shelf")])
    assert features.of(Results(Query("1", "x"))).shape == (0, len(features.names))


def test_trees_learn_what_grades_say(tmp_path: Path) -> None:
    shelf = Titled()
    features = Features(shelf.statistics, shelf)
    parts = [shelf.lists(seed) for seed in range(6)]
    lists = [one for several, _ in parts for one in several]
    grades = [one for _, several in parts for one in several]
    config = LambdaMARTConfig(trees=40, leaves=7)
    trees = LambdaMART(features, config).fit(lists, grades, validation=shelf.lists(50))
    new, truth = shelf.lists(99)
    ranked = trees.rerank(new, shelf)
    first = [
        g[one.documents.index(r.documents[0])] for one, r, g in zip(new, ranked, truth, strict=True)
    ]
    assert np.mean(np.array(first) == 3) >= 0.7
    assert sum(trees.importance().values()) == pytest.approx(1)
    assert next(iter(trees.importance())) in {"bm25_text", "idf_matched", "coverage"}
    trees.save(tmp_path)
    again = LambdaMART(features).load(tmp_path)
    assert [r.documents for r in again.rerank(new, shelf)] == [r.documents for r in ranked]
    head = trees.rerank(new, shelf, 3)
    assert [r.documents[3:] for r in head] == [one.documents[3:] for one in new]
    with pytest.raises(RunError, match="other features"):
        LambdaMART(Features(shelf.statistics, shelf, ["bm25"])).load(tmp_path)
    with pytest.raises(RunError, match="no lambdamart"):
        LambdaMART(features).load(tmp_path / "nowhere")


def test_nothing_to_learn_from_is_said() -> None:
    shelf = Titled()
    trees = LambdaMART(Features(shelf.statistics, shelf))
    lists, _ = shelf.lists(0)
    for grades in ([[0] * 8] * 8, [[math.nan] * 8] * 8):
        with pytest.raises(ConfigError, match="nothing to learn from"):
            trees.fit(lists, grades)
    with pytest.raises(RunError, match="learned nothing yet"):
        trees.rerank(lists, shelf)


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a small random BERT, and a tokenizer of the shelf's words."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    words = BertWordPieceTokenizer(lowercase=True)
    texts = [f"{title} {text}" for title, text in SHELF.values()]
    words.train_from_iterator(texts, vocab_size=400, min_frequency=1, show_progress=False)
    words.save(str(folder / "tokenizer.json"))
    BertTokenizerFast(tokenizer_file=str(folder / "tokenizer.json")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=192,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("loss", ["ranknet", "listmle"])
def test_a_cross_encoder_learns_the_teachers_order(
    loss: str, tiny_encoder: str, tmp_path: Path
) -> None:
    shelf = Titled()
    lists, _ = shelf.lists(0)
    # The teacher likes some documents better than others, whatever is asked.
    taught = [
        Results(one.query, tuple(sorted(one.hits[:4], key=lambda hit: hit.document)))
        for one in lists
    ]
    config = CrossEncoderConfig(
        loss=loss,  # type: ignore[arg-type]
        epochs=60,
        learning_rate=1e-3,
        length=64,
        words=30,
        batch_size=8,  # type: ignore[arg-type]
    )
    student = CrossEncoder.load_encoder(tiny_encoder, config, device="cpu")

    def tau() -> float:
        mixed = [Results(one.query, one.hits[::-1]) for one in taught]
        found = student.rerank(mixed, shelf)
        orders = [[t.documents.index(d) for d in r.documents]
                  for t, r in zip(taught, found, strict=True)]  # fmt: skip
        return float(np.mean([kendall(order, range(4)) for order in orders]))

    before = tau()
    learned = student.fit(taught, shelf, context=FitContext(seed=0))
    assert learned.history[-1]["loss"] < learned.history[0]["loss"]
    assert tau() > max(0.6, before)
    student.save(tmp_path)
    again = CrossEncoder.load(tmp_path, device="cpu")
    texts = [shelf.text(d) for d in taught[0].documents]
    assert again.score("tea", texts) == pytest.approx(student.score("tea", texts), abs=1e-5)
    with pytest.raises(RunError, match="no cross-encoder"):
        CrossEncoder.load(tmp_path / "nowhere")


def test_grades_teach_and_validation_stops(tiny_encoder: str) -> None:
    shelf = Titled()
    lists, grades = shelf.lists(0)
    config = CrossEncoderConfig(epochs=2, length=64, words=30, hits=8)
    student = CrossEncoder.load_encoder(tiny_encoder, config, device="cpu")
    held, _ = shelf.lists(1)
    unknown = [[math.nan, *g[1:]] for g in grades]
    learned = student.fit(lists, shelf, grades=unknown, validation=held[:3])
    assert learned.best is not None
    assert -1 <= learned.best <= 1
    assert by_score([0.1, 0.1, 0.9]) == [2, 0, 1]


def test_statistics_are_those_of_bm25() -> None:
    texts = ["a b a", "b c", "c c c d"]
    known = CollectionStatistics.of(texts, plain_words)
    assert (known.documents, known.df["c"], known.cf["c"], known.average_length) == (3, 2, 4, 3)
    idf = math.log(1 + (3 - 1 + 0.5) / 1.5)
    assert known.bm25("a z", "a b a") == pytest.approx(idf * 2 / (2 + 0.9 * (0.6 + 0.4)))
    assert known.max_idf("c a z") == pytest.approx(idf)
    assert known.max_idf("z") == 0
    assert plain_words("Red planet's well-known 'dust'") == [
        "red",
        "planet's",
        "well-known",
        "dust",
    ]
