"""Training from prompts: what is learned, and that batches change nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from palate.language.backbone import IGNORED, Backbone
from palate.language.prompts import Prompt, Slot
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import fit
from palate.training.prompts import PromptExamples, PromptNet

PROMPTS = [
    Prompt.of("Seen: Babe; Seven. Next: ", answer="Heat (1995)"),
    Prompt.of("Seen: M. Next: ", answer="Ronin (1998)"),
    Prompt.of("Seen: ", Slot(2), " and ", Slot(0), ". Next: ", answer="Twelve Monkeys"),
    Prompt.of("Seen: nothing at all, ever, in the whole of a long life. Next: ", answer="Babe"),
]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone.load("smollm2-135m", layers=2, precision="fp32", device="cpu")


@pytest.fixture
def net(backbone: Backbone) -> PromptNet:
    torch.manual_seed(0)
    bridge = nn.Embedding(3, backbone.hidden_size)
    nn.init.normal_(bridge.weight, std=0.1)
    return PromptNet(copy.deepcopy(backbone), bridge)


def test_answers_alone_are_learned_or_the_prompts_too(backbone: Backbone) -> None:
    answers, everything = (
        PromptExamples(backbone, PROMPTS, whole=whole) for whole in (False, True)
    )
    for number in range(len(PROMPTS)):
        one = answers.collate([answers[number]])
        learned = one["labels"][0][one["labels"][0] != IGNORED]
        told = backbone.tokenizer.decode(learned.tolist())
        assert told == PROMPTS[number].answer
        whole = everything.collate([everything[number]])["labels"][0]
        vectors = len(everything[number].slots)
        assert int((whole != IGNORED).sum()) == everything.lengths[number] - 1 - vectors


def test_a_batch_is_the_mean_over_the_tokens_of_its_prompts(net: PromptNet) -> None:
    examples = PromptExamples(net.backbone, PROMPTS)
    losses, counts = [], []
    for number in range(len(PROMPTS)):
        batch = examples.collate([examples[number]])
        losses.append(float(net(**batch)["loss"].detach()))
        counts.append(int((batch["labels"] != IGNORED).sum()))
    together = float(net(**examples.collate([examples[i] for i in range(4)]))["loss"].detach())
    expected = sum(a * b for a, b in zip(losses, counts, strict=True)) / sum(counts)
    assert together == pytest.approx(expected, rel=1e-4)


def test_training_lowers_the_loss_and_only_of_what_may_learn(net: PromptNet) -> None:
    net.backbone.requires_grad_(False)
    before = net.backbone.fingerprint()
    bridge = net.bridge.weight.detach().clone()
    examples = PromptExamples(net.backbone, PROMPTS * 4)
    config = TrainingConfig(epochs=6, batch_size=16, learning_rate=1e-2, weight_decay=0)
    learned = fit(net, examples, examples.collate, config, None, FitContext())
    assert net.backbone.fingerprint() == before
    assert not torch.equal(net.bridge.weight, bridge)
    assert torch.equal(net.bridge.weight[1], bridge[1]), "a vector that no prompt holds changed"
    assert learned.history[-1]["loss"] < learned.history[0]["loss"]
