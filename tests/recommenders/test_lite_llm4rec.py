"""Lite-LLM4Rec: what goes in, what comes out, and the controls, on the real small model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.recommenders.conformance import split_of, taste_split
from palate.recommenders.factors import singular_vectors
from palate.recommenders.lite_llm4rec import (
    LiteLLM4Rec,
    LiteLLM4RecConfig,
    LiteLLM4RecNet,
    text_features,
)

SMALL: dict[str, Any] = {
    "layers": 1,
    "item_layers": 1,
    "text_dims": 8,
    "width": 16,
    "length": 8,
    "epochs": 1,
    "batch_size": 16,
    "precision": "fp32",
    "device": "cpu",
}
FORMS: dict[str, dict[str, Any]] = {
    "default": {},
    "ids": {"item_vectors": "id"},
    "texts": {"item_vectors": "text"},
    "paper": {"item_vectors": "text", "head": "projection", "width": None, "text_dims": None},
    "lora": {"tuning": "lora"},
    "frozen": {"tuning": "frozen"},
    "random": {"initial": "random"},
    "no-gate": {"gate": None},
    "mean": {"user_pooling": "mean"},
}
HISTORIES = Histories.of([[1, 2, 3], [4], [5, 6, 7, 8, 1, 2, 3, 4, 5, 6]])


def build(**more: Any) -> LiteLLM4Rec:
    return LiteLLM4Rec(LiteLLM4RecConfig(**SMALL | more))


@pytest.fixture(scope="module")
def trained() -> dict[str, LiteLLM4Rec]:
    return {name: build(**more).fit(taste_split()) for name, more in FORMS.items()}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_saved_and_loaded(
    trained: dict[str, LiteLLM4Rec], form: str, tmp_path: Path
) -> None:
    model = trained[form]
    model.save(tmp_path)
    loaded = LiteLLM4Rec.load(tmp_path, taste_split().catalogue)
    assert np.array_equal(loaded.score(HISTORIES), model.score(HISTORIES))


@pytest.mark.parametrize("form", FORMS)
def test_no_state_knows_what_follows(trained: dict[str, LiteLLM4Rec], form: str) -> None:
    """All positions are trained on at once, which a model that looks ahead would answer by
    reading the target."""
    net = trained[form].net.eval()
    items = torch.tensor([[1, 2, 3, 4, 5, 6]])
    changed = torch.tensor([[1, 2, 3, 9, 9, 9]])
    with torch.no_grad():
        assert_close(net.states(items)[:, :3], net.states(changed)[:, :3])
        assert not torch.allclose(net.states(items)[:, 3:], net.states(changed)[:, 3:])


@pytest.mark.parametrize("form", FORMS)
def test_padding_and_company_change_nothing(trained: dict[str, LiteLLM4Rec], form: str) -> None:
    together = trained[form].score(HISTORIES)
    alone = np.concatenate(
        [trained[form].score(HISTORIES.take(np.array([i]))) for i in range(len(HISTORIES))]
    )
    assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_mean_pooling_is_the_mean_of_the_states_so_far(trained: dict[str, LiteLLM4Rec]) -> None:
    net = trained["mean"].net
    assert isinstance(net, LiteLLM4RecNet)
    items = torch.tensor([[net.pad, net.pad, 4, 5, 6]])
    with torch.no_grad():
        real = items != net.pad
        hidden = net.reader(net.enter(net.vectors(items.masked_fill(~real, 0))), real)
        expected = net.leave(hidden[:, 2:].mean(1))
        assert_close(net.states(items)[:, -1, :-1], expected, rtol=1e-4, atol=1e-5)


def retitled(titles: dict[int, str]) -> Any:
    split = taste_split()
    names = [titles.get(i, title) for i, title in enumerate(split.catalogue.titles)]
    frame = split.catalogue.frame.with_columns(pl.Series("title", names))
    return dataclasses.replace(split, catalogue=Catalogue(frame))


def features(model: LiteLLM4Rec) -> torch.Tensor:
    return model.net.get_buffer("texts")


def test_an_items_text_decides_its_vector_and_scores(trained: dict[str, LiteLLM4Rec]) -> None:
    before = trained["texts"]
    after = build(**FORMS["texts"]).fit(retitled({3: "Alien, in space no one hears you scream"}))
    assert not torch.allclose(features(before)[3], features(after)[3])
    assert not np.allclose(before.score(HISTORIES), after.score(HISTORIES))


def test_the_control_without_texts_does_not_read_them(trained: dict[str, LiteLLM4Rec]) -> None:
    other = build(**FORMS["ids"]).fit(retitled({3: "Alien, in space no one hears you scream"}))
    assert np.array_equal(trained["ids"].score(HISTORIES), other.score(HISTORIES))


def test_shuffled_texts_are_the_same_texts_of_other_items(
    trained: dict[str, LiteLLM4Rec],
) -> None:
    right = features(trained["default"])
    wrong = features(build(shuffle_texts=True).fit(taste_split()))
    # Signs of principal components are free.
    gram, other = right @ right.T, wrong @ wrong.T
    assert not torch.allclose(gram, other, atol=1e-3)
    assert_close(gram.diagonal().sort()[0], other.diagonal().sort()[0], rtol=1e-3, atol=1e-3)


def test_the_random_control_has_other_layers() -> None:
    split = taste_split()
    nets = [
        build(initial=how, epochs=1, llm_learning_rate=1e-12) for how in ("pretrained", "random")
    ]
    weights = [
        next(p for n, p in model.fit(split).net.named_parameters() if "q_proj" in n)
        for model in nets
    ]
    assert weights[0].shape == weights[1].shape
    assert not torch.allclose(weights[0], weights[1], atol=1e-3)


def test_way_in_and_way_out_undo_each_other() -> None:
    model = build()
    model._texts = torch.zeros(20, 8)
    net = model.build(taste_split().catalogue)
    assert isinstance(net, LiteLLM4RecNet)
    vectors = torch.randn(5, 16)
    assert isinstance(net.leave, torch.nn.Sequential)
    back = net.leave[0](net.enter(vectors))
    assert_close(back / back.norm(), vectors / vectors.norm())


def test_the_parts_that_train_are_counted(trained: dict[str, LiteLLM4Rec]) -> None:
    full, frozen = trained["default"], trained["frozen"]
    layers = sum(p.numel() for p in full.net.get_submodule("reader.decoder").parameters())
    assert full.trainable_parameters - frozen.trainable_parameters == layers
    assert frozen.parameters == full.parameters


def test_wider_than_the_language_model_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"width=600.*hidden size of 576"):
        build(width=600).fit(taste_split())


def test_shuffling_texts_that_are_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="shuffle_texts needs texts"):
        build(shuffle_texts=True, item_vectors="id")


def test_texts_hold_the_columns_that_say_something() -> None:
    frame = pl.DataFrame(
        {
            "item": ["a", "b"],
            "title": ["Alien", "Babe"],
            "genres": ["Horror", None],
            "price": [1, 2],
        }
    )
    assert Catalogue(frame).texts(None) == ["Alien; genres: Horror", "Babe"]
    assert Catalogue(frame).texts(("price",)) == ["Alien; price: 1", "Babe; price: 2"]


@given(
    items=st.integers(2, 30),
    hidden=st.integers(2, 12),
    dims=st.one_of(st.none(), st.integers(1, 16)),
)
def test_features_have_unit_variance_and_no_mean(items: int, hidden: int, dims: int | None) -> None:
    vectors = torch.randn(items, hidden) * 3 + 5
    found = text_features(vectors, dims)
    assert found.shape == (items, hidden if dims is None else min(items, hidden, dims))
    assert found.std() == pytest.approx(1, abs=1e-3)
    assert_close(found.mean(0), torch.zeros(found.shape[1]), rtol=0, atol=1e-2)


def test_features_follow_their_items() -> None:
    vectors = torch.randn(30, 12)
    order = torch.randperm(30)
    found, moved = text_features(vectors, 5), text_features(vectors[order], 5)
    assert_close(moved.abs(), found[order].abs(), rtol=1e-3, atol=1e-3)


def test_singular_vectors_are_those_of_the_whole_decomposition() -> None:
    draw = np.random.default_rng(0)
    split = split_of([draw.integers(15, size=9).tolist() for _ in range(40)], 16, "random")
    sequences = split.train.sequences()
    seen = np.zeros((40, 16))
    seen[sequences.rows(), sequences.items] = 1
    normal = seen / np.sqrt(seen.sum(1, keepdims=True)) / np.sqrt(seen.sum(0).clip(1))
    _, spread, right = np.linalg.svd(normal)
    expected = (right[1:6].T * np.sqrt(spread[1:6])).astype(np.float32)
    found = singular_vectors(sequences, 16, 5)
    assert_close(found @ found.T, expected @ expected.T / expected.std() ** 2, rtol=1e-3, atol=1e-3)
    assert not found[15].any()  # an item without events


@pytest.mark.parametrize("sequences", [[[0, 1, 2]], [[0, 1, 2]] * 4])
def test_singular_vectors_of_hardly_any_data_are_finite(sequences: list[list[int]]) -> None:
    split = split_of(sequences, 5, "little")
    vectors = singular_vectors(split.train.sequences(), 5, 8)
    assert vectors.shape == (5, 8)
    assert np.isfinite(vectors).all()
