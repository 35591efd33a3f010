"""Recformer: what is read in which order, both stages, and what pre-training hands on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch.testing import assert_close

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.data.joined import joined
from palate.errors import ConfigError, DataError
from palate.recommenders.base import FitContext, Learnt, Pretrains, Represents
from palate.recommenders.conformance import learns_a_cycle, taste_split
from palate.recommenders.pretrained import CARD, WEIGHTS
from palate.recommenders.recformer import Recformer, RecformerConfig, RecformerPretraining
from palate.recommenders.recformer_net import FRAME, KEY, VALUE, Flat, Reader, flatten
from palate.recommenders.recformer_pretraining import NextItems, RecformerPretrainer
from palate.training.checkpoint import newest

HISTORIES = Histories.of([[1, 2, 3], [4], [5, 6, 7, 8, 1, 2, 3, 4, 5, 6]])
SPLIT = taste_split()


@pytest.fixture(scope="module")
def small(tiny_model: Path) -> dict[str, Any]:
    """Settings of a small one on a language model that knows nothing."""
    return {
        "model": str(tiny_model),
        "layers": 2,
        "samples": 48,
        "epochs": 2,
        "validation_users": 8,
        "length": 6,
        "precision": "fp32",
        "model_precision": "fp32",
        "device": "cpu",
    }


@pytest.fixture(scope="module")
def trained(small: dict[str, Any]) -> Recformer:
    return Recformer(RecformerConfig(**small)).fit(SPLIT)


@pytest.fixture(scope="module")
def learnt(small: dict[str, Any]) -> Learnt:
    domains = joined({"a": taste_split(seed=3), "b": taste_split(items=14, seed=4)})
    config = RecformerPretraining(**small | {"learning_rate": 5e-3})
    return Recformer().pretrain(config, domains, FitContext(seed=1))


@pytest.fixture(scope="module")
def folder(small: dict[str, Any], learnt: Learnt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``palate pretrain`` writes."""
    folder = tmp_path_factory.mktemp("pre")
    save_file(learnt.tensors, folder / WEIGHTS)
    settings = RecformerPretraining(**small).model_dump(mode="json")
    card = {"method": "recformer", "settings": settings, "marks": learnt.marks}
    (folder / CARD).write_text(json.dumps(card))
    return folder


def test_items_are_keys_and_values(trained: Recformer) -> None:
    tokenizer = trained.net.backbone.tokenizer
    frame = pl.DataFrame(
        {"item": ["a", "b"], "title": ["Alien", "Babe"], "genres": [["Horror", "Space"], None]}
    )
    first, second = flatten(Catalogue(frame), None, tokenizer, 99)
    assert tokenizer.decode(first.ids) == "title: Alien genres: Horror, Space"
    assert tokenizer.decode(second.ids) == "title: Babe"
    keys = [id_ for id_, kind in zip(first.ids, first.kinds, strict=True) if kind == KEY]
    assert tokenizer.decode(keys) == "title: genres:"
    (cut, _) = flatten(Catalogue(frame), None, tokenizer, 5)
    assert cut == Flat(first.ids[:5], first.kinds[:5])
    with pytest.raises(DataError, match="no column"):
        flatten(Catalogue(frame), ["price"], tokenizer, 5)


@given(sequences=st.lists(st.lists(st.integers(0, 4), max_size=9), min_size=1, max_size=4))
def test_the_newest_item_comes_first_and_the_closing_token_last(
    trained: Recformer, sequences: list[list[int]]
) -> None:
    items = [Flat([10 + i] * (i + 1), [KEY] + [VALUE] * i) for i in range(5)]
    reader = Reader(items, trained.net.backbone.tokenizer, 6)
    batch = reader.batch(sequences)
    for row, sequence in enumerate(sequences):
        real = batch["mask"][row].bool()
        newest = sequence[-6:][::-1]
        inner = [10 + item for item in newest for _ in range(item + 1)]
        assert batch["ids"][row][real].tolist() == [*inner, reader.after]
        places = [place for place, item in enumerate(newest, 1) for _ in range(item + 1)]
        assert batch["places"][row][real].tolist() == [*places, 0]
        assert batch["kinds"][row][real][-1] == FRAME
        assert int(real.sum()) == reader.tokens(sequence)
        assert bool(real[-int(real.sum()) :].all())  # padding is on the left


def test_scores_are_products_of_what_it_represents_by(trained: Recformer) -> None:
    assert isinstance(trained, Represents)
    left, right = trained.representations(HISTORIES), trained.item_representations()
    assert left.dtype == right.dtype == np.float32
    assert_close(left @ right.T, trained.score(HISTORIES))
    assert np.allclose(np.linalg.norm(left, axis=1), 20, rtol=1e-4)
    assert np.allclose(np.linalg.norm(right, axis=1), 1, rtol=1e-4)


def test_an_item_is_read_as_a_sequence_of_one(trained: Recformer) -> None:
    net = trained.net
    alone = trained.representations(Histories.of([[item] for item in range(SPLIT.n_items)]))
    kept = net.table  # of the first stage, whose weights may be others by now
    net.forget_items()
    assert np.allclose(alone / 20, net.item_table().numpy(), atol=1e-5)
    net.table = kept


def test_items_are_told_apart_from_the_start(small: dict[str, Any]) -> None:
    """As states come, their cosines are all near 1."""
    model = Recformer(RecformerConfig(**small))
    model._place(SPLIT.catalogue)
    raw = model.net.item_table()
    model.net.standardise()
    found = model.net.item_table()
    others = ~torch.eye(SPLIT.n_items, dtype=torch.bool)
    assert float((raw @ raw.T)[others].mean()) > 0.8
    assert abs(float((found @ found.T)[others].mean())) < 0.1


def test_the_first_stage_reads_items_again_and_the_second_does_not(small: dict[str, Any]) -> None:
    fast = small | {"learning_rate": 5e-3, "validation_users": None}
    one = Recformer(RecformerConfig(**fast, second_epochs=0)).fit(SPLIT)
    table = one.item_representations()
    one.net.forget_items()
    assert np.allclose(table, one.item_representations(), atol=1e-5)  # of the weights it has

    two = Recformer(RecformerConfig(**fast, second_epochs=3)).fit(SPLIT)
    assert np.allclose(two.item_representations(), table, atol=1e-5)  # that of the first stage
    assert one.learned is not None
    assert two.learned is not None
    assert two.learned.best is not None
    assert one.learned.best is not None
    assert two.learned.best >= one.learned.best
    assert [row["epoch"] for row in two.learned.history] == [1, 2, 3, 4, 5]
    same = np.array_equal(one.representations(HISTORIES), two.representations(HISTORIES))
    assert same == (two.learned.best == one.learned.best)


def test_full_tuning_changes_the_layers_and_leaves_the_vocabulary(small: dict[str, Any]) -> None:
    model = Recformer(RecformerConfig(**small | {"tuning": "full", "epochs": 1})).fit(SPLIT)
    names = set(model.state())
    assert any(".h.0." in name or "layers.0." in name for name in names)
    assert not any("wte" in name or "embed_tokens" in name for name in names)
    tuned = Recformer(RecformerConfig(**small | {"epochs": 1}))
    assert not any(".h.0." in n and "lora" not in n for n in tuned.fit(SPLIT).state())


def test_a_training_goes_on_where_both_stages_were_left(
    small: dict[str, Any], trained: Recformer, tmp_path: Path
) -> None:
    """The folder that a whole training leaves is one from which both stages can be resumed."""
    context = FitContext(folder=tmp_path)
    first = Recformer(RecformerConfig(**small)).fit(SPLIT, context)
    assert newest(tmp_path) is not None
    assert newest(tmp_path / "second") is not None
    again = Recformer(RecformerConfig(**small)).fit(
        SPLIT, dataclasses.replace(context, resume=True)
    )
    assert np.array_equal(again.score(HISTORIES), first.score(HISTORIES))
    assert np.array_equal(again.score(HISTORIES), trained.score(HISTORIES))
    assert again.learned == first.learned


def test_it_learns_a_cycle(small: dict[str, Any]) -> None:
    calm = {"tuning": "full", "learning_rate": 2e-3, "epochs": 30, "patience": 30, "samples": None}
    config = RecformerConfig(**small | calm | {"length": 2, "validation_users": None})
    learns_a_cycle(lambda: Recformer(config))


def test_pretraining_learns_and_leaves_nothing_of_a_catalogue(learnt: Learnt) -> None:
    losses = [row["loss"] for row in learnt.learned.history]
    assert losses[-1] < losses[0]
    assert {"kinds.weight", "places.weight", "shift", "scale"} <= set(learnt.tensors)
    assert all("lora" in n for n in learnt.tensors if n.startswith("backbone"))
    assert isinstance(Recformer(), Pretrains)


def test_what_is_no_negative_is_left_out(trained: Recformer) -> None:
    batch = NextItems(trained.net.reader)([([1, 2], 3), ([4], 3), ([5, 7], 6), ([6, 3], 8)])
    assert batch["known"].tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [True, True, True, True],
    ]
    net = RecformerPretrainer(trained.net, 0.0, 1.0).eval()
    found = trained.net.read([[1, 2], [4], [5, 7], [6, 3]])
    items = trained.net.read([[3], [3], [6], [8]])
    off = batch["known"] & ~torch.eye(4, dtype=torch.bool)
    logits = (found @ items.T / 0.05).masked_fill(off, -torch.inf)
    with torch.no_grad():
        assert_close(net(**batch)["loss"], F.cross_entropy(logits, torch.arange(4)))


def test_language_is_the_models_own_loss_on_values(trained: Recformer) -> None:
    net = RecformerPretrainer(trained.net, 0.1, 1.0).eval()
    batch = trained.net.reader.batch([[1, 2], [4]])
    with torch.no_grad():
        states = trained.net.states(**batch)
        embeds = trained.net.backbone.embed_tokens(batch["ids"])
        embeds = embeds + trained.net.kinds(batch["kinds"]) + trained.net.places(batch["places"])
        labels = batch["ids"].masked_fill(batch["kinds"] != VALUE, -100)
        expected = trained.net.backbone.answer_loss(embeds, batch["mask"], None, labels)
        assert_close(net.language(states, batch["ids"], batch["kinds"]), expected)
        none = RecformerPretrainer(trained.net, 0.1, 1e-9)
        assert float(none.language(states, batch["ids"], batch["kinds"])) == 0


def test_it_starts_from_what_was_pretrained(
    small: dict[str, Any], folder: Path, learnt: Learnt, tmp_path: Path
) -> None:
    still = small | {"learning_rate": 1e-12, "epochs": 1}
    model = Recformer(RecformerConfig(**still, pretrained=folder)).fit(SPLIT)
    state = model.state()
    for name, value in learnt.tensors.items():
        assert_close(state[f"net.{name}"], value, rtol=0, atol=1e-6)
    assert not np.allclose(
        model.score(HISTORIES), Recformer(RecformerConfig(**still)).fit(SPLIT).score(HISTORIES)
    )
    model.save(tmp_path)
    loaded = Recformer.load(tmp_path, SPLIT.catalogue)
    assert np.array_equal(loaded.score(HISTORIES), model.score(HISTORIES))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"layers": 1}, r"layers=2 there and 1 here; add --layers 2"),
        ({"length": 3}, r"length=6 there and 3 here; add --length 6"),
        ({"adapter": {"rank": 4}}, r"adapter.rank=8 there and 4 here; add --adapter.rank 8"),
        ({"tuning": "full"}, r"tuning=lora there and full here; add --tuning lora"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    small: dict[str, Any], folder: Path, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        Recformer(RecformerConfig(**small | more, pretrained=folder)).fit(SPLIT)


def test_items_that_came_later_are_ranked_by_their_texts(
    trained: Recformer, tmp_path: Path
) -> None:
    trained.save(tmp_path)
    recommender = Recformer.load(tmp_path, SPLIT.catalogue)
    histories = SPLIT.test.histories
    before = recommender.score(histories)
    frame = SPLIT.catalogue.frame
    twin = frame.head(1).with_columns(item=pl.lit("twin"))
    other = frame.head(1).with_columns(item=pl.lit("other"), title=pl.lit("quite another"))
    grown = Catalogue(pl.concat([frame, twin, other]))
    recommender.take_items(grown)
    after = recommender.score(histories)
    np.testing.assert_allclose(after[:, :-2], before, atol=1e-5)
    vectors = recommender.item_representations()
    fresh = recommender.vectors_of(Catalogue(pl.concat([twin, other])))
    np.testing.assert_allclose(vectors[-2:], fresh, atol=1e-5)
    assert not np.allclose(fresh[0], fresh[1], atol=1e-3)
    assert recommender.score(Histories.of([[len(grown) - 1]])).shape == (1, len(grown))
    titles = ["renamed", *grown.titles[1:]]
    recommender.take_items(Catalogue(grown.frame.with_columns(title=pl.Series(titles))))
    changed = recommender.item_representations()
    assert not np.allclose(changed[0], vectors[0], atol=1e-3)
    np.testing.assert_allclose(changed[1:], vectors[1:], atol=1e-5)
