"""What fit() does on the tiny model, down to exact losses."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from palate.data.cases import Histories
from palate.errors import ConfigError, PalateError
from palate.evaluation.ranking import ndcg
from palate.training import checkpoint
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, fit
from palate.training.next_item import Windows, all_positions

LOSSES = [3.397832, 2.947214, 2.72172, 2.591783]


def column(learned: Learned, name: str) -> list[float]:
    return [row[name] for row in learned.history if name in row]


def plain(job: ModuleType, dropout: float = 0.2, **settings: float) -> tuple[nn.Module, Learned]:
    """A training on a list of windows: it has no lengths, so batches are consecutive pieces."""
    torch.manual_seed(0)
    net = job.TinyNet(dropout)
    windows = list(Windows(job.sequences(), job.LENGTH))
    config = TrainingConfig(**settings)
    return net, fit(net, windows, all_positions(job.ITEMS), config, None, FitContext())


def test_losses_are_those_of_this_seed(job: ModuleType) -> None:
    _, learned = plain(job, epochs=4, batch_size=16, learning_rate=0.01)
    assert column(learned, "loss") == pytest.approx(LOSSES, rel=1e-4)


def test_another_seed_another_training(job: ModuleType) -> None:
    histories = [job.Job({"epochs": 1}, seed=seed).run().history for seed in (0, 0, 1)]
    assert histories[0] == histories[1] != histories[2]


def test_bf16_learns_what_fp32_learns(job: ModuleType) -> None:
    settings = {"epochs": 4, "learning_rate": 0.01}
    full = job.Job(settings, dropout=0.0)
    half = job.Job(settings | {"precision": "bf16"}, dropout=0.0)
    expected, found = column(full.run(), "loss"), column(half.run(), "loss")
    assert found == pytest.approx(expected, rel=0.02)
    assert found != expected  # it was another arithmetic
    assert found[-1] < found[0]
    assert {value.dtype for value in half.weights().values()} == {torch.float32}
    assert half.net.states(torch.zeros(1, 2, dtype=torch.int64)).dtype == torch.float32


def test_fp16_on_a_cpu_is_refused(job: ModuleType) -> None:
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        job.Job({"precision": "fp16"}).run()


def test_two_batches_of_eight_are_one_of_sixteen(job: ModuleType) -> None:
    common = {"dropout": 0.0, "epochs": 3, "learning_rate": 0.01}
    one, _ = plain(job, batch_size=16, **common)
    two, _ = plain(job, batch_size=8, accumulate=2, **common)
    assert_close(one.state_dict(), two.state_dict(), rtol=1e-4, atol=1e-5)


def test_evaluation_every_other_epoch_and_at_the_end(job: ModuleType) -> None:
    learned = job.Job({"epochs": 5, "evaluate_every": 2}).run()
    assert column(learned, "epoch") == [1, 2, 3, 4, 5]
    assert [row["epoch"] for row in learned.history if "ndcg@10" in row] == [2, 4, 5]
    assert len(column(learned, "loss")) == 5


@pytest.mark.parametrize("every", [1, 2])
def test_stops_when_patience_ends_and_keeps_the_best(job: ModuleType, every: int) -> None:
    patience = 3
    stopped = job.Job(
        {"epochs": 60, "patience": patience, "learning_rate": 0.05, "evaluate_every": every}
    )
    learned = stopped.run()
    values = column(learned, "ndcg@10")
    assert learned.epochs < 60
    assert learned.epochs == every * len(values)
    assert learned.best == max(values)
    assert len(values) - 1 - int(np.argmax(values)) == patience
    validation = stopped.validation(job.sequences())
    ranks = validation.measure(np.arange(len(validation.cases)))
    assert float(ndcg(ranks, 10).mean()) == learned.best
    assert not stopped.net.training


def test_without_validation_cases_all_epochs_run(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    validation = job.Job.validation
    monkeypatch.setattr(job.Job, "validation", lambda self, _: validation(self, Histories.of([])))
    learned = job.Job({"epochs": 3, "patience": 1}).run()
    assert (learned.best, learned.epochs) == (None, 3)


def test_a_broken_loss_says_so_and_leaves_no_checkpoint(job: ModuleType, tmp_path: Path) -> None:
    diverging = job.Job({"epochs": 3, "learning_rate": 1e38})
    with pytest.raises(PalateError, match=r"diverged.* in epoch 1; a learning_rate below 1e\+38"):
        diverging.run(tmp_path)
    assert checkpoint.newest(tmp_path) is None
