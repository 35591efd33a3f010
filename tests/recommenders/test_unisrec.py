"""UniSRec: texts, ids, what is frozen, and what pre-training hands on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.joined import joined
from palate.errors import ConfigError
from palate.recommenders.base import FitContext, Learnt, Pretrains, Represents
from palate.recommenders.conformance import taste_split
from palate.recommenders.pretrained import BEGUN, CARD, WEIGHTS
from palate.recommenders.text_features import TextBasis
from palate.recommenders.unisrec import UniSRec, UniSRecConfig, UniSRecPretraining
from palate.recommenders.unisrec_net import Adaptor

SMALL: dict[str, Any] = {
    "item_layers": 1,
    "text_dims": 8,
    "experts": 2,
    "width": 16,
    "length": 8,
    "epochs": 2,
    "batch_size": 16,
    "device": "cpu",
}
HISTORIES = Histories.of([[1, 2, 3], [4], [5, 6, 7, 8, 1, 2, 3, 4, 5, 6]])


def build(**more: Any) -> UniSRec:
    return UniSRec(UniSRecConfig(**SMALL | more))


def hand_over(learnt: Learnt, config: UniSRecPretraining, folder: Path) -> Path:
    """The folder as ``palate pretrain`` writes it."""
    folder.mkdir(exist_ok=True)
    save_file(learnt.tensors, folder / WEIGHTS)
    card = {
        "method": "unisrec",
        "settings": config.model_dump(mode="json"),
        "marks": learnt.marks,
    }
    (folder / CARD).write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    domains = joined({"a": taste_split(seed=3), "b": taste_split(items=14, seed=4)})
    return UniSRec().pretrain(UniSRecPretraining(**SMALL), domains, FitContext(seed=1))


@pytest.fixture(scope="module")
def folder(learnt: Learnt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_over(learnt, UniSRecPretraining(**SMALL), tmp_path_factory.mktemp("pre") / "both")


@pytest.fixture(scope="module")
def texts_only() -> UniSRec:
    return build(transductive=False).fit(taste_split())


def test_scores_are_products_of_what_it_represents_by() -> None:
    model = build().fit(taste_split())
    assert isinstance(model, Represents)
    left, right = model.representations(HISTORIES), model.item_representations()
    assert left.dtype == right.dtype == np.float32
    assert_close(left @ right.T, model.score(HISTORIES), rtol=1e-5, atol=1e-4)
    assert np.allclose(np.linalg.norm(left, axis=1), 1 / 0.07, rtol=1e-4)
    assert np.allclose(np.linalg.norm(right, axis=1), 1, rtol=1e-4)


def test_no_state_knows_what_follows(texts_only: UniSRec) -> None:
    net = texts_only.net.eval()
    items, changed = torch.tensor([[1, 2, 3, 4, 5, 6]]), torch.tensor([[1, 2, 3, 9, 9, 9]])
    with torch.no_grad():
        assert_close(net.states(items)[:, :3], net.states(changed)[:, :3])
        assert not torch.allclose(net.states(items)[:, 3:], net.states(changed)[:, 3:])


def test_items_of_one_text_score_alike_without_ids_and_differ_with_them() -> None:
    split = taste_split()
    twins = pl.Series("title", ["Film 0 (1950)", "Film 0 (1950)", *split.catalogue.titles[2:]])
    same = Catalogue(split.catalogue.frame.with_columns(twins))
    split = Split(same, split.train, split.validation, split.test, split.name)
    without = build(transductive=False).fit(split).score(HISTORIES)
    assert np.array_equal(without[:, 0], without[:, 1])
    with_ids = build().fit(split).score(HISTORIES)
    assert not np.allclose(with_ids[:, 0], with_ids[:, 1])


def test_the_adaptor_is_the_mixture_that_the_paper_writes() -> None:
    torch.manual_seed(0)
    adaptor = Adaptor(5, 3, 4, 0.0).eval()
    for parameter in adaptor.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(6, 5)
    with torch.no_grad():
        weights = (x @ adaptor.gate).softmax(-1)
        expected = sum(
            weights[:, [e]] * ((x - adaptor.shift[e]) @ adaptor.whiten[e]) for e in range(4)
        )
        assert_close(adaptor(x), expected)
        adaptor.train()
        assert not torch.allclose(adaptor(x), adaptor(x))  # noise at the gate


def test_pretraining_leaves_nothing_of_a_catalogue_and_learns(learnt: Learnt) -> None:
    assert {"mean", "basis", "positions.weight", "adaptor.whiten"} <= set(learnt.tensors)
    assert not {"texts", "ids.weight", "popularity"} & set(learnt.tensors)
    assert learnt.tensors["mean"].shape == (576,)
    losses = [row["loss"] for row in learnt.learned.history]
    assert losses[-1] < losses[0]
    assert isinstance(UniSRec(), Pretrains)


def test_pretraining_never_reads_what_is_tested(learnt: Learnt) -> None:
    parts = {"a": taste_split(seed=3), "b": taste_split(items=14, seed=4)}
    whole = joined(parts)
    blind = Split(whole.catalogue, whole.train, whole.validation, whole.train, whole.name)
    again = UniSRec().pretrain(UniSRecPretraining(**SMALL), blind, FitContext(seed=1))
    assert all(torch.equal(again.tensors[name], value) for name, value in learnt.tensors.items())


def test_it_starts_from_what_was_pretrained_and_keeps_the_transformer(
    folder: Path, learnt: Learnt, tmp_path: Path
) -> None:
    model = build(pretrained=folder).fit(taste_split())
    frozen = [n for n in learnt.tensors if n.startswith(("blocks", "positions", "enter", "norm"))]
    state = model.state()
    assert frozen
    assert all(torch.equal(state[name], learnt.tensors[name]) for name in frozen)
    assert not torch.equal(state["adaptor.whiten"], learnt.tensors["adaptor.whiten"])
    assert model.trainable_parameters == model.parameters - sum(state[n].numel() for n in frozen)
    # Features are those that the adaptor was pre-trained on, not those of this catalogue alone.
    assert not torch.allclose(state["texts"], build().fit(taste_split()).state()["texts"])

    tuned = build(pretrained=folder, tune_encoder=True).fit(taste_split())
    assert not all(torch.equal(tuned.state()[name], learnt.tensors[name]) for name in frozen)
    assert tuned.trainable_parameters == tuned.parameters

    model.save(tmp_path)
    moved = folder.rename(folder.with_name("moved"))
    try:  # a trained model needs its beginnings no more
        loaded = UniSRec.load(tmp_path, taste_split().catalogue)
    finally:
        moved.rename(folder)
    assert np.array_equal(loaded.score(HISTORIES), model.score(HISTORIES))
    assert loaded.trainable_parameters == model.trainable_parameters


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"width": 32}, r"width=16 there and 32 here; add --width 16"),
        ({"experts": 3, "layers": 1}, r"layers=2 there.*experts=2 there.*--layers 2 --experts 2"),
        ({"text_dims": None}, r"text_dims=8 there and null here; add --text-dims 8"),
    ],
)
def test_other_sizes_are_refused_by_name(folder: Path, more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(pretrained=folder, **more).fit(taste_split())


def test_another_language_model_is_refused(folder: Path, tiny_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"another language model \('smollm2-135m' there"):
        build(pretrained=folder, model=str(tiny_model)).fit(taste_split())


def test_folders_that_hold_nothing_say_so(folder: Path, tmp_path: Path) -> None:
    def refused(place: Path) -> str:
        with pytest.raises(ConfigError) as told:
            build(pretrained=place).fit(taste_split())
        return str(told.value)

    assert "no such folder; make one with: palate pretrain unisrec" in refused(tmp_path / "no")
    (tmp_path / BEGUN).write_text("{}")
    assert f"palate pretrain --resume {tmp_path}" in refused(tmp_path)
    card = json.loads((folder / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps(card | {"method": "recformer"}))
    (tmp_path / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes())
    assert "of recformer, which unisrec cannot start from" in refused(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"x")
    assert "damaged" in refused(tmp_path)


def test_features_have_unit_variance_and_serve_another_catalogue() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(40, 12) * torch.linspace(0.1, 9, 12) + 5
    for dims in (None, 4, 12, 30):
        basis = TextBasis.of(vectors, dims)
        found = basis.features(vectors)
        assert found.shape == (40, 12 if dims is None else dims)
        assert_close(found.mean(0), torch.zeros(found.shape[1]), rtol=0, atol=1e-3)
        filled = found[:, :12]
        assert float(filled.std(correction=0)) == pytest.approx(1, abs=2e-2)
        assert_close(basis.features(vectors[:3]), found[:3])
    few = TextBasis.of(vectors[:3], 8)  # directions that three items do not fill stay small
    assert float(few.features(vectors).abs().max()) < 1e3


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="heads=3 must divide width=16"):
        build(heads=3)


def test_ids_may_start_from_who_touched_what() -> None:
    still = {"epochs": 1, "learning_rate": 1e-12}
    fresh, informed = (
        build(initial_items=how, **still).fit(taste_split()).state()["ids.weight"]
        for how in ("random", "svd")
    )
    assert float(informed[:18].std()) == pytest.approx(float(fresh.std()), rel=0.3)
    assert float(informed[19].abs().max()) < 1e-6  # the item that nobody touched
    tastes = torch.tensor([0] * 9 + [1] * 9)
    cosines = torch.nn.functional.cosine_similarity(informed[:18, None], informed[None, :18], -1)
    alike = tastes[:, None] == tastes
    assert cosines[alike].mean() > cosines[~alike].mean() + 0.1
