"""ILM on small models: where tokens land, what stays frozen, what is ranked, and the controls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from palate.data.cases import Histories, Split
from palate.errors import ConfigError, RunError
from palate.evaluation.ranking import rank_targets
from palate.language.backbone import Backbone
from palate.language.collate import encode
from palate.recommenders.base import Controlled, FitContext
from palate.recommenders.conformance import cycle_split, taste_split
from palate.recommenders.ilm import ILM, ILMConfig
from palate.recommenders.item_tokens import MLP
from palate.recommenders.registry import configure
from palate.recommenders.title_search import UNREACHED
from palate.training.prompts import PromptExamples

QUERIES = 3
SMALL: dict[str, Any] = {
    "layers": 2,
    "noun": "film",
    "length": 4,
    "samples": 24,
    "epochs": 1,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "beams": 4,
    "validation_users": 4,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
    "cf.factors": 8,
    "cf.regularization": 1,
    "qformer.width": 32,
    "qformer.queries": QUERIES,
    "aligning.epochs": 2,
    "aligning.batch_size": 8,
    "aligning.compared": 16,
}
HISTORIES = Histories.of([[1, 2, 3], [4], [], [5, 6, 7, 8, 1, 2]])


@pytest.fixture(scope="module")
def gpt2(make_gpt2: Callable[..., Path], split: Split) -> str:
    """A model of another kind: narrow, with learned positions and no chat template."""
    more = {"n_embd": 24, "n_head": 2, "n_positions": 512, "initializer_range": 0.2}
    return str(make_gpt2(split.catalogue.titles, 300, **more))


@pytest.fixture(scope="module")
def split() -> Split:
    return taste_split()


def build(**more: Any) -> ILM:
    config = configure("ilm", SMALL | more)
    assert isinstance(config, ILMConfig)
    return ILM(config)


@pytest.fixture(scope="module")
def trained(split: Split) -> ILM:
    return build().fit(split)


@pytest.mark.parametrize("history", [[], [4], [4, 1, 4], [9, 8, 7, 6, 5]])
@pytest.mark.parametrize("titles", [True, False])
def test_tokens_land_behind_titles_or_in_their_place(
    trained: ILM, split: Split, history: list[int], titles: bool
) -> None:
    model = build(titles=titles)
    model.catalogue, model.titles, model.net = trained.catalogue, trained.titles, trained.net
    tokenizer = trained.backbone.tokenizer
    (one,) = encode([model.prompt(history, target=2)], tokenizer)
    kept = history[-4:]
    assert [slot.index for _, slot in one.slots] == kept
    for (position, slot), item in zip(one.slots, kept, strict=True):
        assert slot.width == QUERIES
        assert position + slot.width <= one.answer
        before = tokenizer.decode(one.ids[:position])
        assert before.rstrip().endswith(trained.titles[item]) == titles
    places = [p for start, _ in one.slots for p in range(start, start + QUERIES)]
    assert len(set(places)) == QUERIES * len(kept)
    assert tokenizer.decode(one.ids[one.answer :]).strip() == trained.titles[2]


def test_the_bridge_fills_each_slot_with_its_items_tokens(trained: ILM) -> None:
    slots = torch.tensor([7, 2, 7])
    with torch.no_grad():
        found = trained.tokens(slots)
        alone = trained.tokens(torch.tensor([2]))
    assert found.shape == (3, QUERIES, trained.backbone.hidden_size)
    assert torch.equal(found[0], found[2])
    torch.testing.assert_close(found[1:2], alone)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


def test_tokens_start_at_the_size_of_token_embeddings(split: Split, gpt2: str) -> None:
    for more in ({}, {"model": gpt2}):
        model = build(samples=0, alignment="none", **more).fit(split)
        size = float(model.backbone.embed_tokens.weight.float().square().mean().sqrt())
        with torch.no_grad():
            found = float(model.tokens(torch.arange(split.n_items)).square().mean().sqrt())
        assert found == pytest.approx(size, rel=0.15)


@pytest.mark.parametrize("tuning", ["frozen", "lora"])
def test_the_language_model_never_changes(split: Split, tuning: str) -> None:
    model = build(tuning=tuning)
    fresh = Backbone.load("smollm2-135m", layers=2, precision="fp32", device="cpu")
    start = {name: value.clone() for name, value in model_bridge(split).items()}
    model.fit(split)
    assert model._fingerprint() == fresh.fingerprint()
    learned = dict(model.tokens.named_parameters())
    assert not torch.equal(learned["adaptor.weight"], start["adaptor.weight"])
    assert (model.backbone.adapters.active is not None) == (tuning == "lora")


def model_bridge(split: Split) -> dict[str, torch.Tensor]:
    """The bridge as it is before anything is learned."""
    torch.manual_seed(0)
    model = build()
    model._place(split.catalogue)
    return dict(model.tokens.named_parameters())


def test_no_gradient_reaches_the_language_model(trained: ILM, split: Split) -> None:
    examples = PromptExamples(trained.backbone, trained.examples(split, seed=0)[:4])
    trained.net(**examples.collate([examples[i] for i in range(4)]))["loss"].backward()
    assert all(weights.grad is None for weights in trained.backbone.parameters())
    gradients = [weights.grad for weights in trained.tokens.parameters()]
    assert all(gradient is not None for gradient in gradients)
    assert trained.tokens.adaptor.weight.grad is not None
    assert trained.tokens.adaptor.weight.grad.abs().max() > 0
    assert isinstance(trained.tokens.encoder.queries.grad, torch.Tensor)
    assert trained.tokens.encoder.queries.grad.abs().max() > 0
    trained.net.zero_grad()


def test_a_language_model_that_changed_is_an_error(split: Split) -> None:
    class Leaky(ILM):
        def _prepare(self, split: Split, context: FitContext) -> None:
            super()._prepare(split, context)
            self.backbone.requires_grad_(True)

    config = build(alignment="none").config
    with pytest.raises(RunError, match="training changed the weights of 'smollm2-135m'"):
        Leaky(config).fit(split)


def test_beams_end_in_items_of_the_catalogue(trained: ILM, split: Split) -> None:
    scores = trained.score(HISTORIES)
    assert scores.shape == (len(HISTORIES), split.n_items)
    for row in (0, 1, 3):
        found = scores[row][scores[row] > UNREACHED]
        assert len(found) == trained.config.beams
        assert len(np.unique(found)) > 1
    assert np.array_equal(scores[2], trained.popularity)


def test_controls_run_end_to_end(trained: ILM, split: Split) -> None:
    assert isinstance(trained, Controlled)
    controls = trained.controls()
    assert set(controls) == {"tokens zeroed", "vectors permuted", "vectors random", "als alone"}
    own = trained.score(HISTORIES)
    for name, score in controls.items():
        found = score(HISTORIES)
        assert found.shape == own.shape, name
        assert np.isfinite(found).all(), name
        assert not np.allclose(found[[0, 1, 3]], own[[0, 1, 3]], atol=1e-4), name
    assert np.array_equal(trained.score(HISTORIES), own), "a control left something behind"


def test_with_tokens_zeroed_and_without_titles_all_histories_are_one(split: Split) -> None:
    model = build(titles=False, alignment="none", samples=0).fit(split)
    some = Histories.of([[1, 2], [11, 12]])
    zeroed = model.controls()["tokens zeroed"](some)
    np.testing.assert_allclose(zeroed[0], zeroed[1], atol=1e-3)
    own = model.score(some)
    assert not np.allclose(own[0], own[1], atol=1e-2)


def test_tokens_say_through_a_frozen_model_what_comes_next() -> None:
    """Everyone goes round one circle of items, and prompts hold no title: only the last item's
    tokens tell which is next, and those of another item tell another."""
    split = cycle_split()
    more = {"samples": 96, "epochs": 10, "evaluate_every": 10, "learning_rate": 1e-2, "length": 1}
    steady = {"validation_users": 1, "schedule": "constant_with_warmup"}
    model = build(titles=False, alignment="none", **more, **steady).fit(split)
    test = split.test.take(np.arange(24))
    seen = (test.histories.items, test.histories.offsets)

    def found(score: Any) -> float:
        return float((rank_targets(score(test.histories), test.targets, seen) == 0).mean())

    assert found(model.score) > 0.5
    assert found(model.controls()["vectors permuted"]) < 0.2


@pytest.mark.parametrize("tuning", ["frozen", "lora"])
def test_what_was_saved_scores_the_same(
    trained: ILM, split: Split, tmp_path: Path, tuning: str
) -> None:
    model = trained if tuning == "frozen" else build(tuning="lora", alignment="none").fit(split)
    model.save(tmp_path)
    loaded = ILM.load(tmp_path, split.catalogue)
    assert np.array_equal(loaded.score(HISTORIES), model.score(HISTORIES))
    assert torch.equal(loaded.cosines, model.cosines)
    for name in ("vectors permuted", "als alone"):
        expected = model.controls()[name](HISTORIES)
        assert np.array_equal(loaded.controls()[name](HISTORIES), expected)


def test_how_alike_an_items_tokens_are_is_told(
    split: Split, capsys: pytest.CaptureFixture[str]
) -> None:
    model = build().fit(split, FitContext(progress=True))
    before, after = model.cosines.tolist()
    assert -1 <= before < 1
    assert -1 <= after < 1
    assert before != after
    told = " ".join(capsys.readouterr().err.split())
    assert f"mean cosine {before:.3f} before the language model, {after:.3f} after" in told
    assert f"{model.trainable_parameters:,} weights trained" in told


def test_the_controls_without_alignment_or_queries_have_the_same_budget(
    trained: ILM, split: Split
) -> None:
    random = build(alignment="none").fit(split)
    mlp = build(alignment="none", encoder="mlp").fit(split)
    assert trained.aligned is not None
    assert random.aligned is None
    assert random.trainable_parameters == trained.trainable_parameters
    assert isinstance(mlp.tokens.encoder, MLP)
    assert mlp.trainable_parameters == pytest.approx(trained.trainable_parameters, rel=0.01)
    assert mlp.trainable_parameters <= trained.trainable_parameters
    assert [p.answer for p in random.examples(split, 0)] == [
        p.answer for p in trained.examples(split, 0)
    ]
    assert mlp.tokens(torch.tensor([1])).shape == trained.tokens(torch.tensor([1])).shape
    assert np.isfinite(mlp.score(HISTORIES)).all()


def test_an_mlp_cannot_be_aligned() -> None:
    with pytest.raises(ConfigError, match="add alignment=none"):
        build(encoder="mlp")


def test_several_vector_tokens_are_a_setting(split: Split) -> None:
    model = build(alignment="it+ii+ui", **{"qformer.cf_tokens": 3}).fit(split)
    assert model.tokens.encoder.enter.weight.shape == (3 * 32, 8)
    assert np.isfinite(model.score(HISTORIES)).all()


def test_another_kind_of_language_model(split: Split, gpt2: str, tmp_path: Path) -> None:
    model = build(model=gpt2, alignment="it+ui").fit(split)
    assert model.tokens.adaptor.out_features == 24
    scores = model.score(HISTORIES)
    assert ((scores > UNREACHED).sum(1)[[0, 1, 3]] == model.config.beams).all()
    model.save(tmp_path)
    assert np.array_equal(ILM.load(tmp_path, split.catalogue).score(HISTORIES), scores)
