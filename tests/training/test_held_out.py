"""Stopping by the loss on held-out examples: it is the mean over labels, and the best is kept."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch.testing import assert_close

from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import fit
from palate.training.held_out import HeldOutLoss
from palate.training.next_item import IGNORED, Windows, all_positions
from palate.training.parameters import trained_tensors


def judged(job: ModuleType, learned: int, epochs: int, patience: int) -> tuple:
    """A training on the first windows, judged by the others."""
    torch.manual_seed(0)
    net = job.TinyNet(0.0)
    windows, collate = list(Windows(job.sequences(), job.LENGTH)), all_positions(job.ITEMS)
    judge = HeldOutLoss(net, windows[learned:], collate, 3, patience)
    config = TrainingConfig(epochs=epochs, batch_size=4, learning_rate=0.05)
    told = fit(net, windows[:learned], collate, config, None, FitContext(), callbacks=[judge])
    judge.restore()
    return net, judge, told, collate(windows[learned:] or windows)


def test_the_loss_is_the_mean_over_all_held_out_labels(job: ModuleType) -> None:
    net, judge, _, batch = judged(job, learned=20, epochs=1, patience=5)
    assert judge.loss() == pytest.approx(float(net(**batch)["loss"].detach()), rel=1e-5)
    assert (batch["labels"] == IGNORED).any()  # batches differ in labels, so weights matter
    assert judge.losses == pytest.approx([judge.loss()])


def test_it_stops_and_goes_back_to_the_best_epoch(job: ModuleType) -> None:
    """Few examples, many epochs: it learns them by heart and gets worse on all others."""
    net, judge, told, _ = judged(job, learned=4, epochs=60, patience=3)
    best = judge.losses.index(min(judge.losses))
    assert told.epochs == len(judge.losses) == best + 4 < 60
    assert judge.loss() == pytest.approx(min(judge.losses))
    again, *_ = judged(job, learned=4, epochs=best + 1, patience=60)
    for name, value in trained_tensors(net).items():
        assert_close(value, trained_tensors(again)[name])


def test_nothing_held_out_stops_nothing(job: ModuleType) -> None:
    windows = list(Windows(job.sequences(), job.LENGTH))
    _, judge, told, _ = judged(job, learned=len(windows), epochs=3, patience=1)
    assert told.epochs == 3
    assert judge.losses == []
