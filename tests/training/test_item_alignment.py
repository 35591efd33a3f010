"""Alignment on made-up events with the real small model's vocabulary: pairs, masks, learning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from palate.data.cases import Split
from palate.language.backbone import Backbone
from palate.language.qformer import QFormer, QFormerConfig, TextSide
from palate.recommenders.conformance import split_of, taste_split
from palate.training.alignment import item_text_similarity
from palate.training.context import FitContext
from palate.training.fit import fit
from palate.training.item_alignment import (
    AlignmentConfig,
    AlignmentExamples,
    AlignmentNet,
    NumberedTexts,
    audiences,
    drawn,
    neighbours,
)

SIZES = QFormerConfig(queries=2, width=16, layers=2, heads=2)
SOURCE = 6


@pytest.fixture(scope="module")
def smol() -> Backbone:
    return Backbone.load("smollm2-135m", layers=1, precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def split() -> Split:
    return taste_split()


@pytest.fixture(scope="module")
def texts(smol: Backbone, split: Split) -> NumberedTexts:
    return NumberedTexts(smol, split.catalogue.titles, max_tokens=12)


@pytest.fixture
def examples(texts: NumberedTexts, split: Split) -> AlignmentExamples:
    torch.manual_seed(0)
    return AlignmentExamples(split.train.sequences(), texts)


def net_of(texts: NumberedTexts, users: int, alignment: Any, **more: Any) -> AlignmentNet:
    torch.manual_seed(1)
    return AlignmentNet(
        QFormer(SOURCE, SIZES),
        TextSide(texts.table, texts.length, SIZES),
        torch.randn(len(texts.ids), SOURCE),
        torch.randn(users, SOURCE),
        alignment,
        AlignmentConfig(compared=8, **more),
    )


def test_texts_keep_their_tokens_under_new_numbers(smol, texts, split):
    used = sorted({token for ids in smol.tokenizer.encode(split.catalogue.titles) for token in ids})
    assert texts.table.shape == (len(used), smol.hidden_size)
    for title, ids in zip(split.catalogue.titles, texts.ids, strict=True):
        assert (ids[0], ids[-1]) == (TextSide.CLS, TextSide.END)
        assert smol.tokenizer.decode([used[i - TextSide.FIRST] for i in ids[1:-1]]) == title
    torch.testing.assert_close(texts.table[3], smol.embed_tokens.weight[used[3]])
    assert max(map(len, NumberedTexts(smol, split.catalogue.titles, 2).ids)) == 4


def test_pairs_are_steps_of_training_and_of_nothing_else(split):
    steps = {
        frozenset(step)
        for sequence in split.train.sequences()
        for step in pairwise(sequence.tolist())
        if step[0] != step[1]
    }
    near = neighbours(split.train.sequences(), split.n_items)
    found = {frozenset((int(a), int(b))) for a, b in zip(*near.nonzero(), strict=True)}
    assert found == steps
    held_out = {
        frozenset((int(history[-1]), int(target)))
        for history, target in zip(split.test.histories, split.test.targets, strict=True)
    }
    unseen = {pair for pair in held_out - steps if len(pair) == 2}
    assert unseen, "every test step is one of training: the test tests nothing"
    assert not found & unseen


def test_sequences_do_not_run_into_one_another():
    split = split_of([[0, 1, 2, 8, 8, 8], [], [3, 4, 5, 8, 8, 8]][::2], 9, "two")
    near = neighbours(split.train.sequences(), 9).toarray()
    assert not near[2, 3]
    assert near[0, 1]
    assert near[1, 0]
    assert not near.diagonal().any()


def test_an_audience_is_who_touched_it(split):
    sequences = split.train.sequences()
    audience = audiences(sequences, split.n_items).toarray()
    for user, sequence in enumerate(sequences):
        assert audience[:, user].nonzero()[0].tolist() == sorted(set(sequence.tolist()))


def test_draws_come_from_a_rows_own_columns_and_reach_all_of_them(split):
    near = neighbours(split.train.sequences(), split.n_items)
    rows = np.full(400, split.train.sequences().items[0])
    assert set(drawn(near, rows).tolist()) == set(near[[rows[0]]].indices.tolist())
    unseen = np.array([split.n_items - 1])
    assert drawn(near, unseen).tolist() == [-1]


def test_a_batch_says_what_belongs_together(examples, split):
    batch = examples.collate([examples[i] for i in range(len(examples))])
    near, audience = examples.near.toarray(), examples.audience.toarray()
    items, others, users = (batch[key].tolist() for key in ("items", "others", "users"))
    assert items == np.unique(split.train.sequences().items).tolist()
    assert batch["near"].diagonal().all()
    assert batch["theirs"].diagonal().all()
    for row, item in enumerate(items):
        for column in range(len(items)):
            other = others[column]
            assert bool(batch["near"][row, column]) == (near[item, other] or item == other)
            assert bool(batch["theirs"][row, column]) == audience[items[column], users[row]]
    assert torch.equal(batch["same"], torch.eye(len(items), dtype=torch.bool))


def test_equal_texts_are_no_negatives_of_each_other(smol, split):
    texts = NumberedTexts(smol, ["Heat", "Ronin", "Heat", *split.catalogue.titles[3:]], 8)
    batch = AlignmentExamples(split.train.sequences(), texts).collate([0, 1, 2])
    assert batch["same"].int().tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize(
    ("alignment", "more"),
    [("it", set()), ("it+ii", {"ii"}), ("it+ui", {"ui"}), ("it+ii+ui", {"ii", "ui"})],
)
def test_a_setting_names_the_losses_and_their_sum_is_learned(examples, texts, alignment, more):
    net = net_of(texts, examples.audience.shape[1], alignment).eval()
    found = net(**examples.collate(list(range(8))))
    assert set(found) == {"loss", "itc", "itg", "itm"} | more
    total = sum(value for name, value in found.items() if name != "loss")
    torch.testing.assert_close(found["loss"], total)
    found["loss"].backward()
    unused = {name for name, value in net.named_parameters() if value.grad is None}
    assert not unused


def test_an_item_without_a_neighbour_has_no_part_in_their_loss(texts):
    split = split_of([[0, 1, 1, 1, 1], [2, 2, 2, 2, 2], [3, 4, 4, 4, 4]], len(texts.ids), "alone")
    examples = AlignmentExamples(split.train.sequences(), texts)
    batch = examples.collate([0, 2, 3])
    assert batch["others"].tolist() == [1, -1, 4]
    net = net_of(texts, 3, "it+ii").eval()
    without = examples.collate([0, 3])
    torch.testing.assert_close(net(**batch)["ii"], net(**without)["ii"])


def test_alignment_brings_items_and_their_texts_together(smol, split):
    titles = [
        *("Heat", "Ronin", "Babe", "Seven", "Alien", "Casino", "Fargo", "Jaws", "Psycho", "Rocky"),
        *("Speed", "Twister", "Vertigo", "Witness", "Zulu", "Gandhi", "Brazil", "Clue", "Diva"),
        "Amadeus",
    ]
    texts = NumberedTexts(smol, titles, max_tokens=4)
    examples = AlignmentExamples(split.train.sequences(), texts)
    more = {"epochs": 80, "batch_size": 9, "learning_rate": 5e-3}
    net = net_of(texts, examples.audience.shape[1], "it", **more)
    batch = examples.collate([examples[i] for i in range(len(examples))])

    def found() -> float:
        """Share of items whose text is the nearest of all."""
        net.eval()
        with torch.no_grad():
            vectors = net.items[batch["items"]]
            tokens, states = net.qformer.read(
                vectors, net.side, batch["ids"], batch["mask"], "apart"
            )
            near = item_text_similarity(net.item_head(tokens), net.text_head(states[:, 0]))
        return float((near.argmax(1) == torch.arange(len(near))).float().mean())

    before = found()
    learned = fit(net, examples, examples.collate, net.settings, None, FitContext())
    assert learned.best is None
    assert learned.epochs == 80
    assert before < 0.3
    assert found() > 0.8
