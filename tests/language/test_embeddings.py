"""Embeddings: right whatever the batch, and never taken from the cache when something differs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone
from palate.language.embeddings import batches, embed

from .test_adapters import train

TEXTS = ["Toy Story (1995)", "Heat", "", "Heat", "Amélie, a film with 日本 in it <|im_end|>", "M"]


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_each_text_alone_gives_the_same_vector(backbone: Backbone, pooling: str) -> None:
    together = embed(backbone, TEXTS, pooling=pooling, cache=False)
    assert together.shape == (len(TEXTS), backbone.hidden_size)
    assert together.dtype == torch.float32
    assert together.isfinite().all()
    for batch_tokens in (1, 20):
        other = embed(backbone, TEXTS, pooling=pooling, batch_tokens=batch_tokens, cache=False)
        torch.testing.assert_close(other, together, atol=2e-4, rtol=2e-4)
    assert torch.equal(together[1], together[3])
    assert not torch.allclose(together[0], together[1])


def test_poolings_are_what_they_say(smol: Backbone, gemma: Backbone) -> None:
    for backbone, skip in ((smol, 0), (gemma, 1)):  # BOS is left out of the mean
        ids = backbone.tokenizer.encode(["Film: Heat (1995)"])[0]
        ids = [backbone.tokenizer.bos_id] * skip + ids
        tokens = torch.tensor([ids])
        with torch.no_grad():
            states = backbone.hidden(backbone.embed_tokens(tokens), torch.ones_like(tokens))[0]
        for pooling, expected in (("mean", states[skip:].mean(0)), ("last", states[-1])):
            (vector,) = embed(
                backbone, ["Heat"], template="Film: {text} (1995)", pooling=pooling, cache=False
            )
            torch.testing.assert_close(vector, expected, atol=1e-5, rtol=1e-5)


def test_a_layer_is_the_model_loaded_with_no_more(tiny: Backbone) -> None:
    cut = Backbone.load(tiny.name, layers=2, precision="fp32", device="cpu")
    expected = embed(cut, TEXTS, cache=False)
    torch.testing.assert_close(embed(tiny, TEXTS, layer=2, cache=False), expected)
    full = embed(tiny, TEXTS, cache=False)
    assert torch.equal(embed(tiny, TEXTS, layer=tiny.layers, cache=False), full)
    assert not torch.allclose(full, expected)


def test_the_second_call_reads_the_cache(
    tiny: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embed(tiny, TEXTS)
    assert len(entries(tmp_path)) == 1

    def fail(*_: object) -> None:
        raise AssertionError("the model was run")

    monkeypatch.setattr(Backbone, "hidden", fail)
    assert torch.equal(embed(tiny, TEXTS), first)
    with pytest.raises(AssertionError, match="was run"):
        embed(tiny, TEXTS[:-1])


def test_whatever_decides_the_vectors_makes_an_entry_of_its_own(
    tiny: Backbone, tmp_path: Path
) -> None:
    """Every variant is computed afresh and right, never read from another's entry."""

    def check(
        backbone: Backbone, texts: Sequence[str] = TEXTS, new: bool = True, **how: Any
    ) -> None:
        before = len(entries(tmp_path))
        kept, fresh = (embed(backbone, texts, cache=cache, **how) for cache in (True, False))
        torch.testing.assert_close(kept, fresh, atol=1e-5, rtol=1e-5)
        assert len(entries(tmp_path)) == before + new

    check(tiny)
    check(tiny, new=False)
    check(tiny, layer=tiny.layers, new=False)  # says the same
    check(tiny, batch_tokens=9, new=False)
    check(tiny, pooling="last")
    check(tiny, layer=1)
    check(tiny, template="Film: {text}")
    check(tiny, max_tokens=2)
    check(tiny, texts=TEXTS[::-1])
    check(tiny, texts=[*TEXTS[:-1], "N"])
    check(Backbone.load(tiny.name, layers=1, precision="fp32", device="cpu"))
    check(Backbone.load(tiny.name, precision="bf16", device="cpu"))
    check(Backbone.random(tiny.name, seed=3, precision="fp32", device="cpu"))
    check(Backbone.load(tiny.name, precision="fp32", device="cpu"), new=False)

    tiny.adapters.add("taste", AdapterConfig(rank=2, dropout=0.0))
    check(tiny)  # a fresh adapter changes nothing, but that is not known beforehand
    train(tiny)
    check(tiny)
    tiny.adapters.activate(None)
    check(tiny, new=False)
    tiny.adapters.activate("taste")
    check(tiny, new=False)
    train(tiny, steps=1)
    check(tiny)

    tiny.adapters.activate(None)
    with torch.no_grad():
        next(tiny.decoder.parameters()).mul_(1.5)  # training in place
    check(tiny)


def test_a_damaged_entry_is_made_again(gpt2: Backbone, tmp_path: Path) -> None:
    expected = embed(gpt2, TEXTS)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged in (b"", whole[: len(whole) // 2], b"\xff" * 100, flipped):
        path.write_bytes(damaged)
        assert torch.equal(embed(gpt2, TEXTS), expected)
        assert path.read_bytes() == whole
    assert entries(tmp_path) == {path.name}


def test_writers_at_once_leave_one_whole_entry(gpt2: Backbone, tmp_path: Path) -> None:
    expected = embed(gpt2, TEXTS, cache=False)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: embed(gpt2, TEXTS), range(8)))
    assert all(torch.equal(vectors, expected) for vectors in found)
    assert len(entries(tmp_path)) == 1


def test_embedding_leaves_the_model_as_it_was(tiny: Backbone) -> None:
    tiny.train()
    vectors = embed(tiny, TEXTS, layer=1)
    assert tiny.training
    assert not vectors.requires_grad
    assert tiny.layers > 1
    assert all(parameter.requires_grad for parameter in tiny.parameters())


def test_no_texts_and_wrong_settings(gpt2: Backbone) -> None:
    assert embed(gpt2, []).shape == (0, gpt2.hidden_size)
    with pytest.raises(ConfigError, match="once"):
        embed(gpt2, TEXTS, template="no place")
    with pytest.raises(ConfigError, match="neither"):
        embed(gpt2, TEXTS, pooling="max")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="3 layers"):
        embed(gpt2, TEXTS, layer=4)


@given(
    lengths=st.lists(st.integers(1, 50), max_size=40),
    budget=st.integers(1, 120),
)
def test_batches_hold_each_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    found = list(batches(lengths, budget))
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget
