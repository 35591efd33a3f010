"""Losses of distillation, weights of teachers, and the curriculum."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import TrainerControl, TrainerState, TrainingArguments

from palate.training.distillation import (
    Curriculum,
    DistilConfig,
    Pacing,
    calibrated,
    difficulty,
    distillation_loss,
    divergence,
    teacher_weights,
)

seeds = st.integers(0, 1000)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(seeds, st.sampled_from(["consistency", "uniform"]), st.integers(1, 4))
def test_weights_of_teachers_sum_to_one_in_each_instance(seed: int, how: str, k: int) -> None:
    told = drawn(seed, k, 5, 6).softmax(-1)
    config = DistilConfig(weights=how)  # type: ignore[arg-type]
    weights = teacher_weights(told, torch.arange(5), config)
    assert weights.shape == (k, 5)
    torch.testing.assert_close(weights.sum(0), torch.ones(5))
    if how == "uniform":
        torch.testing.assert_close(weights, torch.full((k, 5), 1 / k))


def test_the_confident_and_the_agreeing_count_more() -> None:
    right, wrong = torch.tensor([0.9, 0.05, 0.05]), torch.tensor([0.05, 0.9, 0.05])
    correct = torch.zeros(1, dtype=torch.long)
    sure = teacher_weights(torch.stack([right, wrong])[:, None], correct, DistilConfig(agreement=0))
    assert sure[0] > 0.7
    crowd = torch.stack([wrong, wrong, right])[:, None]
    agreed = teacher_weights(crowd, correct, DistilConfig(confidence=0))
    assert agreed[0] == agreed[1] > agreed[2]
    sharper = DistilConfig(confidence=0, sharpness=0.1)
    assert teacher_weights(crowd, correct, sharper)[2] < agreed[2]


@given(seeds)
def test_a_divergence_is_symmetric_and_between_nothing_and_ln_2(seed: int) -> None:
    p, q = drawn(seed, 2, 4, 5).softmax(-1)
    found = divergence(p, q)
    torch.testing.assert_close(found, divergence(q, p))
    assert (found >= 0).all()
    assert (found <= math.log(2) + 1e-6).all()
    assert divergence(p, p).max() < 1e-6


@given(seeds, st.sampled_from(["each", "fused"]), st.sampled_from([1.0, 2.0, 5.0]))
def test_nothing_is_lost_where_the_student_says_what_teachers_say(
    seed: int, target: str, temperature: float
) -> None:
    said = drawn(seed, 4, 6)
    config = DistilConfig(target=target, temperature=temperature)  # type: ignore[arg-type]
    teachers = torch.stack([said, said + 3])  # scores shifted by a constant are the same
    correct = torch.arange(4)
    assert distillation_loss(said * 1.0, teachers, correct, config) < 1e-5
    assert distillation_loss(said * 0.5, teachers, correct, config) > 0


def test_the_loss_of_one_teacher_is_the_divergence_times_t_squared() -> None:
    student, teacher = drawn(1, 3, 5), drawn(2, 1, 3, 5)
    p, log_q = (teacher[0] / 2).softmax(-1), (student / 2).log_softmax(-1)
    wanted = 4 * (p * (p.log() - log_q)).sum(-1).mean()
    found = distillation_loss(student, teacher, torch.arange(3), DistilConfig(temperature=2))
    torch.testing.assert_close(found, wanted)


def test_controls_hear_no_teacher() -> None:
    student, correct = drawn(1, 3, 5), torch.arange(3)
    for control in ("in-batch", "smoothing"):
        config = DistilConfig(control=control)
        one, other = (
            distillation_loss(student, drawn(seed, 2, 3, 5), correct, config) for seed in (2, 3)
        )
        assert one == other


@given(seeds, st.sampled_from([0.01, 1.0, 300.0]))
def test_calibration_finds_the_scale_of_scores(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    logits = 2 * random.standard_normal((400, 12))
    likely = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    correct = np.array([random.choice(12, p=row) for row in likely])
    assert calibrated(scale * logits, correct) == pytest.approx(scale, rel=0.35)


def test_what_is_easy_is_short_and_popular_unless_said() -> None:
    lengths, popularity = np.array([2, 9, 9, 2]), np.array([5.0, 5.0, 1.0, 1.0])
    ranks = difficulty(lengths, popularity, DistilConfig())
    assert ranks.argmin() == 0
    assert ranks.argmax() == 2
    other = difficulty(lengths, popularity, DistilConfig(length_order="long-first"))
    assert other.argmin() == 1
    by_length = difficulty(lengths, popularity, DistilConfig(length_share=1.0))
    assert by_length[0] == by_length[3] < by_length[1] == by_length[2]


@given(st.integers(1, 40), st.floats(0.05, 1.0), st.sampled_from(["easy-first", "hard-first"]))
def test_a_curriculum_shows_its_share_all_of_it_and_alike(n: int, share: float, which: str) -> None:
    config = DistilConfig(curriculum=which)  # type: ignore[arg-type]
    hardness = np.random.default_rng(n).permutation(n)
    curriculum = Curriculum(list(range(n)), hardness.astype(float), config, 0)
    curriculum.visible = share
    shown = [curriculum[index] for index in range(len(curriculum))]
    seen = max(1, math.ceil(share * n))
    wanted = np.argsort(hardness)
    wanted = wanted[:seen] if which == "easy-first" else wanted[::-1][:seen]
    assert set(shown) == set(wanted.tolist())
    counts = np.bincount(shown, minlength=n)[wanted]
    assert counts.max() - counts.min() <= 1


def test_the_share_grows_until_all_is_seen() -> None:
    config = DistilConfig(begin=0.2, pace=0.5)
    curriculum = Curriculum([1, 2], np.array([0.0, 1.0]), config, 0)
    pacing = Pacing(curriculum, config)
    arguments = TrainingArguments(output_dir="unused", num_train_epochs=8)
    shares = []
    for epoch in range(8):
        pacing.on_epoch_begin(arguments, TrainerState(epoch=epoch), TrainerControl())
        shares.append(curriculum.visible)
    assert shares[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert set(shares[4:]) == {1.0}
