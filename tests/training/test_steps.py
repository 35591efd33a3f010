"""How many steps a training makes and at which rates, on a model that tells by where it ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from palate.data.cases import Cases, Histories
from palate.training.batches import SharedBatches
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, Validation, decay_groups, fit

RATE = 0.01


class Slope(nn.Module):
    """A weight whose gradient is always 1, so that AdamW moves it by the learning rate each step.

    Where it ends tells how many steps were made, and at which rates.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": -self.weight.sum() + 0 * x.sum()}

    @property
    def way(self) -> float:
        """Sum of the learning rates of all steps, in units of RATE."""
        return self.weight.item() / RATE


class TwoSlopes(Slope):
    """One within the other."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = Slope()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": super().forward(x)["loss"] + self.slow(x)["loss"]}


def slide(
    net: Slope,
    ndcg: Callable[[float], float] | None = None,
    groups: list[dict[str, Any]] | None = None,
    examples: int = 10,
    **settings: Any,
) -> Learned:
    """Train *net*, 5 steps an epoch; *ndcg* gives the metric for the way it has come."""
    config = {"batch_size": 2, "epochs": 4, "learning_rate": RATE, "weight_decay": 0.0} | settings
    return fit(
        net,
        torch.zeros(examples, 1),  # type: ignore[arg-type]
        lambda rows: {"x": torch.stack(rows)},
        TrainingConfig(**config),
        None if ndcg is None else judged(net, ndcg),
        FitContext(),
        groups,
    )


def judged(net: Slope, ndcg: Callable[[float], float]) -> Validation:
    """One case, ranked so that its NDCG is the nearest to what is wanted."""
    gains = 1 / np.log2(np.arange(10) + 2)

    def score(histories: Histories) -> np.ndarray:
        rank = int(np.abs(gains - ndcg(net.way)).argmin())
        return np.where(np.arange(10) < rank, 2.0, 0.0)[None] + np.eye(10)[9]

    return Validation(Cases(Histories.of([[]]), np.array([9])), score)


def test_every_batch_of_every_epoch_is_one_step() -> None:
    net = Slope()
    learned = slide(net, examples=9, epochs=3)
    assert net.way == pytest.approx(15)
    assert (learned.best, learned.epochs) == (None, 3)


def test_accumulated_batches_are_one_step() -> None:
    net = Slope()
    slide(net, examples=9, accumulate=2, epochs=3)
    assert net.way == pytest.approx(9)  # 5 batches are 3 steps


RISE = [0, 1 / 5, 2 / 5, 3 / 5, 4 / 5]


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant_with_warmup", [1] * 15),
        ("linear", [(15 - i) / 15 for i in range(15)]),
        ("cosine", [(1 + np.cos(np.pi * i / 15)) / 2 for i in range(15)]),
    ],
)
def test_warmup_is_a_share_of_all_steps(schedule: str, rates: list[float]) -> None:
    net = Slope()
    slide(net, schedule=schedule, warmup=0.25)  # of 20 steps
    assert net.way == pytest.approx(sum(RISE) + sum(rates))


def test_parts_move_at_their_rates() -> None:
    net = TwoSlopes()
    slide(net, groups=decay_groups(net, 0.0, {"slow": RATE / 10}), epochs=2, warmup=0.5)
    assert net.way == pytest.approx(sum(RISE) + 5)
    assert net.slow.way == pytest.approx(net.way / 10)


def test_the_best_epoch_comes_back() -> None:
    net = Slope()  # best after 15 steps, the third epoch; then worse for ever
    learned = slide(net, lambda way: 1 - abs(way - 15) / 10, epochs=50, patience=4)
    assert net.way == pytest.approx(15)
    assert (learned.best, learned.epochs) == (1.0, 3 + 4)


def test_equal_is_not_better() -> None:
    net = Slope()
    learned = slide(net, lambda way: 0.5, epochs=9, patience=3)
    assert net.way == pytest.approx(5)
    assert learned.epochs == 4


def test_averaged_weights_lag_behind_and_are_what_is_judged() -> None:
    seen: list[float] = []

    def watch(way: float) -> float:
        seen.append(way)
        return way / 100

    slide(Slope(), watch)
    plain, seen = seen, []
    averaged = Slope()
    slide(averaged, watch, averaging=0.9)
    assert all(late < now for late, now in zip(seen, plain, strict=True))
    assert all(before < after for before, after in pairwise(seen))
    unjudged = Slope()
    slide(unjudged, averaging=0.9)
    assert unjudged.way == pytest.approx(seen[-1])


@pytest.mark.parametrize("examples", [64, 70, 71, 75])
def test_accumulated_batches_hold_what_one_large_batch_does(examples: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 9, examples)
    large = SharedBatches(examples, 32, 0, lengths=lengths)
    small = list(SharedBatches(examples, 8, 0, lengths=lengths, accumulate=4))
    for i, batch in enumerate(large):
        assert sorted(batch) == sorted(chain(*small[4 * i : 4 * i + 4]))
    assert len(small) == -(-examples // 8)


def test_accumulating_is_a_larger_batch(job: ModuleType) -> None:
    settings = {"learning_rate": 0.01, "epochs": 4}
    large = job.Job(settings | {"batch_size": 32}, dropout=0.0)
    small = job.Job(settings | {"batch_size": 8, "accumulate": 4}, dropout=0.0)
    expected, found = large.run(), small.run()
    for mine, theirs in zip(found.history, expected.history, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    assert_close(small.weights(), large.weights(), rtol=1e-3, atol=1e-4)


def test_mixed_precision_leaves_the_model_as_it_was(job: ModuleType) -> None:
    mixed = job.Job({"precision": "bf16", "epochs": 1})
    before = set(vars(mixed.net))
    mixed.run()
    assert set(vars(mixed.net)) == before
    mixed.settings = {"epochs": 1}
    assert mixed.run().epochs == 1  # trained on, in fp32
