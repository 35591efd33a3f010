"""The moving average of the weights: its values, and what training makes of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from palate.evaluation.ranking import ndcg
from palate.training.averaging import WeightAverage


class CutError(Exception):
    """The moment a training is cut off."""


SETTINGS = {"epochs": 6, "averaging": 0.9, "learning_rate": 0.02}


def test_it_is_the_average_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average = WeightAverage(model, 0.25)
    expected = 1.0
    for step, value in enumerate([5.0, -2.0, 3.0, 7.0, 0.5], start=1):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update()
        decay = min(0.25, step / (step + 9))  # 1/10, 2/11, then 1/4
        expected = decay * expected + (1 - decay) * value
        assert average.values["weight"].item() == pytest.approx(expected, rel=1e-6)


def test_in_place_puts_the_weights_back_exactly() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[1].bias.requires_grad_(False)
    average = WeightAverage(model, 0.5)
    for parameter in average.parameters.values():
        parameter.data = torch.randn_like(parameter)
    average.update()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kept = {name: value.clone() for name, value in average.values.items()}
    with suppress(CutError), average.in_place():
        assert all(torch.equal(model.state_dict()[name], kept[name]) for name in kept)
        raise CutError
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(value, kept[name]) for name, value in average.values.items())
    assert "1.bias" not in kept


@pytest.mark.parametrize("calls", [3, 17])
def test_a_cut_training_resumes_to_the_same_average(
    job: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    whole = job.Job(SETTINGS)
    expected = whole.run()
    first = job.Job(SETTINGS)
    collate, left = first.collate, iter(range(calls))

    def cutting(windows: list) -> dict:
        if next(left, None) is None:
            raise CutError
        return collate(windows)

    monkeypatch.setattr(first, "collate", cutting)
    with pytest.raises(CutError):
        first.run(tmp_path)
    resumed = job.Job(SETTINGS)
    assert resumed.run(tmp_path, resume=True) == expected
    assert_close(resumed.weights(), whole.weights(), rtol=0, atol=0)


def test_the_average_is_what_is_judged_and_kept(job: ModuleType) -> None:
    averaged = job.Job(SETTINGS)
    learned = averaged.run()
    validation = averaged.validation(job.sequences())
    ranks = validation.measure(torch.arange(len(validation.cases)).numpy())
    assert float(ndcg(ranks, 10).mean()) == learned.best
    plain = job.Job(SETTINGS | {"averaging": 0.0})
    theirs = plain.run()
    # Averaging looks on: the steps themselves are the same.
    assert [row["loss"] for row in learned.history] == [row["loss"] for row in theirs.history]
    assert not torch.equal(averaged.weights()["items.weight"], plain.weights()["items.weight"])


def test_without_validation_the_last_average_is_kept(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[WeightAverage] = []
    update = WeightAverage.update

    def watched(self: WeightAverage) -> None:
        update(self)
        kept[:] = [self]
        snapshot.update({name: value.clone() for name, value in self.values.items()})

    snapshot: dict[str, torch.Tensor] = {}
    monkeypatch.setattr(WeightAverage, "update", watched)
    monkeypatch.setattr(job.Job, "validation", lambda self, walks: None)
    averaged = job.Job(SETTINGS | {"epochs": 2})
    assert averaged.run().best is None
    assert kept[0].steps == 12
    assert_close(averaged.weights(), snapshot, rtol=0, atol=0)
