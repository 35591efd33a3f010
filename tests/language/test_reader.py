"""A reader runs the model's own layers on vectors, whatever the model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from palate.language.backbone import Backbone
from palate.language.reader import Tuning, VectorReader


@pytest.fixture(params=["smollm2-135m", "gpt2_folder", "gemma_folder"])
def model(request: pytest.FixtureRequest) -> str:
    """What each kind of model is loaded from."""
    name = request.param
    return str(request.getfixturevalue(name)) if name.endswith("folder") else name


def load(model: str, layers: int = 2) -> Backbone:
    return Backbone.load(model, layers=layers, precision="fp32", device="cpu")


def some_vectors(hidden: int, rows: int = 3, length: int = 6) -> torch.Tensor:
    return torch.randn(rows, length, hidden, generator=torch.Generator().manual_seed(0))


def test_reads_as_the_model_does(model: str) -> None:
    backbone = load(model)
    vectors = some_vectors(backbone.hidden_size)
    real = torch.ones(3, 6, dtype=torch.bool)
    real[1, :2] = False
    with torch.no_grad():
        expected = backbone.hidden(vectors, real.long())
        found = VectorReader(backbone).eval()(vectors, real)
    assert_close(found[real], expected[real])


def test_padding_changes_nothing(model: str) -> None:
    backbone = load(model)
    reader = VectorReader(backbone).eval()
    vectors = some_vectors(reader.hidden_size, 1)
    padded = torch.cat([torch.full((1, 3, reader.hidden_size), 7.0), vectors], 1)
    real = torch.ones(1, 9, dtype=torch.bool)
    real[:, :3] = False
    with torch.no_grad():
        alone = reader(vectors, torch.ones(1, 6, dtype=torch.bool))
        assert_close(reader(padded, real)[:, 3:], alone, rtol=1e-4, atol=1e-4)


def test_nothing_later_is_seen(model: str) -> None:
    reader = VectorReader(load(model)).eval()
    vectors = some_vectors(reader.hidden_size)
    changed = vectors.clone()
    changed[:, 4:] = 5.0
    real = torch.ones(3, 6, dtype=torch.bool)
    with torch.no_grad():
        before, after = reader(vectors, real), reader(changed, real)
    assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_with_all_that_layers_add_dropped_the_vectors_remain(model: str) -> None:
    """In training alone: dropout is off where a model is judged."""
    untouched, dropping = VectorReader(load(model)), VectorReader(load(model), dropout=1.0)
    vectors = some_vectors(dropping.hidden_size)
    real = torch.ones(3, 6, dtype=torch.bool)
    states: list[torch.Tensor] = []
    norm = [m for m in dropping.decoder.modules() if "Norm" in type(m).__name__][-1]
    norm.register_forward_pre_hook(lambda module, args: states.append(args[0]))
    with torch.no_grad():
        dropping.train()(vectors, real)
        entered = states[0]
        dropping.eval()
        assert_close(dropping(vectors, real), untouched.eval()(vectors, real))
        other = dropping.train()(vectors + 1, real)
    assert_close(states[0], entered)
    assert not torch.equal(states[2], entered)
    assert other.isfinite().all()
    if "gpt2" not in model:  # which adds positions before its layers
        assert_close(entered, vectors)


def test_a_gate_scales_what_layers_add_and_learns(model: str) -> None:
    open_, shut = VectorReader(load(model), gate=1.0).eval(), VectorReader(load(model), gate=0.0)
    vectors = some_vectors(shut.hidden_size)
    real = torch.ones(3, 6, dtype=torch.bool)
    with torch.no_grad():
        expected = VectorReader(load(model)).eval()(vectors, real)
        assert_close(open_(vectors, real), expected)
        shut_states = shut.eval()(vectors, real)
        assert_close(shut_states, VectorReader(load(model), dropout=1.0).train()(vectors, real))
    shut(vectors, real).pow(2).sum().backward()
    assert shut.gates is not None
    assert shut.gates.grad is not None
    assert shut.gates.grad.abs().min() > 0


@pytest.mark.parametrize("tuning", ["full", "lora", "frozen"])
def test_what_training_changes(model: str, tuning: Tuning) -> None:
    reader = VectorReader(load(model), tuning).train()
    vectors = some_vectors(reader.hidden_size)
    real = torch.ones(3, 6, dtype=torch.bool)
    trained = {name for name, p in reader.named_parameters() if p.requires_grad}
    everything = {name for name, _ in reader.named_parameters()}
    if tuning == "full":
        assert trained == everything
    elif tuning == "frozen":
        assert not trained
    else:
        assert trained == {name for name in everything if "lora_" in name} != set()
    if trained:
        reader(vectors, real).pow(2).sum().backward()
        assert any(p.grad is not None and p.grad.any() for p in reader.parameters())


def test_the_vocabulary_is_let_go(model: str) -> None:
    backbone = load(model)
    words = backbone.embed_tokens.weight
    reader = VectorReader(backbone)
    assert all(p is not words for p in reader.parameters())
    assert reader.scale == pytest.approx(float(words.detach().std()))


def test_saved_weights_of_another_start_make_the_same_reader(model: str, tmp_path: Path) -> None:
    reader = VectorReader(load(model)).eval()
    other = VectorReader(Backbone.random(model, 2, seed=3, precision="fp32", device="cpu")).eval()
    vectors = some_vectors(reader.hidden_size)
    real = torch.ones(3, 6, dtype=torch.bool)
    with torch.no_grad():
        assert not torch.allclose(other(vectors, real), reader(vectors, real))
        other.load_state_dict(reader.state_dict())
        assert torch.equal(other(vectors, real), reader(vectors, real))
