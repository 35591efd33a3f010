"""The parts of LLaRA that learn, and when they do."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from palate.language.backbone import Backbone
from palate.language.collate import collate, encode
from palate.language.prompts import Prompt, Slot
from palate.recommenders.item_vectors import altered, standardised
from palate.recommenders.llara_net import (
    Curriculum,
    HybridNet,
    Projector,
    Schedule,
    chance,
)

TABLE = torch.randn(30, 12, generator=torch.Generator().manual_seed(0))

PROMPTS = [
    Prompt.of("Seen: Heat", Slot(3), ", Ronin", Slot(7), ". Next: ", answer="Fargo"),
    Prompt.of("Seen: The Big Lebowski", Slot(5), ". Next: ", answer="Alien (1979)"),
]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone.load("smollm2-135m", layers=2, precision="fp32", device="cpu")


@pytest.fixture
def net(backbone: Backbone) -> HybridNet:
    """Adapted where it learns, and frozen where it does not."""
    backbone.requires_grad_(False)
    if not backbone.adapters.names:
        backbone.adapters.add("here")
    backbone.zero_grad()
    return HybridNet(backbone, Projector(TABLE, backbone.hidden_size, backbone.embedding_size))


def batch(net: HybridNet) -> Any:
    tokenizer = net.backbone.tokenizer
    return collate(encode(PROMPTS, tokenizer), tokenizer.pad_id)


def test_projected_vectors_start_at_the_size_of_token_embeddings(backbone: Backbone) -> None:
    embeddings = backbone.embed_tokens.weight.detach().float()
    size = backbone.embedding_size
    assert size == pytest.approx(float(embeddings.square().mean().sqrt()), rel=0.02)
    for scale in (0.01, 1.0, 50.0):
        projector = Projector(TABLE * scale, backbone.hidden_size, size)
        out = projector(torch.arange(30))
        assert out.shape == (30, backbone.hidden_size)
        assert float(out.detach().square().mean().sqrt()) == pytest.approx(size, rel=1e-4)


def test_the_projector_looks_up_what_the_slot_says_and_keeps_its_table() -> None:
    projector = Projector(TABLE, 16, 1.0)
    assert_close(projector(torch.tensor([4, 4, 9])), projector.project(TABLE[[4, 4, 9]]))
    learned = dict(projector.named_parameters())
    assert {tuple(one.shape) for one in learned.values()} == {(16, 12), (16,), (16, 16)}
    with projector.reading(torch.zeros_like(TABLE)):
        rows = projector(torch.tensor([4, 9]))
        assert torch.equal(rows[0], rows[1])
    assert torch.equal(projector.table, TABLE)


def test_controls_of_the_item_vectors() -> None:
    assert altered(TABLE, "learned", 0) is TABLE
    assert not altered(TABLE, "zero", 0).any()
    permuted = altered(TABLE, "permuted", 0)
    assert not (permuted == TABLE).all(1).any()  # none keeps its own
    same = (permuted[:, None] == TABLE[None]).all(2)
    assert same.sum(0).tolist() == same.sum(1).tolist() == [1] * 30
    assert torch.equal(permuted, altered(TABLE, "permuted", 0))
    assert not torch.equal(permuted, altered(TABLE, "permuted", 1))
    random = altered(TABLE, "random", 7)
    assert random.shape == TABLE.shape
    assert not torch.isin(random, TABLE).any()


def test_vectors_are_standardised_as_a_whole() -> None:
    table = standardised(TABLE * torch.arange(1, 13) + 5)
    assert_close(table.mean(0), torch.zeros(12), atol=1e-5, rtol=0)
    assert float(table.std(correction=0)) == pytest.approx(1)
    assert float(table[:, 11].std() / table[:, 0].std()) == pytest.approx(
        float(12 * TABLE[:, 11].std() / TABLE[:, 0].std()), rel=1e-4
    )


def test_a_hybrid_batch_teaches_both_and_a_batch_of_text_the_adapter_alone(net: HybridNet) -> None:
    for hybrid in (False, True):
        net.zero_grad()
        net.hybrid = hybrid
        net(**batch(net))["loss"].backward()
        assert net.bridge is not None
        for parameter in net.bridge.parameters():
            assert (parameter.grad is not None and bool(parameter.grad.any())) == hybrid
        for name, parameter in net.backbone.named_parameters():
            if "lora_B" in name:
                assert parameter.grad is not None
                assert parameter.grad.any()
            elif "lora_" not in name:
                assert parameter.grad is None, name


def test_a_batch_of_text_is_what_prompts_without_slots_are(net: HybridNet) -> None:
    """The same tokens, without room for vectors: the same loss."""
    tokenizer = net.backbone.tokenizer
    with_slots = encode(PROMPTS, tokenizer)
    without = [dataclasses.replace(one, slots=[]) for one in with_slots]
    for one, whole in zip(without, with_slots, strict=True):
        gaps = {position for position, _ in whole.slots}
        one.ids = [id_ for position, id_ in enumerate(whole.ids) if position not in gaps]
        one.answer = whole.answer - len(gaps)
    net.eval()
    net.hybrid = False
    with torch.no_grad():
        hidden = net(**collate(with_slots, tokenizer.pad_id))["loss"]
        net.hybrid = True
        plain = net(**collate(without, tokenizer.pad_id))["loss"]
        vectors = net(**collate(with_slots, tokenizer.pad_id))["loss"]
    assert_close(hidden, plain, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(vectors, plain, rtol=1e-4)


def test_the_chance_of_vectors_rises_from_none_to_all() -> None:
    steps = 40
    chances = {
        schedule: [chance(schedule, step, steps) for step in range(steps + 1)]
        for schedule in get_args(Schedule)
    }
    assert chances["curriculum"] == [step / steps for step in range(steps + 1)]
    assert chances["direct"] == [1.0] * (steps + 1)
    assert chances["text-only"] == [0.0] * (steps + 1)
    assert chances["two-stage"] == [0.0] * 16 + [1.0] * 25  # two epochs of five


def state_of(step: int, steps: int) -> Any:
    return SimpleNamespace(global_step=step, max_steps=steps)


def walk(curriculum: Curriculum, start: int, steps: int) -> None:
    arguments: Any = SimpleNamespace()
    curriculum.on_train_begin(arguments, state_of(start, steps), arguments)
    for step in range(start, steps):
        curriculum.on_step_begin(arguments, state_of(step, steps), arguments)
        assert curriculum.net.hybrid == curriculum.log[-1][1]
    curriculum.on_train_end(arguments, state_of(steps, steps), arguments)


def test_batches_are_drawn_with_that_chance(net: HybridNet) -> None:
    curriculum = Curriculum(net, "curriculum", seed=3)
    walk(curriculum, 0, 4000)
    drawn = np.array([hybrid for _, hybrid in curriculum.log]).reshape(10, -1).mean(1)
    assert abs(drawn - (np.arange(10) + 0.5) / 10).max() < 0.06
    assert net.hybrid
    for schedule, share in (("direct", 1), ("text-only", 0), ("two-stage", 0.6)):
        other = Curriculum(net, schedule, seed=3)
        walk(other, 0, 500)
        assert np.mean([hybrid for _, hybrid in other.log]) == share


def test_draws_depend_on_seed_and_step_alone(net: HybridNet) -> None:
    whole, resumed, other = (Curriculum(net, "curriculum", seed) for seed in (1, 1, 2))
    walk(whole, 0, 100)
    torch.manual_seed(5)
    walk(resumed, 63, 100)
    walk(other, 0, 100)
    assert resumed.log == whole.log
    assert other.log != whole.log
